"""The shipped Postfix and rspamd: what is signed and what not, what is spam, and how much a login may send."""

import re
import smtplib

import pytest

from domains import dkim
from domains.dkim_keys import keys_of
from domains.services import set_domain_active, update_domain
from mailboxes.models import Mailbox
from mailboxes.services import update_mailbox
from tests.contract.test_signing import OUTSIDE, local, post, signed_by, signing, verifies
from tests.contract.world import PASSWORD
from tests.servers.clients import smtp
from tests.servers.processes import wait_until
from tests.servers.rspamd import GTUBE, SUBJECT_TO_SPAM


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("rspamd")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world, server):
    for name in ("example.org", "other.example", "plain.example", "off.example"):
        domain = empty_world.domain(name)
        empty_world.mailbox(f"ann@{name}")
        if name != "plain.example":
            first, _second = dkim.create_keys(actor=None, domain=domain)
            dkim.sign_with(actor=None, domain=domain, selector=first.selector, force=True)
    # One whose name ends like that of a neighbour with a key.
    empty_world.domain("notexample.org")
    empty_world.mailbox("ann@notexample.org")
    server.rspamd.write_files()
    return empty_world


def refused(act):
    with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)) as refusal:
        act()
    return refusal.value.smtp_code, refusal.value.smtp_error.decode()


def test_a_message_is_signed_with_the_key_of_its_domain(server):
    message = post(server, "Ann <ann@example.org>")

    assert signed_by(message) == ("example.org", signing("example.org").selector)
    assert verifies(message)
    assert not verifies(message.replace(b"hello", b"hullo"))
    assert not verifies(b"From: <eve@evil.test>\r\n" + message)


@pytest.mark.parametrize("name", ["plain.example", "notexample.org"])
def test_no_key_no_signature_nor_that_of_a_domain_whose_name_is_alike(name, server):
    assert signed_by(post(server, f"<ann@{name}>", login=f"ann@{name}")) is None


def test_what_programs_here_send_is_signed_such_as_a_vacation_message(server):
    message = local(server, "ann@example.org")

    assert signed_by(message)[0] == "example.org"
    assert verifies(message)


@pytest.mark.parametrize(
    "header",
    [
        "<ann@other.example>",
        '"ann@example.org" <ann@other.example>',
        "<ann@OTHER.example>",
        "Boss <ann@other.example>, Ann <ann@example.org>",
    ],
)
def test_nobody_gets_a_signature_of_a_domain_that_is_not_the_senders(header, server):
    assert [signed_by(post(server, header, sender=sender)) for sender in (None, "")] == [None] * 2


def test_a_receipt_has_no_sender_and_is_signed_for_its_login(server):
    assert signed_by(post(server, "<ann@example.org>", sender=""))[0] == "example.org"


def test_a_change_of_the_key_counts_when_the_files_are_written(server):
    before = signing("other.example")
    after = next(key for key in keys_of("other.example")["other.example"] if not key.signs)
    dkim.sign_with(actor=None, domain=before.domain_name, selector=after.selector, force=True)
    server.rspamd.write_files()
    message = post(server, "<ann@other.example>", login="ann@other.example")

    assert signed_by(message)[1] == after.selector
    assert verifies(message)


def test_a_domain_that_is_off_is_not_signed_for(server):
    set_domain_active(actor=None, domain=signing("off.example").domain_name, active=False)
    server.rspamd.write_files()

    assert signed_by(local(server, "ann@off.example")) is None


def test_the_file_of_keys_is_for_rspamd_alone(server):
    status = server.rspamd.keys.stat()

    assert oct(status.st_mode & 0o777) == "0o640"
    assert (status.st_uid, status.st_gid) == (0, server.rspamd.keys.parent.stat().st_gid)


def test_spam_is_marked_and_a_mark_of_strangers_is_taken_away(server, world):
    world.alias("out@example.org", OUTSIDE)
    plain = handed_on(server, "X-Spam: Yes\r\nSubject: hello\r\n\r\nhello\r\n")
    spam = handed_on(server, f"Subject: hello\r\n\r\n{SUBJECT_TO_SPAM}\r\n")

    assert re.findall("(?m)^X-Spam: .*$", plain) == []
    assert re.findall("(?m)^X-Spam: .*$", spam) == ["X-Spam: Yes"]


