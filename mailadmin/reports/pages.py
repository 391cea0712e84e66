from datetime import date, timedelta
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from domains.dns.states import findings_of
from domains.mail_reports import MailReport, ReportDay, ReportedSender, TLSFailure
from domains.models import DomainDNS
from domains.views import DomainPages
from mailadmin.reports import words
from panel.pages import ScopedDetailView
from panel.paging import beyond

DAYS = 30
SIZE = 50  # senders of a page
MOST = 50  # failures of TLS, and reports, of a day
TALL = 40  # pixels of the bars
EDGE = ("messages", "pk")


class Bar(NamedTuple):
    """A day, its row or None, and the heights of its bar and of the part that failed."""

    day: date
    row: ReportDay | None
    height: int
    failed: int


class DomainReports(DomainPages, ScopedDetailView):
    right = "domains:read"
    template_name = "domains/reports.html"
    template_engine = "jinja2"

    def get_context_data(self, **kwargs):
        domain = self.object.pk
        today = timezone.now().date()  # the reports' days are Greenwich's
        first = today - timedelta(days=DAYS)
        rows = ReportDay.objects.filter(domain=domain, day__gte=first).order_by("day")
        by_day = {row.day: row for row in rows}
        chosen = self.chosen(by_day)
        return super().get_context_data(
            bars=bars(by_day, [first + timedelta(days=n) for n in range(DAYS + 1)]),
            total=total(by_day.values()),
            chosen=chosen,
            only_failed=self.only_failed,
            words=words,
            here=settings.REPORTS_HERE,
            reports_to=settings.REPORTS_TO,
            own=set(settings.MAIL_ADDRESSES),
            **(self.of_day(domain, chosen.day) if chosen else {"elsewhere": elsewhere(domain)}),
            **kwargs,
        )

    @property
    def only_failed(self):
        return self.request.GET.get("show") == "failed"

    def chosen(self, by_day):
        """The day asked for, if it has a row; else the last one about which there is something to say."""
        try:
            asked = by_day.get(date.fromisoformat(self.request.GET.get("day", "")))
        except ValueError:
            asked = None
        told = [row for row in by_day.values() if row.passed + row.failed]
        return asked or next(reversed(told or [*by_day.values()]), None)

    def of_day(self, domain, day):
        of = {"domain": domain, "day": day}
        senders = ReportedSender.objects.filter(**of)
        if self.only_failed:
            senders = senders.filter(failed=True)
        edge = self.request.GET.getlist("after")
        is_edge = len(edge) == 2 and all(one.isdecimal() and len(one) < 19 for one in edge)
        if is_edge:
            senders = senders.filter(beyond(EDGE, edge, descending=True))
        found = list(senders.order_by("-messages", "-pk")[: SIZE + 1])
        return {
            "senders": found[:SIZE],
            "next_edge": found[SIZE - 1] if len(found) > SIZE else None,
            "is_first": not is_edge,
            "failures": TLSFailure.objects.filter(**of).order_by("-sessions")[:MOST],
            "reports": MailReport.objects.filter(**of).order_by("-messages")[:MOST],
        }


def elsewhere(domain):
    """The DMARC record that the last check saw, if it does not have reports sent to this panel; or ""."""
    findings = findings_of(DomainDNS.objects.filter(pk=domain).first())
    seen = [text for finding in findings if finding.topic == "dmarc" for text in finding.seen]
    return "" if any(settings.REPORTS_HERE in text.lower() for text in seen) else " ".join(seen)


def bars(by_day, days):
    most = max((row.passed + row.failed for row in by_day.values()), default=0)
    drawn = []
    for day in days:
        row = by_day.get(day)
        heights = [-(-part * TALL // most) for part in (row.passed + row.failed, row.failed)] if row and most else (0, 0)  # fmt: skip
        drawn.append(Bar(day, row, *heights))
    return drawn


def total(rows):
    found = ReportDay()
    for row in rows:
        for name in words.ADDED:
            setattr(found, name, getattr(found, name) + getattr(row, name))
    return found
