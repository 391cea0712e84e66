"""A domain gets another name while mail comes: no file moves, the password opens it, and nothing is lost."""

import smtplib
from itertools import count

import pytest

from domains.renaming import rename_domain
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients
from tests.servers.processes import wait_until

NUMBERS = count(1)


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.domain("other.net")
    return empty_world


@pytest.fixture
def old(world):
    """A domain of its own for each test, for files stay; with a mailbox, an alias, and an alias domain that leads there."""
    name = f"old{next(NUMBERS)}.example"
    domain = world.domain(name)
    world.mailbox(f"ann@{name}")
    world.alias(f"sales@{name}", f"ann@{name}")
    world.alias(f"all-{name}@other.net", f"ann@{name}")
    twin = f"twin-{name}"
    world.domain(twin)
    world.alias_domain(twin, name)
    return domain


def renamed(domain, **options):
    return rename_domain(actor=None, domain=domain, name=f"new-{domain.pk}", **options).pk


def files(server, domain):
    maildir = server.mail_root / domain.pk / "ann" / "Maildir"
    return [*maildir.glob("new/*"), *maildir.glob("cur/*")]


def test_mail_to_the_old_name_and_to_the_new_one_arrives_in_the_same_directory(mail_server, old):
    ann = f"ann@{old.pk}"
    first = clients.send(mail_server, stranger(), ann)
    clients.wait_for(mail_server, ann, PASSWORD, first)

    new = renamed(old)
    asked = [
        ann,
        f"ann@{new}",
        f"ann+list@{old.pk}",
        f"sales@{old.pk}",
        f"sales@{new}",
        f"ann@twin-{old.pk}",
        f"all-{old.pk}@other.net",
    ]
    sent = [clients.send(mail_server, stranger(), address) for address in asked]

    for subject in sent:
        clients.wait_for(mail_server, f"ann@{new}", PASSWORD, subject)
    found = clients.subjects(mail_server, f"ann@{new}", PASSWORD)
    assert (found[0], {*found[1:]}, len(found)) == (first, {*sent}, 8)
    assert len(files(mail_server, old)) == 8
    assert not (mail_server.mail_root / new).exists()


def test_people_sign_in_with_the_new_name_alone_and_send_under_both(mail_server, world, old):
    bob = world.mailbox(f"bob{next(NUMBERS)}@example.org").pk
    new = renamed(old)
    ann = f"ann@{new}"

    assert clients.may_imap(mail_server, ann, PASSWORD) is True
    assert clients.may_imap(mail_server, f"ann@{old.pk}", PASSWORD) is False
    assert clients.may_submit(mail_server, f"ann@{old.pk}", PASSWORD) is False
    for sender in (ann, f"ann@{old.pk}", f"sales@{new}"):
        subject = clients.send(mail_server, sender, bob, login=(ann, PASSWORD))
        clients.wait_for(mail_server, bob, PASSWORD, subject)


def test_an_alias_domain_changes_places_with_its_domain(mail_server, old):
    twin = f"twin-{old.pk}"

    rename_domain(actor=None, domain=old, name=twin)

    for address in (f"ann@{old.pk}", f"ann@{twin}", f"sales@{old.pk}", f"sales@{twin}"):
        subject = clients.send(mail_server, stranger(), address)
        clients.wait_for(mail_server, f"ann@{twin}", PASSWORD, subject)
    assert len(files(mail_server, old)) == 4
    assert clients.may_imap(mail_server, f"ann@{old.pk}", PASSWORD) is False


def test_a_name_that_is_given_up_is_no_domain_of_this_server(mail_server, old):
    new = renamed(old, keep_alias=False)

    code, _said = clients.refusal(mail_server, stranger(), f"ann@{old.pk}")
    assert code == 554
    for address in (f"ann@{new}", f"ann@twin-{old.pk}", f"all-{old.pk}@other.net"):
        subject = clients.send(mail_server, stranger(), address)
        clients.wait_for(mail_server, f"ann@{new}", PASSWORD, subject)


def test_an_unknown_name_is_refused_under_both_names(mail_server, old):
    new = renamed(old)

    refused = [clients.refusal(mail_server, stranger(), f"eve@{name}")[0] for name in (old.pk, new)]
    assert refused == [550, 550]


def test_a_new_mailbox_of_an_old_name_starts_empty(mail_server, world, old):
    first = clients.send(mail_server, stranger(), f"ann@{old.pk}")
    clients.wait_for(mail_server, f"ann@{old.pk}", PASSWORD, first)
    new = renamed(old, keep_alias=False)
    world.domain(old.pk)

    again = world.mailbox(f"ann@{old.pk}")
    second = clients.send(mail_server, stranger(), again.pk)

    clients.wait_for(mail_server, again.pk, PASSWORD, second)
    assert clients.subjects(mail_server, again.pk, PASSWORD) == [second]
    assert clients.subjects(mail_server, f"ann@{new}", PASSWORD) == [first]


def test_a_message_whose_recipient_was_accepted_before_is_stored(mail_server, old):
    subject, text = clients.message("joe@outside.test", f"ann@{old.pk}")
    session = smtplib.LMTP(str(mail_server.postfix.queue / "private/dovecot-lmtp"))
    session.ehlo("mail.example.com")
    with session:
        session.mail("joe@outside.test")
        assert session.rcpt(f"ann@{old.pk}")[0] == 250

        new = renamed(old)

        assert session.data(text)[0] == 250
    assert clients.subjects(mail_server, f"ann@{new}", PASSWORD) == [subject]


def test_mail_that_waits_under_the_old_name_arrives(mail_server, old):
    postfix, ann = mail_server.postfix, f"ann@{old.pk}"
    postfix.set(defer_transports="lmtp")
    postfix.reload()
    try:
        subject = clients.send(mail_server, stranger(), ann)
        wait_until(lambda: ann in postfix.listing(), "it waits")
        new = renamed(old)
    finally:
        postfix.set(defer_transports="")
        postfix.reload()
        postfix.wait_until_delivered()

    clients.wait_for(mail_server, f"ann@{new}", PASSWORD, subject)
    assert len(files(mail_server, old)) == 1
