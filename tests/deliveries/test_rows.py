"""What rows and figures come of lines of the log."""

from datetime import UTC, date, datetime

import pytest

from domains.deliveries import Delivery, DeliveryDay, DeliveryKey, OpenMail
from mailadmin.deliveries import joining

OURS = ("example.org", "other.net")


@pytest.fixture(autouse=True)
def domains(example_org, other_net):
    pass


def row():
    [one] = Delivery.objects.all()
    return one


def figures(domain):
    day = DeliveryDay.objects.filter(domain=domain, day=date(2026, 11, 28)).first()
    names = ("incoming", "outgoing", "refused", "deferred", "bounced")
    return {name: n for name in names if (n := getattr(day, name, 0))}


def test_mail_that_comes_in_for_an_alias(log, follow):
    log.line("postfix/smtpd", "connect from mx.outside.test[192.0.2.7]")
    log.line("postfix/smtpd", "Anonymous TLS connection established from mx.outside.test[192.0.2.7]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)")  # fmt: skip
    queue_id = log.comes_in(message_id="a1@outside.test", size=1234)
    log.saved(queue_id, "ann@example.org", asked="sales@example.org", folder="Junk")
    log.removed(queue_id)

    follow()

    found = row()
    assert (found.at, found.queue_id) == (datetime(2026, 11, 28, 20, 5, tzinfo=UTC), queue_id)
    assert (found.sender, found.asked) == ("joe@outside.test", "sales@example.org")
    assert (found.recipient, found.result, found.direction) == (
        "ann@example.org",
        "delivered",
        "in",
    )
    assert (found.message_id, found.size, found.place) == ("a1@outside.test", 1234, "in Junk")
    assert found.tls == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    assert found.client == "mx.outside.test[192.0.2.7]"
    assert found.says.startswith("250 2.0.0 <ann@example.org> session")
    assert figures("example.org") == figures("") == {"incoming": 1}
    assert not OpenMail.objects.exists()


def test_mail_that_goes_out(log, follow):
    queue_id = log.comes_in("ann@example.org", login="ann@example.org")
    log.line("postfix/smtp", "Trusted TLS connection established to mx.outside.test[192.0.2.9]:25: TLSv1.2 with cipher ECDHE (256/256 bits)")  # fmt: skip
    log.ends(queue_id, "joe@outside.test", "sent", "250 ok")
    log.removed(queue_id)

    follow()

    found = row()
    assert (found.direction, found.login, found.tls) == ("out", "ann@example.org", "TLSv1.2 ECDHE")
    assert found.relay == "mx.outside.test[192.0.2.9]:25"
    assert figures("example.org") == {"outgoing": 1}
    assert figures("") == {"outgoing": 1}


def test_mail_between_two_domains_here(log, follow):
    queue_id = log.comes_in("ann@example.org", login="ann@example.org")
    log.saved(queue_id, "eve@other.net")

    follow()

    assert row().direction == "local"
    assert figures("example.org") == {"outgoing": 1}
    assert figures("other.net") == {"incoming": 1}
    assert figures("") == {"incoming": 1, "outgoing": 1}


def test_a_refused_recipient(log, follow):
    log.refuses("nobody@example.org")

    follow()

    found = row()
    assert (found.result, found.dsn, found.direction) == ("refused", "5.1.1", "in")
    assert found.says == "550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in virtual mailbox table"  # fmt: skip
    assert figures("example.org") == figures("") == {"refused": 1}


def test_a_recipient_that_is_tried_again_has_one_row(log, follow):
    queue_id = log.comes_in("ann@example.org", login="ann@example.org")
    log.ends(queue_id, "joe@outside.test", "deferred", "connection refused", dsn="4.4.1")
    follow()
    assert (row().result, row().tries) == ("deferred", 1)

    log.second = 30
    log.ends(queue_id, "joe@outside.test", "deferred", "try later", dsn="4.4.1")
    log.ends(queue_id, "joe@outside.test", "sent", "250 ok")
    log.removed(queue_id)
    follow()

    found = row()
    assert (found.result, found.tries, found.says) == ("delivered", 3, "250 ok")
    assert (found.at.second, found.changed.second) == (0, 30)
    assert figures("example.org") == {"deferred": 1, "outgoing": 1}
    assert not OpenMail.objects.exists()


def test_mail_that_is_given_up(log, follow):
    queue_id = log.comes_in("ann@example.org", login="ann@example.org")
    log.ends(queue_id, "joe@outside.test", "deferred", "connection refused", dsn="4.4.1")
    follow()
    log.line(
        "postfix/qmgr", f"{queue_id}: from=<ann@example.org>, status=expired, returned to sender"
    )
    log.removed(queue_id)

    follow()

    assert row().result == "expired"
    assert figures("example.org") == {"deferred": 1, "bounced": 1}


def test_what_another_server_returns(log, follow):
    queue_id = log.comes_in("ann@example.org", login="ann@example.org")
    log.ends(
        queue_id, "gone@outside.test", "bounced", "host mx said: 550 no such user", dsn="5.1.1"
    )

    follow()

    assert (row().result, row().dsn) == ("bounced", "5.1.1")
    assert figures("example.org") == {"bounced": 1}