def handed_on(server, text):
    number = len(server.outside.received)
    with smtp(server, server.smtp_port) as session:
        head = "From: <eve@evil.test>\r\nTo: <out@example.org>\r\n"
        session.sendmail("eve@evil.test", ["out@example.org"], head + text)
    wait_until(lambda: len(server.outside.received) > number, "the message outside")
    return server.outside.received[number].text.replace("\r\n", "\n")


def test_what_is_spam_for_sure_is_refused(server):
    with smtp(server, server.smtp_port) as session:
        code, said = refused(
            lambda: session.sendmail(
                "eve@evil.test", ["ann@example.org"], f"Subject: x\r\n\r\n{GTUBE}\r\n"
            )
        )

    assert (code, said) == (554, "5.7.1 Gtube pattern")


def many(session, login, count, *others):
    recipients = [*others, *(f"bob{number}@elsewhere.test" for number in range(count))]
    session.sendmail(login, recipients, f"From: <{login}>\r\nSubject: many\r\n\r\nmany\r\n")


def test_a_login_may_write_to_so_many_an_hour_and_the_others_go_on(server, world):
    login = "ben@example.org"
    world.mailbox(login)
    with smtp(server, server.submission_port, login=(login, PASSWORD)) as session:
        many(session, login, 39)
        answers = [
            refused(lambda: many(session, login, 2)),
            refused(lambda: many(session, login, 2, "postmaster@elsewhere.test")),
        ]

    assert answers == [(451, '4.7.1 Ratelimit "mailbox" exceeded')] * 2
    assert post(server, "<ann@example.org>")


def test_a_domain_may_write_to_so_many_an_hour_and_the_others_go_on(server, world):
    for name in ("cay", "dan"):
        world.mailbox(f"{name}@other.example")
    with smtp(server, server.submission_port, login=("cay@other.example", PASSWORD)) as session:
        many(session, "cay@other.example", 35)
    with smtp(server, server.submission_port, login=("dan@other.example", PASSWORD)) as session:
        code, said = refused(lambda: many(session, "dan@other.example", 35))

    assert (code, said) == (451, '4.7.1 Ratelimit "domain" exceeded')
    assert post(server, "<ann@plain.example>", login="ann@plain.example")


def test_a_mailbox_and_a_domain_may_have_a_number_of_their_own(server, world):
    few = world.domain("few.example")
    world.domain("some.example")
    for address in ("eve@few.example", "fay@few.example", "gil@some.example", "hal@some.example"):
        world.mailbox(address)
    update_domain(actor=None, domain=few, sending_limit=5)
    gil = Mailbox.objects.get(pk="gil@some.example")
    update_mailbox(actor=None, mailbox=gil, sending_limit=5)
    server.rspamd.write_files()
    answers = []
    for first, second in [("eve@few.example", "fay@few.example"), ("gil@some.example",) * 2]:
        with smtp(server, server.submission_port, login=(first, PASSWORD)) as session:
            many(session, first, 4)
        with smtp(server, server.submission_port, login=(second, PASSWORD)) as session:
            answers.append(refused(lambda: many(session, second, 2)))  # noqa: B023
    update_domain(actor=None, domain=few, sending_limit=None)
    update_mailbox(actor=None, mailbox=gil, sending_limit=None)
    server.rspamd.write_files()

    assert answers == [
        (451, f'4.7.1 Ratelimit "{name}" exceeded') for name in ("domain", "mailbox")
    ]
    # The others have the usual number, and so have those whose own was taken back.
    for login in ("hal@some.example", "gil@some.example", "fay@few.example"):
        with smtp(server, server.submission_port, login=(login, PASSWORD)) as session:
            many(session, login, 10)


def test_while_rspamd_is_away_nothing_is_taken_unseen(server):
    server.rspamd.away()
    try:
        outgoing, _said = refused(lambda: post(server, "<ann@example.org>"))
        with smtp(server, server.smtp_port) as session:
            incoming, _said = refused(
                lambda: session.sendmail(
                    "eve@evil.test", ["ann@example.org"], "Subject: x\r\n\r\nx\r\n"
                )
            )
    finally:
        server.rspamd.start_again()

    assert (outgoing // 100, incoming // 100) == (4, 4)
    assert signed_by(post(server, "<ann@example.org>"))
