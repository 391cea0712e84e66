from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.utils import timezone

from domains.mail_reports import (
    DMARC,
    LET_THROUGH,
    MODELS,
    QUARANTINED,
    REJECTED,
    MailReport,
    ReportDay,
    ReportedSender,
    TLSFailure,
)
from domains.models import Domain
from mailadmin.reports.report import MOST
from panel.transactions import in_transaction

STORED, KNOWN, FOREIGN, OLD, TOO_MANY = "stored", "known", "foreign", "old", "too many"
# Of a domain and day: anybody may write to the address.
MOST_REPORTS, MOST_SENDERS, MOST_FAILURES = 500, 1000, 500
TREATED = {LET_THROUGH: "let_through", QUARANTINED: "quarantined", REJECTED: "rejected"}


@in_transaction
def store(report, days=None):
    """Count a Report about the last ``days``, else REPORT_DAYS; return what became of it: STORED or why not."""
    if max(report.senders.total(), report.sessions, report.failures.total()) > MOST:
        return TOO_MANY
    if not Domain.objects.filter(pk=report.domain).exists():
        return FOREIGN
    today = timezone.now().date()
    if not _oldest(today, days) <= report.day <= today + timedelta(days=1):
        return OLD
    ReportDay.objects.get_or_create(domain=report.domain, day=report.day)
    day = ReportDay.objects.select_for_update().get(domain=report.domain, day=report.day)
    digest = _digest(report)
    if MailReport.objects.filter(pk=digest).exists():
        return KNOWN
    if day.reports >= MOST_REPORTS:
        return TOO_MANY
    messages, failed = (_add_senders if report.kind == DMARC else _add_failures)(report, day)
    day.reports += 1
    day.save()
    MailReport.objects.create(
        digest=digest,
        domain=report.domain,
        day=report.day,
        kind=report.kind,
        reporter=report.reporter,
        policy=report.policy,
        messages=messages,
        failed=failed,
    )
    return STORED


def _digest(report):
    parts = (report.kind, report.reporter.lower(), report.number, report.domain)
    return sha256("\0".join(parts).encode(errors="replace")).hexdigest()


def _oldest(today, days=None):
    return today - timedelta(days=days or settings.REPORT_DAYS)


def _add_senders(report, day):
    failed = 0
    for (_address, spf, dkim, disposition), messages in report.senders.items():
        if spf or dkim:
            day.passed += messages
        else:
            day.failed += messages
            failed += messages
            name = TREATED[disposition]
            setattr(day, name, getattr(day, name) + messages)
    rows = ReportedSender.objects.filter(domain=report.domain, day=report.day)
    names = ["source", "spf", "dkim", "disposition"]
    known = rows.filter(source__in={address for address, *_rest in [*report.senders, ("",)]})
    # The address is all that is left out of a row beyond the bound.
    day.senders += _add(
        known, report.senders, names, MOST_SENDERS - day.senders, lambda key: ("", *key[1:]), report
    )
    return report.senders.total(), failed


def _add_failures(report, day):
    failed = report.failures.total()
    day.sessions += report.sessions
    day.failed_sessions += failed
    rows = TLSFailure.objects.filter(domain=report.domain, day=report.day)
    room = MOST_FAILURES - rows.count()
    _add(rows, report.failures, ["reason", "server"], room, lambda _key: ("?", ""), report)
    return report.sessions, failed


def _add(rows, counts, names, room, without, report):
    """Add ``counts``, {values of ``names``: number}, to ``rows``; beyond ``room`` new ones, to the row ``without(key)``.

    Returns how many rows are new.
    """
    model, counter = rows.model, "messages" if rows.model is ReportedSender else "sessions"
    known = {tuple(getattr(row, name) for name in names): row for row in rows}
    new, changed = {}, {}
    for key, number in counts.most_common():
        if key not in known and key not in new and len(new) >= room:
            key = without(key)
        row = known.get(key) or new.get(key)
        if row is None:
            row = new[key] = _new_row(model, dict(zip(names, key, strict=True)), report)
        elif key in known:
            changed[key] = row
        setattr(row, counter, getattr(row, counter) + number)
    model.objects.bulk_create(new.values(), batch_size=500)
    model.objects.bulk_update(changed.values(), [counter], batch_size=100)
    return len(new)


def _new_row(model, values, report):
    row = model(domain=report.domain, day=report.day, **values)
    if model is ReportedSender:
        row.failed = not (row.spf or row.dkim)
        row.vouched = report.vouched.get(row.source, "")
    return row


@in_transaction
def _forget_day(model, day):
    return model.objects.filter(day=day).delete()[0]


def forget():
    oldest, forgotten = _oldest(timezone.now().date()), 0
    for model in MODELS:
        # Day by day: a transaction holds one day's rows, after a long pause too.
        days = model.objects.filter(day__lt=oldest).values_list("day", flat=True).distinct()
        forgotten += sum(_forget_day(model, day) for day in list(days))
    return forgotten
