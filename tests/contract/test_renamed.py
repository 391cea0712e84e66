"""A mailbox or an alias gets another name while mail comes: no file moves, the password opens it, and nothing is lost."""

import smtplib
from itertools import count

import pytest

from aliases.models import Alias
from aliases.renaming import rename_alias
from domains.models import Domain
from mailboxes import app_passwords
from mailboxes.renaming import rename_mailbox
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients
from tests.servers.processes import wait_until

NUMBERS = count(1)


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    for name in ("example.org", "other.net", "twin.example"):
        empty_world.domain(name)
    empty_world.alias_domain("twin.example", "example.org")
    return empty_world


@pytest.fixture
def box(world):
    """A mailbox of its own for each test, for files stay."""
    return world.mailbox(f"joe{next(NUMBERS)}@example.org")


def files(server, mailbox):
    maildir = server.mail_root / mailbox.maildir / "Maildir"
    return [*maildir.glob("new/*"), *maildir.glob("cur/*")]


def renamed(mailbox, name, **options):
    local_part, _at, domain = name.partition("@")
    domain = Domain.objects.get(pk=domain)
    follow = Alias.objects.all()
    return rename_mailbox(
        actor=None, mailbox=mailbox, local_part=local_part, domain=domain, follow=follow, **options
    )


@pytest.mark.parametrize("domain", ["example.org", "other.net"])
def test_mail_to_the_old_name_and_to_the_new_one_arrives_in_the_same_directory(
    mail_server, box, domain
):
    old, new = box.pk, f"new-{box.local_part}@{domain}"
    first = clients.send(mail_server, stranger(), old)
    clients.wait_for(mail_server, old, PASSWORD, first)
    app = app_passwords.drawn()
    app_passwords.make_app_password(actor=box, password=app, name="Phone", protocols=["imap"])

    moved = renamed(box, new)
    asked = [
        old,
        new,
        f"{old.partition('@')[0]}+list@example.org",
        f"{box.local_part}@twin.example",
    ]
    sent = [clients.send(mail_server, stranger(), address) for address in asked]

    for subject in sent:
        clients.wait_for(mail_server, new, PASSWORD, subject)
    assert clients.subjects(mail_server, new, app) == [first, *sent]
    assert moved.maildir == box.maildir
    assert len(files(mail_server, box)) == 5
    assert not (mail_server.mail_root / domain / moved.local_part).exists()
    assert clients.may_imap(mail_server, old, PASSWORD) is False


def test_it_sends_under_both_names_and_signs_in_with_the_new_one(mail_server, world, box):
    ann = world.mailbox(f"ann{next(NUMBERS)}@example.org").pk
    new = renamed(box, f"new-{box.local_part}@other.net").pk

    for sender in (new, box.pk):
        subject = clients.send(mail_server, sender, ann, login=(new, PASSWORD))
        clients.wait_for(mail_server, ann, PASSWORD, subject)

    assert clients.may_submit(mail_server, box.pk, PASSWORD) is False


def test_without_the_alias_the_old_name_is_an_unknown_user(mail_server, world, box):
    world.alias(f"all-{box.local_part}@other.net", box.pk)
    new = renamed(box, f"new-{box.local_part}@other.net", keep_alias=False).pk

    code, said = clients.refusal(mail_server, stranger(), box.pk)
    assert (code, "User unknown" in said) == (550, True)
    assert clients.refusal(mail_server, box.pk, new, login=(new, PASSWORD))[0] == 553
    followed = clients.send(mail_server, stranger(), f"all-{box.local_part}@other.net")
    clients.wait_for(mail_server, new, PASSWORD, followed)


def test_a_new_mailbox_of_the_old_name_starts_empty(mail_server, world, box):
    first = clients.send(mail_server, stranger(), box.pk)
    clients.wait_for(mail_server, box.pk, PASSWORD, first)
    moved = renamed(box, f"new-{box.local_part}@other.net", keep_alias=False)

    again = world.mailbox(box.pk)
    second = clients.send(mail_server, stranger(), again.pk)

    clients.wait_for(mail_server, again.pk, PASSWORD, second)
    assert again.maildir != moved.maildir
    assert clients.subjects(mail_server, again.pk, PASSWORD) == [second]
    assert clients.subjects(mail_server, moved.pk, PASSWORD) == [first]


