"""Reports in the tables: each once, of our domains alone, within bounds, and for so many days."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from domains.mail_reports import (
    DMARC,
    MODELS,
    TLS,
    MailReport,
    ReportDay,
    ReportedSender,
    TLSFailure,
)
from domains.services import delete_domain
from mailadmin.reports import storing
from mailadmin.reports.report import Report
from mailadmin.reports.storing import FOREIGN, KNOWN, OLD, STORED, TOO_MANY, store

pytestmark = pytest.mark.django_db

OURS, FORGED = ("192.0.2.1", True, True, "none"), ("203.0.113.7", False, False, "reject")


def today():
    return timezone.now().date()


def midnight(day):
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def about(ago=1, number="1", domain="example.org", senders=None, reporter="google.com", **more):
    begin = midnight(today()) - timedelta(days=ago)
    senders = Counter({OURS: 40, FORGED: 3}) if senders is None else Counter(senders)
    return Report(
        *(DMARC, reporter, number, domain, begin, begin + timedelta(seconds=86_399)),
        senders=senders,
        **more,
    )


def about_tls(failures, sessions=100, number="1"):
    return about(number=number)._replace(
        kind=TLS, senders=Counter(), sessions=sessions, failures=Counter(failures)
    )


def sums(name="example.org"):
    columns = ("passed", "failed", "let_through", "quarantined", "rejected", "reports", "senders")
    return [*ReportDay.objects.filter(domain=name).values_list(*columns)]


def test_a_report_is_counted(example_org):
    report = about(policy="p=none", vouched={"192.0.2.1": "example.org"})

    assert store(report) == STORED
    assert sums() == [(40, 3, 0, 0, 3, 1, 2)]
    rows = ReportedSender.objects.order_by("-messages")
    assert [*rows.values_list("source", "spf", "dkim", "failed", "disposition", "vouched", "messages")] == [
        ("192.0.2.1", True, True, False, "none", "example.org", 40),
        ("203.0.113.7", False, False, True, "reject", "", 3),
    ]  # fmt: skip
    assert [*MailReport.objects.values_list("reporter", "policy", "messages", "failed")] == [
        ("google.com", "p=none", 43, 3)
    ]


def test_the_same_report_counts_once(example_org):
    assert [store(about()), store(about()), store(about(reporter="Google.com"))] == [STORED, KNOWN, KNOWN]  # fmt: skip
    assert sums() == [(40, 3, 0, 0, 3, 1, 2)]


def test_another_reporter_s_or_another_report_is_added(example_org, other_net):
    more = about(number="2", senders={OURS: 5, (*FORGED[:3], "quarantine"): 2})

    reports = [about(), more, about(reporter="other.example"), about(domain="other.net")]

    assert [store(report) for report in reports] == [STORED] * 4
    assert sums() == [(85, 8, 0, 2, 6, 3, 3)]
    assert sums("other.net") == [(40, 3, 0, 0, 3, 1, 2)]
    of_ours = ReportedSender.objects.get(domain="example.org", source="192.0.2.1")
    assert of_ours.messages == 85


def test_the_same_number_about_tls_is_another_report(example_org):
    assert [store(about()), store(about_tls({}))] == [STORED, STORED]


def test_a_report_about_another_s_domain_leaves_nothing(example_org):
    assert store(about(domain="sub.example.org")) == FOREIGN
    assert [model.objects.count() for model in MODELS] == [0, 0, 0, 0]


@pytest.mark.parametrize("ago", [-2, 91, 5000])
def test_a_report_about_no_day_of_ours_leaves_nothing(ago, example_org):
    assert store(about(ago)) == OLD
    assert [model.objects.count() for model in MODELS] == [0, 0, 0, 0]


@pytest.mark.parametrize("ago", [-1, 0, 90])
def test_a_report_about_the_first_and_the_last_day_is_counted(ago, example_org):
    assert store(about(ago)) == STORED


@pytest.mark.parametrize(("ago", "became"), [(-2, OLD), (-1, STORED), (3, STORED), (4, OLD)])
def test_fewer_days_may_be_asked_for(ago, became, example_org):
    assert store(about(ago), days=3) == became


def test_failures_of_tls_are_added(example_org):
    expired, other = ("certificate-expired", "mx.example.org"), ("?", "")
    store(about_tls({expired: 4, other: 1}))
    store(about_tls({expired: 6}, sessions=50, number="2"))

    [day] = ReportDay.objects.values_list("sessions", "failed_sessions", "passed", "reports")
    assert day == (150, 11, 0, 2)
    rows = TLSFailure.objects.order_by("-sessions").values_list("reason", "server", "sessions")
    assert [*rows] == [(*expired, 10), (*other, 1)]


def test_no_more_than_so_many_reports_of_a_day_are_kept(example_org, monkeypatch):
    monkeypatch.setattr(storing, "MOST_REPORTS", 2)

    assert [store(about(number=str(n))) for n in range(3)] == [STORED, STORED, TOO_MANY]
    assert sums() == [(80, 6, 0, 0, 6, 2, 2)]
    assert store(about(2, "3")) == STORED  # of another day


@pytest.mark.parametrize("what", ["messages", "sessions", "failures"])
def test_a_report_of_impossible_numbers_leaves_nothing(what, example_org):
    report = {
        "messages": about(senders={OURS: 10**12, FORGED: 1}),
        "sessions": about_tls({}, sessions=10**12 + 1),
        "failures": about_tls({("a", ""): 10**12, ("b", ""): 1}),
    }[what]

    assert store(report) == TOO_MANY
    assert [model.objects.count() for model in MODELS] == [0, 0, 0, 0]


def test_servers_beyond_what_a_day_keeps_are_added_up(example_org, monkeypatch):
    monkeypatch.setattr(storing, "MOST_SENDERS", 3)
    others = {(f"203.0.113.{n}", False, False, "none"): 2 for n in range(100, 110)}

    store(about())
    store(about(number="2", senders={OURS: 7, **others}))

    rows = ReportedSender.objects.order_by("-messages").values_list("source", "messages")
    assert [*rows] == [("192.0.2.1", 47), ("", 18), ("203.0.113.7", 3), ("203.0.113.100", 2)]
    assert sums()[0][:2] == (47, 23)


def test_failures_beyond_what_a_day_keeps_are_added_up(example_org, monkeypatch):
    monkeypatch.setattr(storing, "MOST_FAILURES", 1)

    store(about_tls({("a", "x"): 5, ("b", "y"): 3, ("c", "z"): 1}))

    rows = TLSFailure.objects.order_by("-sessions").values_list("reason", "server", "sessions")
    assert [*rows] == [("a", "x", 5), ("?", "", 4)]


def test_reports_are_forgotten_after_so_many_days(example_org, settings):
    for ago in (10, 20, 30):
        store(about(ago, str(ago)))
        store(about(ago, str(ago))._replace(kind=TLS, sessions=1, failures=Counter({("a", ""): 1})))
    settings.REPORT_DAYS = 20

    assert storing.forget() == 6
    assert storing.forget() == 0
    days = {row.day for model in MODELS for row in model.objects.all()}
    assert days == {today() - timedelta(days=ago) for ago in (10, 20)}


def test_a_deleted_domain_takes_its_reports_along(example_org, other_net):
    for domain in ("example.org", "other.net"):
        store(about(domain=domain))

    delete_domain(actor=None, domain=example_org)

    assert {row.domain for model in MODELS for row in model.objects.all()} == {"other.net"}


def test_a_day_is_told_by_its_middle():
    begin = datetime(2026, 11, 26, 16, tzinfo=UTC)

    report = about()._replace(begin=begin, end=begin + timedelta(days=1))

    assert report.day == date(2026, 11, 27)
