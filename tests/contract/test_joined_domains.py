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
    made.domain("old1.example")
    made.domain("new1.example")
    ann = made.mailbox("ann@old1.example")
    made.alias("sales@old1.example", "ann@old1.example")
    first = arrives(mail_server, "ann@old1.example", "ann@old1.example")
    assert clients.may_imap(mail_server, "ann@old1.example", PASSWORD) is True

    join("old1.example", "new1.example")

    asked = ["ann@old1.example", "ann@new1.example", "ann+list@old1.example"]
    asked += ["sales@old1.example", "sales@new1.example"]
    sent = [arrives(mail_server, address, "ann@new1.example") for address in asked]
    assert clients.subjects(mail_server, "ann@new1.example", PASSWORD) == [first, *sent]
    assert len(files(mail_server, ann.maildir)) == 6
    assert Mailbox.objects.get(pk="ann@new1.example").maildir == ann.maildir
    assert clients.may_imap(mail_server, "ann@old1.example", PASSWORD) is False
    assert is_refused(mail_server, "nobody@old1.example") == 550


def test_names_that_were_taken_go_on_reaching_whom_they_reached(mail_server, made):
    made.domain("old2.example")
    made.domain("new2.example")
    ours, theirs = made.mailbox("info@old2.example"), made.mailbox("info@new2.example")
    made.alias("@old2.example", "info@old2.example")
    made.alias("sales@old2.example", "info@old2.example")
    made.alias("sales@new2.example", "info@new2.example")

    join("old2.example", "new2.example", names={"info": "info.old"}, leave=["sales"])

    for address in ("info@old2.example", "sales@old2.example", "nobody@old2.example"):
        arrives(mail_server, address, "info.old@new2.example")
    for address in ("info@new2.example", "sales@new2.example"):
        arrives(mail_server, address, "info@new2.example")
    assert (len(files(mail_server, ours.maildir)), len(files(mail_server, theirs.maildir))) == (
        3,
        2,
    )


def test_its_users_send_under_both_names(mail_server, made):
    made.domain("old3.example")
    made.domain("new3.example")
    made.mailbox("ann@old3.example")
    made.mailbox("joe@new3.example")
    made.alias("sales@old3.example", "ann@old3.example")

    join("old3.example", "new3.example")

    login = ("ann@new3.example", PASSWORD)
    for name in ("ann", "sales"):
        for domain in ("old3.example", "new3.example"):
            sender = f"{name}@{domain}"
            assert clients.refusal(mail_server, sender, "joe@new3.example", login=login) is None
    assert (
        clients.refusal(mail_server, "joe@old3.example", "joe@new3.example", login=login)[0] == 553
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
