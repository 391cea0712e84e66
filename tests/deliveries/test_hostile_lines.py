"""What strangers can write into a log line: addresses, HELO, Message-ID, the words of their server."""

import time
from contextlib import suppress

import pytest

from domains.deliveries import Delivery, DeliveryDay
from mailadmin.deliveries import dovecot, postfix
from mailadmin.deliveries.entries import LONGEST, of_journal, of_line
from tests.deliveries.lines import AT, HOST


@pytest.fixture(autouse=True)
def domains(example_org):
    pass


def rows():
    return list(Delivery.objects.values_list("recipient", "result", "says"))


def unread():
    day = DeliveryDay.objects.filter(domain="").first()
    return day.unread if day else 0


def test_a_quoted_recipient_cannot_say_that_it_was_delivered(log, follow):
    queue_id = log.comes_in()
    hostile = '"a>, relay=x, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (250 ok"@example.org'
    log.ends(queue_id, hostile, "bounced", "550 no", dsn="5.1.1")

    follow()

    assert rows() == [(hostile, "bounced", "550 no")]


def test_words_of_another_server_cannot_change_the_result(log, follow):
    queue_id = log.comes_in()
    says = "host x said: 550 no), dsn=2.0.0, status=sent (250 ok"
    log.ends(queue_id, "joe@outside.test", "bounced", says, dsn="5.1.1")

    follow()

    assert rows() == [("joe@outside.test", "bounced", says)]


def test_a_helo_cannot_name_another_recipient(log, follow):
    log.refuses(
        "nobody@example.org", helo="x> ; from=<a@b> to=<ann@example.org> proto=ESMTP helo=<y"
    )
    log.refuses(
        "nobody@example.org", helo="x>; from=<a@b> to=<ann@example.org> proto=ESMTP helo=<y"
    )

    follow()

    assert rows() == []
    assert unread() == 2


def test_a_message_id_cannot_say_where_the_message_is():
    text = "lmtp(ann@example.org)<7><abcdefgh12>: sieve: msgid=<x>: stored mail into mailbox 'Gone'>: stored mail into mailbox 'INBOX'"
    assert dovecot.placed(text).place == "in INBOX"


def test_control_characters_and_what_turns_text_around_are_not_stored(log, follow):
    queue_id = log.comes_in()
    log.ends(queue_id, "joe@outside.test", "bounced", "5\x1b[31m50 \u202eno\x07", dsn="5.1.1")

    follow()

    assert rows() == [("joe@outside.test", "bounced", "5?[31m50 ?no?")]


def test_long_words_are_cut(log, follow):
    queue_id = log.comes_in()
    log.ends(queue_id, "joe@outside.test", "bounced", "x" * 5000, dsn="5.1.1")

    follow()

    assert rows() == [("joe@outside.test", "bounced", "x" * 500)]


def test_nothing_of_a_message_is_kept_when_its_header_is_refused(log, follow):
    log.line("postfix/cleanup", "0ABCDEF0123: reject: header Subject: my secret from mx.outside.test[192.0.2.7]; from=<joe@outside.test> to=<ann@example.org> proto=ESMTP helo=<mx.outside.test>: 5.7.1 not here")  # fmt: skip

    follow()

    assert rows() == [("ann@example.org", "refused", "5.7.1 not here")]
    assert "secret" not in str(Delivery.objects.values())


def test_bytes_that_are_no_text_and_lines_without_end_do_no_harm(log, follow):
    with log.path.open("ab") as file:
        file.write(b"\xff\xfe postfix \x00\x00\n" + b"postfix" * LONGEST + b"\n")
    log.refuses("nobody@example.org")

    follow()

    assert [recipient for recipient, *_rest in rows()] == ["nobody@example.org"]


@pytest.mark.parametrize(
    "text",
    [
        'to=<' + '"' * 4000,
        "to=<" + '"\\' * 2000 + ">, relay=x",
        "to=<a@b>, " + "a=b, " * 1500 + "status=",
        "reject: RCPT from " + "[" * 4000,
        "reject: RCPT from x[1]: 550 " + "; from=<" * 900,
        "lmtp(a@b)<1><abcdefgh>: msgid=" + ": saved mail to" * 400,
    ],
)  # fmt: skip
def test_no_line_takes_long_to_read(text):
    lines = [f"0ABCDEF0123: {text}", f"NOQUEUE: {text}", text]
    before = time.process_time()
    for one in lines:
        postfix.DELIVERY.match(one)
        postfix.QUEUED.match(one)
        dovecot.PLACED.match(one)
        with suppress(postfix.Doubtful):
            postfix.refusal(one)
    # A second is ten thousand times what a line takes: only a time that grows without bounds is over it.
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{", b"[]", b"null", b'{"__CURSOR": 1}', b'{"__CURSOR": "s", "__REALTIME_TIMESTAMP": "x"}',
        b'{"__CURSOR": "s", "__REALTIME_TIMESTAMP": "1"}',
        b'{"__CURSOR": "s", "__REALTIME_TIMESTAMP": "1", "MESSAGE": [999], "SYSLOG_IDENTIFIER": "postfix/smtpd", "_UID": "0"}',
        b'{"__CURSOR": "s", "__REALTIME_TIMESTAMP": "1", "MESSAGE": null, "SYSLOG_IDENTIFIER": ["a", "b"], "_UID": "0"}',
        b'{"__CURSOR": "s", "__REALTIME_TIMESTAMP": "1", "MESSAGE": "x", "SYSLOG_IDENTIFIER": "postfix/smtpd", "_UID": "65534"}',
    ],
)  # fmt: skip
def test_what_the_journal_has_of_others_or_half_is_no_entry(line):
    assert of_journal(line)[1] is None


def test_the_journal_has_bytes_as_numbers():
    line = b'{"__CURSOR": "s", "__REALTIME_TIMESTAMP": "5000000", "MESSAGE": [104, 255, 105], "SYSLOG_IDENTIFIER": "postfix/smtpd", "_UID": "0", "SYSLOG_PID": "7"}'
    assert of_journal(line) == ("s", (5, "postfix/smtpd", "7", "h\ufffdi"))


@pytest.mark.parametrize("moment", ["Foo 28 20:05:34", "Feb 30 20:05:34", "Nov 28 99:05:34", "2026-13-28T20:05:34Z"])  # fmt: skip
def test_a_line_of_no_time_is_left_out(moment):
    assert of_line(f"{moment} {HOST} postfix/smtpd[1]: x".encode()) is None


def test_lines_of_other_programs_are_left_out():
    assert of_line(f"{AT.format(1)} {HOST} sshd[1]: postfix/smtpd[1]: x".encode()) is None
