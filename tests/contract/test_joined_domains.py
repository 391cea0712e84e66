"""A domain becomes another name of another one, and an alias domain a domain of its own, while mail comes: all of it arrives where it did."""

import pytest

from domains.models import AliasDomain, Domain
from domains.parting import part_alias_domain
from mailboxes.domain_joining import join_domain
from mailboxes.models import Mailbox
from mailboxes.send_as import let_send_as
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients


@pytest.fixture(scope="module")
def made(empty_world):
    """Of each test an own pair of domains, for files stay and Postfix remembers addresses."""
    return empty_world


def files(server, maildir):
    there = server.mail_root / maildir / "Maildir"
    return [*there.glob("new/*"), *there.glob("cur/*")]


def arrives(server, recipient, mailbox):
    subject = clients.send(server, stranger(), recipient)
    clients.wait_for(server, mailbox, PASSWORD, subject)
    return subject


def is_refused(server, recipient):
    code, _said = clients.refusal(server, stranger(), recipient)
    return code


def join(old, new, **answers):
    domain, target = Domain.objects.get(pk=old), Domain.objects.get(pk=new)
    return join_domain(actor=None, domain=domain, target_domain=target, **answers)


def logins(postfix, address):
    return set(filter(None, (postfix.lookup("sender_login", address) or "").split(",")))


# --- A domain becomes another name


def test_mail_to_both_names_arrives_in_the_directory_of_before(mail_server, made):
    made.domain("joins1.example")
    made.domain("joined1.example")
    ann = made.mailbox("ann@joins1.example")
    made.alias("sales@joins1.example", "ann@joins1.example")
    first = arrives(mail_server, "ann@joins1.example", "ann@joins1.example")
    assert clients.may_imap(mail_server, "ann@joins1.example", PASSWORD) is True

    join("joins1.example", "joined1.example")

    asked = ["ann@joins1.example", "ann@joined1.example", "ann+list@joins1.example"]
    asked += ["sales@joins1.example", "sales@joined1.example"]
    sent = [arrives(mail_server, address, "ann@joined1.example") for address in asked]
    assert clients.subjects(mail_server, "ann@joined1.example", PASSWORD) == [first, *sent]
    assert len(files(mail_server, ann.maildir)) == 6
    assert Mailbox.objects.get(pk="ann@joined1.example").maildir == ann.maildir
    assert clients.may_imap(mail_server, "ann@joins1.example", PASSWORD) is False
    assert is_refused(mail_server, "nobody@joins1.example") == 550


def test_names_that_were_taken_go_on_reaching_whom_they_reached(mail_server, made):
    made.domain("joins2.example")
    made.domain("joined2.example")
    ours, theirs = made.mailbox("info@joins2.example"), made.mailbox("info@joined2.example")
    made.alias("@joins2.example", "info@joins2.example")
    made.alias("sales@joins2.example", "info@joins2.example")
    made.alias("sales@joined2.example", "info@joined2.example")

    join("joins2.example", "joined2.example", names={"info": "info.old"}, leave=["sales"])

    for address in ("info@joins2.example", "sales@joins2.example", "nobody@joins2.example"):
        arrives(mail_server, address, "info.old@joined2.example")
    for address in ("info@joined2.example", "sales@joined2.example"):
        arrives(mail_server, address, "info@joined2.example")
    assert (len(files(mail_server, ours.maildir)), len(files(mail_server, theirs.maildir))) == (
        3,
        2,
    )


def test_its_users_send_under_both_names(mail_server, made):
    made.domain("joins3.example")
    made.domain("joined3.example")
    made.mailbox("ann@joins3.example")
    made.mailbox("joe@joined3.example")
    made.alias("sales@joins3.example", "ann@joins3.example")

    join("joins3.example", "joined3.example")

    login = ("ann@joined3.example", PASSWORD)
    for name in ("ann", "sales"):
        for domain in ("joins3.example", "joined3.example"):
            sender = f"{name}@{domain}"
            assert clients.refusal(mail_server, sender, "joe@joined3.example", login=login) is None
    assert (
        clients.refusal(mail_server, "joe@joins3.example", "joe@joined3.example", login=login)[0]
        == 553
    )


# --- An alias domain becomes a domain of its own


@pytest.fixture(scope="module")
def twin(made):
    made.domain("main.example")
    made.domain("twin4.example")
    for name in ("ann", "joe", "eve"):
        made.mailbox(f"{name}@main.example")
    made.alias("sales@main.example", "ann@main.example", "joe@main.example")
    made.alias("closed@main.example", "ann@main.example", access="closed")
    made.alias("off@main.example", "joe@main.example", active=False)
    made.alias("@main.example", "eve@main.example")
    made.alias_domain("twin4.example", "main.example")
    let_send_as(actor=None, mailbox="eve@main.example", sender="ann@main.example")
    return AliasDomain.objects.get(pk="twin4.example")


NAMES = ("ann", "joe", "eve", "sales", "closed", "off", "nobody")


def test_all_mail_goes_on_and_so_does_whoever_sends(mail_server, postfix, twin):
    addresses = [f"{name}@twin4.example" for name in NAMES]
    may_send = {address: logins(postfix, address) for address in addresses}
    access = {address: postfix.lookup("recipient_access", address) for address in addresses}
    first = arrives(mail_server, "ann@twin4.example", "ann@main.example")

    part_alias_domain(actor=None, link=twin)

    subjects = [first, arrives(mail_server, "ann+list@twin4.example", "ann@main.example")]
    for login in ("ann@main.example", "joe@main.example"):
        arrives(mail_server, "sales@twin4.example", login)
    arrives(mail_server, "nobody@twin4.example", "eve@main.example")
    arrives(mail_server, "off@twin4.example", "eve@main.example")
    assert clients.subjects(mail_server, "ann@main.example", PASSWORD)[:2] == subjects
    found = {address: postfix.lookup("recipient_access", address) for address in addresses}
    assert found == access
    for address, logins_before in may_send.items():
        assert logins_before & {f"{name}@main.example" for name in NAMES} == (
            logins(postfix, address) & {"ann@main.example", "joe@main.example", "eve@main.example"}
        )
    login = ("joe@main.example", PASSWORD)
    refusal = clients.refusal(mail_server, "sales@twin4.example", "ann@main.example", login=login)
    assert refusal is None


def test_it_is_managed_by_itself_then(mail_server, made, twin):
    made.mailbox("new@twin4.example")

    arrives(mail_server, "new@twin4.example", "new@twin4.example")
