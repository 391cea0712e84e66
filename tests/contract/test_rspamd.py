import re
import smtplib

import dkim as verifier
import pytest

from domains import dkim
from domains.dkim_keys import ED25519
from domains.services import update_domain
from mailboxes.models import Mailbox
from mailboxes.services import update_mailbox
from tests.contract.signed import (
    OUTSIDE,
    away,
    domain_with_keys,
    post,
    records,
    signatures,
    signing,
    verifies_ed25519,
)
from tests.contract.world import PASSWORD
from tests.servers.clients import smtp
from tests.servers.processes import wait_until
from tests.servers.rspamd import GTUBE, SUBJECT_TO_SPAM


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("rspamd")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world, server):
    for name in ("example.org", "other.example"):
        domain_with_keys(empty_world, name)
    empty_world.domain("plain.example")
    empty_world.mailbox("ann@plain.example")
    server.rspamd.write_files()
    return empty_world


def refused(act):
    with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)) as refusal:
        act()
    return refusal.value.smtp_code, refusal.value.smtp_error.decode()


def test_the_file_of_keys_is_for_rspamd_alone(server):
    status = server.rspamd.keys.stat()

    assert oct(status.st_mode & 0o777) == "0o640"
    assert (status.st_uid, status.st_gid) == (0, server.rspamd.keys.parent.stat().st_gid)


def test_with_an_ed25519_key_mail_has_a_second_signature_which_is_changed_by_itself(
    server, settings
):
    settings.DKIM_SIGNER = "rspamd"
    domain = signing("example.org").domain_name
    first, second = dkim.create_keys(actor=None, domain=domain, kind=ED25519)
    for key in (first, second):
        dkim.sign_with(actor=None, domain=domain, selector=key.selector, force=True)
        server.rspamd.write_files()
        message = post(server, "Ann <ann@example.org>")

        found = signatures(message)
        assert {kind: tags["s"] for kind, tags in found.items()} == {
            "rsa": signing("example.org").selector,
            "ed25519": key.selector,
        }
        assert verifies_ed25519(message, key)
        assert not verifies_ed25519(message.replace(b"hello", b"hullo"), key)
        assert verifier.DKIM(message).verify(idx=[*found].index("rsa"), dnsfunc=records)


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
    with away(server):
        outgoing, _said = refused(lambda: post(server, "<ann@example.org>"))
        with smtp(server, server.smtp_port) as session:
            incoming, _said = refused(
                lambda: session.sendmail(
                    "eve@evil.test", ["ann@example.org"], "Subject: x\r\n\r\nx\r\n"
                )
            )

    assert (outgoing // 100, incoming // 100) == (4, 4)
    assert "rsa" in signatures(post(server, "<ann@example.org>"))
