"""Who sends far more than usual is named, once, and nobody else is."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from domains.deliveries import SenderDay
from mailadmin.doctor.deliveries import sends_unusually_much
from mailadmin.doctor.host import Host

DAY = date(2026, 11, 28)


@pytest.fixture(autouse=True)
def alarm(settings, example_org):
    settings.SENDING_ALARM = 3


def sends(log, follow, number, login="ann@example.org"):
    for _ in range(number):
        queue_id = log.comes_in(login, login=login)
        log.ends(queue_id, "joe@outside.test", "sent", "250 ok")
        log.removed(queue_id)
    follow()


def unusual():
    return list(SenderDay.objects.filter(unusual=True).values_list("sender", "recipients", "most"))


def test_a_few_recipients_are_no_alarm(log, follow):
    sends(log, follow, 3)

    assert unusual() == []


def test_many_of_one_who_never_sent_are(log, follow):
    sends(log, follow, 4)

    assert unusual() == [("ann@example.org", 4, 0)]


def test_as_many_as_always_are_none(log, follow):
    SenderDay.objects.create(
        sender="ann@example.org", domain="example.org", day=DAY - timedelta(days=30), recipients=2
    )
    sends(log, follow, 10)
    assert unusual() == []

    sends(log, follow, 1)
    assert unusual() == [("ann@example.org", 11, 2)]


def test_what_was_longer_ago_does_not_count(log, follow):
    SenderDay.objects.create(
        sender="ann@example.org", domain="example.org", day=DAY - timedelta(days=31), recipients=50
    )
    sends(log, follow, 4)

    assert unusual() == [("ann@example.org", 4, 0)]


def test_without_a_number_nobody_is(log, follow, settings):
    settings.SENDING_ALARM = 0
    sends(log, follow, 9)

    assert unusual() == []


def test_mail_that_comes_in_is_nobodys_sending(log, follow):
    for _ in range(9):
        log.delivers("ann@example.org")
    follow()

    assert not SenderDay.objects.exists()


def test_the_dashboard_and_the_doctor_name_the_login_of_these_days(
    make_admin, sign_in, example_org
):
    today = timezone.localdate()
    for name, day in (("ann@example.org", today), ("old@example.org", today - timedelta(days=3))):
        SenderDay.objects.create(
            sender=name, domain="example.org", day=day, recipients=900, most=2, unusual=True
        )

    found = list(sends_unusually_much(Host({})))
    page = sign_in(make_admin("root@example.org", superadmin=True)).get("/").content.decode()

    assert [(one["sender"], one["number"], one["most"]) for one in found] == [
        ("ann@example.org", 900, 2)
    ]
    assert "wrote to 900 recipients in a day" in page
    assert "old@example.org" not in page


def test_another_administrators_dashboard_does_not(make_admin, sign_in, add_domain, example_org):
    add_domain("a.test")
    add_domain("b.test")
    SenderDay.objects.create(
        sender="ann@example.org",
        domain="example.org",
        day=timezone.localdate(),
        recipients=9,
        unusual=True,
    )
    page = sign_in(make_admin("x@a.test", domains=["a.test", "b.test"])).get("/").content.decode()

    assert "ann@example.org" not in page
