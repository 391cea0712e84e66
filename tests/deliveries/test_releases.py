"""What Postfix and Dovecot of Debian 12 and 13 logged of the same real mail. tests/contract/test_deliveries.py sends more, to those that are here."""

from pathlib import Path

import pytest

from domains.deliveries import Delivery, DeliveryDay, OpenMail
from mailadmin.deliveries.files import FileLog
from mailadmin.deliveries.follower import Follower

LOGS = Path(__file__).parent / "logs"


RELEASES = {
    "Debian 12": ("postfix-3.7.txt", "dovecot-2.3.txt"),
    "Debian 13": ("postfix-3.10.txt", "dovecot-2.4.txt"),
}


@pytest.fixture(params=RELEASES)
def followed(request, example_org):
    logs = [FileLog(LOGS / name) for name in RELEASES[request.param]]
    Follower(logs, "here").run(follow=False)


def rows(message_id):
    found = Delivery.objects.filter(message_id=message_id).order_by("recipient")
    found = found.values_list("recipient", "result", "direction", "place")
    return [(*rest, set(place.split("\t"))) for *rest, place in found]


ANN, BOB, JOE = "ann@example.org", "bob@example.org", "joe@outside.test"


@pytest.mark.parametrize(
    ("message_id", "expected"),
    [
        ("two@x", [(ANN, "delivered", "in", "in INBOX"), (BOB, "delivered", "in", "in INBOX")]),
        ("alias@x", [(ANN, "delivered", "in", "in INBOX"), (JOE, "delivered", "out", "")]),
        ("junk@x", [(BOB, "delivered", "in", "in Junk")]),
        ("thrown-away@x", [(BOB, "delivered", "in", "discarded")]),
        ("sent-on@x", [(BOB, "delivered", "in", f"to {JOE}"), (JOE, "delivered", "out", "")]),
        ("both@x", [(BOB, "delivered", "in", f"in Work\tto {JOE}"), (JOE, "delivered", "out", "")]),
        ("returned@x", [(BOB, "delivered", "in", "rejected")]),
        ("answered@x", [(BOB, "delivered", "in", "answered\tin INBOX")]),
        ("hostile>: stored mail into mailbox 'Nowhere'@x", [(ANN, "delivered", "in", "in INBOX")]),
        ("gone@x", [("gone@outside.test", "bounced", "out", "")]),
        ("out@x", [(JOE, "delivered", "out", "")]),
        ("late@x", [("late@outside.test", "expired", "out", "")]),
        ("program@x", [(BOB, "delivered", "local", "in INBOX")]),
    ],
)
def test_what_became_of_each_message(message_id, expected, followed):
    assert rows(message_id) == [(*rest, set(place.split("\t"))) for *rest, place in expected]


def test_what_was_refused(followed):
    found = Delivery.objects.filter(result="refused").order_by("pk")

    assert list(found.values_list("recipient", "dsn", "direction")) == [
        ("nobody@example.org", "5.1.1", "in"),
        ("who@relay.test", "5.7.1", "in"),
    ]


def test_each_connection_with_tls_says_so(followed):
    found = Delivery.objects.filter(message_id="two@x")

    assert {row.tls for row in found} == {"TLSv1.3 TLS_AES_256_GCM_SHA384"}


def test_every_message_is_done_and_every_line_read(followed):
    assert not OpenMail.objects.exists()
    assert DeliveryDay.objects.get(domain="").unread == 0
