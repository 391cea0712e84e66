"""Lifetimes of passwords that nobody kept before: what ``migrate`` makes of them."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from domains.models import MAX_DAYS, Domain
from mailboxes.models import FIRST_EXPIRY, Mailbox
from panel.fields import UNKNOWN_MOMENT

NAME = "0026_password_lifetimes"
DAY = timedelta(days=1)
BEGUN = timezone.now().replace(microsecond=0)
LONG_AGO = BEGUN - 400 * DAY
SOON = BEGUN + 3 * DAY


@pytest.fixture
def mailbox(add_domain, add_mailbox):
    """``mailbox("joe@example.org", moment)``: its password may be used until then."""

    def add(address, until):
        add_mailbox(address)
        Mailbox.objects.filter(pk=address).update(password_expiry=until)

    for name in ("thirty", "also-thirty", "ninety", "without", "null"):
        add_domain(f"{name}.example")
    return add


def set_lifetimes():
    # As it was before: nobody moved what mailboxes have.
    days = {"thirty": 30, "also-thirty": 30, "ninety": 90, "null": None}
    for name, number in days.items():
        Domain.objects.filter(pk=f"{name}.example").update(password_expiry=number)


def migrate():
    apps = MigrationLoader(None).project_state(("mailboxes", NAME)).apps
    import_module(f"mailboxes.migrations.{NAME}").begin_anew(apps, None)


def days_left():
    """{address: days from now on, or None for a moment that is past}"""
    now = timezone.now()
    return {
        row.pk: round((row.password_expiry - now) / DAY) if row.password_expiry > now else None
        for row in Mailbox.objects.all()
    }


def test_a_lifetime_that_was_over_begins_with_the_upgrade(mailbox):
    for domain in ("thirty", "also-thirty", "ninety"):
        mailbox(f"joe@{domain}.example", LONG_AGO)
    mailbox("first@thirty.example", FIRST_EXPIRY)
    set_lifetimes()
    assert Mailbox.objects.get(pk="joe@ninety.example").must_set_password

    migrate()

    assert days_left() == {
        "joe@thirty.example": 30,
        "first@thirty.example": 30,
        "joe@also-thirty.example": 30,
        "joe@ninety.example": 90,
    }
    assert not Mailbox.objects.get(pk="joe@ninety.example").must_set_password


def test_no_other_mailbox_is_written(mailbox):
    mailbox("soon@thirty.example", SOON)
    mailbox("unknown@thirty.example", UNKNOWN_MOMENT)
    mailbox("joe@without.example", LONG_AGO)
    mailbox("joe@null.example", LONG_AGO)
    set_lifetimes()
    rows = Mailbox.objects.order_by("pk").values()
    before = list(rows)

    migrate()

    assert list(rows.all()) == before


def test_once_more_after_a_kill_writes_nothing(mailbox):
    mailbox("joe@thirty.example", LONG_AGO)
    set_lifetimes()
    migrate()
    before = Mailbox.objects.values().get()

    migrate()

    assert Mailbox.objects.values().get() == before


def test_a_lifetime_that_no_calendar_holds_does_not_stop_it(mailbox):
    mailbox("joe@thirty.example", LONG_AGO)
    Domain.objects.filter(pk="thirty.example").update(password_expiry=2**31 - 1)

    migrate()

    assert days_left() == {"joe@thirty.example": MAX_DAYS}


@pytest.mark.parametrize("number", [1, 3])
def test_it_takes_one_update_for_each_number_of_days(number, mailbox, django_assert_num_queries):
    for domain in ("thirty", "also-thirty", "ninety"):
        for n in range(number):
            mailbox(f"user{n}@{domain}.example", LONG_AGO)
    set_lifetimes()

    with django_assert_num_queries(3):  # which numbers there are; 30; 90
        migrate()
