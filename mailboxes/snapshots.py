"""The figures of a day, for the plots: counted once, so that no page adds up the past.

``take()`` may run as often as one likes, on several servers too: there is one row a day for each
domain, and the last count stays.
"""

from collections import Counter
from datetime import datetime, time, timedelta
from itertools import islice

from django.db import connection
from django.db.models import Count, Exists, Max, OuterRef, Sum
from django.utils import timezone

from accounts.models import LogEntry
from domains.models import DomainUsage
from mailboxes import restoring
from mailboxes.models import (
    IDLE_DAYS,
    KEPT_DAYS,
    SERVER,
    FullMailbox,
    IdleMailbox,
    LastLogin,
    Mailbox,
    MailboxDay,
    UsageDay,
)
from panel import file_imports
from panel.log_actions import SIGN_INS, of_kind
from panel.transactions import in_transaction

TOGETHER = 1_000  # rows of one transaction


def take(today=None):
    """Count today, count the changes since the last snapshot once more, and delete days that are
    too old.

    Returns the numbers of rows written for domains, of mailbox sizes and of rows deleted.
    """
    today = today or timezone.localdate()
    _complete_changes(today)
    figures = [*_figures(today)]
    domains = _store(UsageDay, figures)
    _tell_domains(figures)
    rows = FullMailbox.objects.values_list("pk", "username__usage__bytes")
    sizes = (MailboxDay(username=name, day=today, bytes=size or 0) for name, size in rows)
    mailboxes = _store(MailboxDay, sizes)
    note_idle(today)
    file_imports.forget()
    restoring.forget_over()
    return domains - 1, mailboxes, _forget(today - timedelta(days=KEPT_DAYS))


def _figures(day):
    changes = changes_on(day)
    used = {domain: sums for domain, *sums in _used()}
    total = UsageDay(domain=SERVER, day=day, changes=changes[SERVER], domains=0)
    counters = DomainUsage.objects.exclude(pk="ALL").values_list("pk", "mailboxes", "alias_rows")
    for domain, mailboxes, alias_rows in counters:
        size, messages = used.get(domain, (0, 0))
        row = UsageDay(
            domain=domain,
            day=day,
            bytes=size or 0,
            messages=messages or 0,
            mailboxes=mailboxes,
            aliases=max(0, alias_rows - mailboxes),
            changes=changes[domain],
            domains=1,
        )
        for name in ("bytes", "messages", "mailboxes", "aliases", "domains"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
        yield row
    yield total


def _used():
    sums = {"size": Sum("usage__bytes"), "messages": Sum("usage__messages")}
    rows = Mailbox.objects.order_by().values("domain").annotate(**sums)
    return rows.values_list("domain", "size", "messages")


def _tell_domains(figures):
    used = {row.domain: row.bytes for row in figures}
    late = []
    for row in DomainUsage.objects.only("pk", "used").order_by("pk"):
        if row.used != used.get(row.pk, row.used):
            row.used = used[row.pk]
            late.append(row)
    for start in range(0, len(late), TOGETHER):
        in_transaction(DomainUsage.objects.bulk_update)(late[start : start + TOGETHER], ["used"])


def changes_on(day):
    """``{domain: entries of the log about changes}``, and of all together under SERVER."""
    begin = datetime.combine(day, time.min, timezone.get_current_timezone())
    end = datetime.combine(day + timedelta(days=1), time.min, timezone.get_current_timezone())
    entries = LogEntry.objects.filter(timestamp__gte=begin, timestamp__lt=end)
    entries = entries.exclude(action__in=of_kind(SIGN_INS))
    found = Counter(dict(entries.values_list("domain").annotate(Count("pk")).order_by()))
    found[SERVER] = found.total()
    return found


def _complete_changes(today):
    last = UsageDay.objects.filter(domain=SERVER, day__lt=today).order_by("-day").first()
    if last is None:
        return
    changes, late = changes_on(last.day), []
    for row in UsageDay.objects.filter(day=last.day):
        if row.changes != changes[row.domain]:
            row.changes = changes[row.domain]
            late.append(row)
    _store(UsageDay, late)


def _store(model, rows):
    rows, stored = iter(rows), 0
    while some := list(islice(rows, TOGETHER)):
        _store_some(model, some)
        stored += len(some)
    return stored


@in_transaction
def _store_some(model, rows):
    key = model._meta.pk.field_names
    others = [field.name for field in model._meta.concrete_fields if field.name not in key]
    # MariaDB looks at every unique key, and does not take a name of one.
    named = connection.features.supports_update_conflicts_with_target
    model.objects.bulk_create(
        rows, update_conflicts=True, update_fields=others, unique_fields=key if named else None
    )


def note_idle(today):
    """Write down anew which mailboxes nobody signed in to for IDLE_DAYS. None is, before sign-ins were written down for so long."""
    day = today - timedelta(days=IDLE_DAYS)
    since = datetime.combine(day, time.min, timezone.get_current_timezone())
    begun = UsageDay.objects.filter(domain=SERVER, day__lte=day).exists()
    if not (begun and LastLogin.objects.exists()):
        IdleMailbox.objects.all().delete()
        return
    rows = Mailbox.objects.order_by("pk").values_list("pk", "domain_id", "created")
    last = ""
    while some := list(rows.filter(pk__gt=last)[:TOGETHER]):
        _note_idle(some, since)
        last = some[-1][0]
    gone = IdleMailbox.objects.filter(~Exists(Mailbox.objects.filter(pk=OuterRef("pk"))))
    gone.delete()


@in_transaction
def _note_idle(mailboxes, since):
    names = [name for name, _domain, _created in mailboxes]
    signed_in = LastLogin.objects.filter(username__in=names).order_by().values("username")
    last = dict(signed_in.values_list("username").annotate(Max("at")))
    idle = {
        name: (domain, last.get(name, 0))
        for name, domain, created in mailboxes
        if created < since and last.get(name, 0) < since.timestamp()
    }
    there = IdleMailbox.objects.filter(pk__in=names).values_list("pk", "domain", "at")
    there = {name: (domain, at) for name, domain, at in there}
    changed = [name for name in there if idle.get(name) != there[name]]
    if changed:
        IdleMailbox.objects.filter(pk__in=changed).delete()
    IdleMailbox.objects.bulk_create(
        IdleMailbox(pk=name, domain=domain, at=at)
        for name, (domain, at) in idle.items()
        if there.get(name) != (domain, at)
    )


def _forget(oldest):
    forgotten = 0
    for model in (UsageDay, MailboxDay):
        # Day by day: a transaction holds one day's rows, after a long pause too.
        days = model.objects.filter(day__lt=oldest).values_list("day", flat=True).distinct()
        for day in list(days):
            forgotten += model.objects.filter(day=day).delete()[0]
    return forgotten
