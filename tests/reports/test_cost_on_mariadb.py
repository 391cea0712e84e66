"""What the page reads of tables that hold more than it shows."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from domains.mail_reports import MailReport, ReportDay, ReportedSender, TLSFailure
from mailadmin.reports.storing import MOST_FAILURES, MOST_REPORTS, MOST_SENDERS
from tests.bench.cost import measured

pytestmark = pytest.mark.django_db

DAYS = 90
SHOWN = 51 + 50 + 50  # servers, failures, reports
PAST = 35  # days


def days_ago(n):
    return (timezone.now().date() - timedelta(days=n)).isoformat()


@pytest.fixture
def filled(example_org, other_net):
    """As many rows as a day keeps on some days, and a few on each of the others."""
    today = timezone.now().date()
    for domain in ("example.org", "other.net"):
        for n in range(DAYS):
            fill(domain, today - timedelta(days=n), full=n in (1, 2, 3))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE reported_sender, tls_failure, mail_report, report_day")


def fill(domain, day: date, *, full):
    of = {"domain": domain, "day": day}
    senders, failures, reports = (MOST_SENDERS, MOST_FAILURES, MOST_REPORTS) if full else (5, 1, 2)
    ReportDay.objects.create(**of, failed=senders, sessions=9, reports=reports, senders=senders)
    ReportedSender.objects.bulk_create(
        ReportedSender(
            **of,
            source=f"2001:db8::{n:x}",
            spf=n % 5 == 0,
            dkim=False,
            failed=n % 5 != 0,
            disposition="none",
            messages=n % 90,
        )
        for n in range(senders)
    )
    TLSFailure.objects.bulk_create(
        TLSFailure(**of, reason=f"r{n}", server="mx.example.org", sessions=n)
        for n in range(failures)
    )
    MailReport.objects.bulk_create(
        MailReport(**of, digest=f"{domain} {day} {n}", kind="dmarc", reporter="r", messages=n)
        for n in range(reports)
    )


def test_of_a_day_s_servers_no_more_are_read_than_are_shown(filled, sign_in, make_admin):
    client = sign_in(make_admin(superadmin=True))
    page = "/domains/example.org/reports/"
    client.get(page)
    last = client.get(page, {"day": days_ago(1)}).context["next_edge"]
    edge = {"after": [last.messages, last.pk]}

    most = 2 * SHOWN + PAST + 50
    for query in ({}, {"show": "failed"}, edge, edge | {"show": "failed"}):
        with measured() as cost:
            response = client.get(page, {"day": days_ago(1)} | query)
        assert len(response.context["senders"]) == 50
        assert cost.rows <= most, query
        assert cost.statements <= 10
