from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import LogEntry
from domains.models import Domain, DomainUsage
from mailboxes import snapshots, triggers
from mailboxes.models import KEPT_DAYS, SERVER, MailboxDay, QuotaUsage, UsageDay

DAY = date(2026, 3, 1)
NEXT = DAY + timedelta(days=1)
FIGURES = ("domain", "bytes", "messages", "mailboxes", "aliases", "changes")


@pytest.fixture(autouse=True)
def in_utc():
    with timezone.override(UTC):
        yield


@pytest.fixture
def two_domains(add_domain, add_mailbox, add_alias):
    for domain in ("example.org", "other.net"):
        add_domain(domain)
    add_mailbox("joe@example.org", quota=100)
    add_mailbox("ann@example.org", quota=100)
    add_mailbox("eve@other.net")
    add_alias("sales@example.org", "joe@example.org")
    for name, size in (("joe@example.org", 79), ("ann@example.org", 80)):
        QuotaUsage.objects.create(username_id=name, bytes=size, messages=2)
    LogEntry.objects.all().delete()


def change(domain, day, hour=12):
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    LogEntry.objects.create(domain=domain, action="edit_domain", data="", timestamp=moment)


def figures(day=DAY):
    return sorted(UsageDay.objects.filter(day=day).values_list(*FIGURES))


def test_a_day_has_a_row_for_each_domain_and_one_for_the_server(two_domains):
    for domain, day in (("example.org", DAY), ("", DAY), ("example.org", NEXT)):
        change(domain, day)

    assert snapshots.take(DAY) == (2, 1, 0)

    assert figures() == [
        (SERVER, 159, 4, 3, 1, 2),
        ("example.org", 159, 4, 2, 1, 1),
        ("other.net", 0, 0, 1, 0, 0),
    ]


def test_what_a_domain_holds_stands_beside_its_counters_also_when_these_are_rebuilt(
    two_domains, monkeypatch
):
    def used():
        return dict(DomainUsage.objects.values_list("pk", "used"))

    monkeypatch.setattr(snapshots, "TOGETHER", 1)
    QuotaUsage.objects.create(username_id="eve@other.net", bytes=7, messages=1)
    snapshots.take(DAY)
    assert used() == {"example.org": 159, "other.net": 7}

    QuotaUsage.objects.filter(pk="eve@other.net").update(bytes=0)
    snapshots.take(NEXT)
    assert used() == {"example.org": 159, "other.net": 0}
    triggers.rebuild(connection)
    assert used() == {"example.org": 159, "other.net": 0}


def test_the_second_run_of_a_day_replaces_the_first(two_domains):
    snapshots.take(DAY)
    QuotaUsage.objects.filter(pk="ann@example.org").update(bytes=90)
    change("other.net", DAY)

    snapshots.take(DAY)

    assert figures() == [
        (SERVER, 169, 4, 3, 1, 1),
        ("example.org", 169, 4, 2, 1, 0),
        ("other.net", 0, 0, 1, 0, 1),
    ]
    assert list(MailboxDay.objects.values_list("username", "day", "bytes")) == [
        ("ann@example.org", DAY, 90)
    ]


def test_changes_after_the_days_last_run_are_counted_on_the_next_day(two_domains):
    snapshots.take(DAY)
    change("example.org", DAY, hour=23)
    Domain.objects.create(name="new.example")

    snapshots.take(NEXT)

    assert [row[-1] for row in figures(DAY)] == [1, 1, 0]
    assert [row[-1] for row in figures(NEXT)] == [0, 0, 0, 0]


def test_a_mailbox_below_eighty_percent_has_no_size_of_its_own(two_domains):
    snapshots.take(DAY)
    QuotaUsage.objects.filter(pk="ann@example.org").update(bytes=79)

    snapshots.take(NEXT)

    assert list(MailboxDay.objects.values_list("day", flat=True)) == [DAY]


def test_days_that_are_too_old_are_forgotten(two_domains):
    snapshots.take(DAY)

    snapshots.take(DAY + timedelta(days=KEPT_DAYS))
    assert len(figures(DAY)) == 3
    assert snapshots.take(DAY + timedelta(days=KEPT_DAYS + 1))[2] == 4

    assert figures(DAY) == []
    assert MailboxDay.objects.filter(day=DAY).count() == 0


def test_more_rows_than_one_transaction_takes_are_all_written(two_domains, monkeypatch):
    monkeypatch.setattr(snapshots, "TOGETHER", 1)

    assert snapshots.take(DAY) == (2, 1, 0)
    assert len(figures()) == 3


def test_an_empty_server_has_a_row_of_nothing(db):
    assert snapshots.take(DAY) == (0, 0, 0)
    assert figures() == [(SERVER, 0, 0, 0, 0, 0)]


def test_the_command_says_what_it_wrote(two_domains, capsys):
    call_command("snapshot")

    assert capsys.readouterr().out == "Domains: 2, nearly full mailboxes: 1, rows removed: 0.\n"
    assert len(figures(timezone.localdate())) == 3