def lmtp(server):
    session = smtplib.LMTP(str(server.postfix.queue / "private/dovecot-lmtp"))
    session.ehlo("mail.example.com")
    return session


def test_a_message_whose_recipient_was_accepted_before_is_stored(mail_server, box):
    subject, text = clients.message("joe@outside.test", box.pk)
    with lmtp(mail_server) as session:
        session.mail("joe@outside.test")
        assert session.rcpt(box.pk)[0] == 250

        new = renamed(box, f"new-{box.local_part}@other.net").pk

        assert session.data(text)[0] == 250
    assert clients.subjects(mail_server, new, PASSWORD) == [subject]


@pytest.fixture
def held(mail_server):
    """Postfix hands nothing to Dovecot, until it is called."""
    postfix = mail_server.postfix
    postfix.set(defer_transports="lmtp")
    postfix.reload()

    def go_on():
        postfix.set(defer_transports="")
        postfix.reload()
        postfix.wait_until_delivered()

    yield go_on
    go_on()


def test_mail_that_waits_under_the_old_name_arrives_by_the_alias(mail_server, held, box):
    subject = clients.send(mail_server, stranger(), box.pk)
    wait_until(lambda: box.pk in mail_server.postfix.listing(), "it waits")
    new = renamed(box, f"new-{box.local_part}@other.net").pk

    held()

    clients.wait_for(mail_server, new, PASSWORD, subject)
    assert len(files(mail_server, box)) == 1


def test_without_the_alias_it_goes_on_waiting_and_arrives_once_somebody_says_where(
    mail_server, world, held, box
):
    subject = clients.send(mail_server, stranger(), box.pk)
    wait_until(lambda: box.pk in mail_server.postfix.listing(), "it waits")
    new = renamed(box, f"new-{box.local_part}@other.net", keep_alias=False).pk
    mail_server.postfix.set(defer_transports="")
    mail_server.postfix.reload()
    mail_server.postfix.flush()
    said = r"450 4\.1\.1 <" + box.pk
    mail_server.postfix.wait_for_log(said)

    world.alias(box.pk, new)
    held()

    clients.wait_for(mail_server, new, PASSWORD, subject)


def test_a_delivery_follows_no_alias_that_has_several_targets_or_is_off(mail_server, world, box):
    world.alias(f"two-{box.local_part}@example.org", box.pk, "ann@elsewhere.test")
    world.alias(f"off-{box.local_part}@example.org", box.pk, active=False)

    with lmtp(mail_server) as session:
        session.mail("joe@outside.test")
        codes = [
            session.rcpt(f"{name}{box.local_part}@example.org")[0] for name in ("", "two-", "off-")
        ]

    assert codes == [250, 550, 550]


def test_an_alias_receives_under_both_names_and_its_recipients_send_under_the_new_one(
    mail_server, world, box
):
    old, new = f"sales-{box.local_part}@example.org", f"shop-{box.local_part}@other.net"
    alias = world.alias(old, box.pk)
    assert clients.refusal(mail_server, old, box.pk, login=(box.pk, PASSWORD)) is None

    rename_alias(
        actor=None,
        alias=alias,
        local_part=new.partition("@")[0],
        domain=Domain.objects.get(pk="other.net"),
    )

    for address in (old, new):
        subject = clients.send(mail_server, stranger(), address)
        clients.wait_for(mail_server, box.pk, PASSWORD, subject)
    assert clients.refusal(mail_server, new, box.pk, login=(box.pk, PASSWORD)) is None
    assert clients.refusal(mail_server, old, box.pk, login=(box.pk, PASSWORD))[0] == 553


def test_an_old_name_of_an_alias_that_is_given_up_is_an_unknown_user(mail_server, world, box):
    alias = world.alias(f"sales-{box.local_part}@example.org", box.pk)
    rename_alias(
        actor=None,
        alias=alias,
        local_part=f"shop-{box.local_part}",
        keep_alias=False,
    )

    assert clients.refusal(mail_server, stranger(), alias.pk)[0] == 550
    subject = clients.send(mail_server, stranger(), f"shop-{box.local_part}@example.org")
    clients.wait_for(mail_server, box.pk, PASSWORD, subject)