@pytest.mark.parametrize("first", ["dovecot", "postfix"])
def test_where_dovecot_put_it_is_found_by_the_session_whichever_line_comes_first(
    first, log, follow
):
    queue_id = log.comes_in()
    place = "lmtp(ann@example.org)<7><abcdefgh12>: sieve: msgid=<m@x>: fileinto action: stored mail into mailbox 'Work'"
    lines = {
        "dovecot": lambda: log.line("dovecot", place),
        "postfix": lambda: log.ends(queue_id, "ann@example.org", "sent", "250 2.0.0 <ann@example.org> abcdefgh12 Saved", program="postfix/lmtp"),
    }  # fmt: skip
    lines.pop(first)()
    [other] = lines.values()
    other()

    follow()

    assert row().place == "in Work"


def test_between_two_runs_nothing_of_an_open_message_is_forgotten(log, follow):
    queue_id = log.comes_in(message_id="open@x", size=77)
    follow()
    log.line("dovecot", "lmtp(ann@example.org)<7><abcdefgh12>: msgid=<open@x>: saved mail to INBOX")
    follow()
    log.ends(queue_id, "ann@example.org", "sent", "250 2.0.0 <ann@example.org> abcdefgh12 Saved")
    follow()

    found = row()
    assert (found.sender, found.message_id, found.size) == ("joe@outside.test", "open@x", 77)
    assert found.place == "in INBOX"


def test_what_a_filter_did(log, follow):
    queue_id = log.comes_in()
    start = "lmtp(ann@example.org)<7><abcdefgh12>: sieve: msgid=<m@x>: "
    log.line("dovecot", start + "forwarded to <joe@outside.test>")
    log.line(
        "dovecot",
        start + "marked message to be discarded if not explicitly delivered (discard action)",
    )
    log.ends(queue_id, "ann@example.org", "sent", "250 2.0.0 <ann@example.org> abcdefgh12 Saved")

    follow()

    assert row().place == "to joe@outside.test\tdiscarded"


def test_a_row_is_found_under_each_domain_of_ours_in_it(log, follow):
    queue_id = log.comes_in("ann@example.org", login="ann@example.org")
    log.saved(queue_id, "eve@other.net")
    follow()

    keys = set(DeliveryKey.objects.values_list("domain", "address"))

    assert keys == {
        (domain, name) for domain in OURS for name in ("", "ann@example.org", "eve@other.net")
    }


def test_what_is_too_much_in_a_minute_is_counted_and_left_out(log, follow, settings):
    settings.DELIVERIES_A_MINUTE = 2
    for number in range(5):
        log.refuses(f"nobody{number}@example.org")

    follow()

    assert Delivery.objects.count() == 2
    day = DeliveryDay.objects.get(domain="")
    assert (day.refused, day.left_out) == (5, 3)


def test_many_refusals_leave_room_for_what_is_delivered(log, follow, monkeypatch):
    monkeypatch.setattr(joining, "REFUSED_A_MINUTE", 3)
    for number in range(5):
        log.refuses(f"nobody{number}@example.org")
    log.delivers()

    follow()

    assert Delivery.objects.filter(result="refused").count() == 3
    assert Delivery.objects.filter(result="delivered").count() == 1
    day = DeliveryDay.objects.get(domain="")
    assert (day.refused, day.left_out, day.incoming) == (5, 2, 1)


def test_refusals_of_all_days_fill_at_most_half_of_the_table(log, follow, settings):
    settings.DELIVERIES_MOST, settings.DELIVERIES_DAYS = 80, 10
    for number in range(9):
        log.refuses(f"nobody{number}@example.org")

    follow()

    assert Delivery.objects.count() == 4
    assert DeliveryDay.objects.get(domain="").refused == 9


def test_what_a_program_of_this_machine_sends_has_its_user(log, follow):
    log.line("postfix/pickup", "0ABCDEF0123: uid=33 from=<www-data>")
    log.line("postfix/cleanup", "0ABCDEF0123: message-id=<w@x>")
    log.line("postfix/qmgr", "0ABCDEF0123: from=<www@example.org>, size=1, nrcpt=1 (queue active)")
    log.ends("0ABCDEF0123", "joe@outside.test", "sent", "250 ok")

    follow()

    assert (row().login, row().direction) == ("uid 33", "out")


def test_mail_with_a_tag_is_found_under_the_address_without_it(log, follow):
    queue_id = log.comes_in()
    log.saved(queue_id, "ann+lists@example.org")
    follow()

    assert row().recipient == "ann+lists@example.org"
    keys = DeliveryKey.objects.filter(domain="example.org").values_list("address", flat=True)
    assert set(keys) == {"", "ann@example.org", "ann+lists@example.org", "joe@outside.test"}


def test_blanks_at_the_end_of_an_address_do_not_make_two_keys_of_one(log, follow):
    queue_id = log.comes_in("ann@example.org ")
    log.ends(queue_id, "ann@example.org", "bounced", "no", dsn="5.1.1")

    follow()

    assert row().sender == row().recipient == "ann@example.org"
