"""Away messages: Dovecot answers whoever writes to somebody who is away (deploy/dovecot, by the views of mailboxes/sieve.py).

PostfixAdmin's own program answers instead as long as its address is a recipient of the mailbox (aliases/away.py).
"""

import re
from datetime import date, datetime, time

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import LogEntry
from aliases.away import away_targets, without_away
from aliases.models import Alias
from domains.models import RoutingLock
from mailboxes.models import Mailbox, Vacation
from panel.changes import refuse
from panel.transactions import in_transaction

DAY = 86_400
# How long who was answered gets no other answer, in seconds. 1 is PostfixAdmin's "each message", which nobody answers any more: RFC 5230, 4.1.
INTERVALS = {
    0: gettext_lazy("Once"),
    DAY: gettext_lazy("Once a day"),
    3 * DAY: gettext_lazy("Once in three days"),
    7 * DAY: gettext_lazy("Once a week"),
}
LONGEST = 10_000  # characters of a text
LAST_DAY = date(2036, 12, 31)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def known_interval(seconds):
    """The one of INTERVALS that is nearest to what another program stored."""
    known = [one for one in INTERVALS if one >= seconds]
    return min(known, default=7 * DAY)


@in_transaction
def set_vacation(*, actor, mailbox, subject, body, first_day=None, last_day=None, interval=0):
    """Let Dovecot answer for ``mailbox`` and return the Vacation. PostfixAdmin's program, if it did, answers no more.

    Days are those of the mailbox's time zone, the last one included; None is no limit. ``interval``: a key of INTERVALS.
    """
    RoutingLock.hold()
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    stored = Vacation.objects.select_for_update().filter(pk=mailbox.pk).first()
    row = check_vacation(
        mailbox=mailbox,
        subject=subject,
        body=body,
        first_day=first_day,
        last_day=last_day,
        interval=interval,
    )
    old, new = _told(stored, mailbox.zone), _told(row, mailbox.zone)
    changes = {name: [old.get(name), new[name]] for name in new if old.get(name) != new[name]}
    changes |= _take_out_program(mailbox)
    if stored is not None:
        row.created, row.cache = stored.created, stored.cache
    if not changes:
        return row
    row.save(force_insert=stored is None, force_update=stored is not None)
    _forget_whom_it_answered(mailbox.pk)
    LogEntry.objects.record(
        actor, "set_vacation", domain=mailbox.domain_id, target=mailbox.pk, changes=changes
    )
    return row


def check_vacation(*, mailbox, subject=None, body=None, first_day=None, last_day=None, interval=0):
    """Return the unsaved row. Raises all errors at once; of ``subject`` and ``body`` None is not checked."""
    errors, zone = {}, mailbox.zone
    row = Vacation(email=mailbox, domain=mailbox.domain_id, interval_time=interval)
    if subject is not None:
        row.subject = " ".join(_CONTROL.sub(" ", subject).split())
        if not row.subject or len(row.subject) > 255:
            text = _("Enter a subject of at most 255 characters.")
            errors["subject"] = ValidationError(text, "subject")
    if body is not None:
        lines = "\n".join(line.rstrip() for line in body.splitlines()).strip()
        row.body = _CONTROL.sub("", lines)
        if not row.body or len(row.body) > LONGEST:
            text = _("Enter a text of at most %(n)d characters.")
            errors["body"] = ValidationError(text, "body", {"n": LONGEST})
    if interval not in INTERVALS:
        text = _("Choose how often somebody is answered.")
        errors["interval"] = ValidationError(text, "interval")
    for name, day in (("first_day", first_day), ("last_day", last_day)):
        if day is not None and not date(2001, 1, 1) <= day <= LAST_DAY:
            errors[name] = ValidationError(_("Choose a day before 2037."), "too_far")
    if last_day is not None and "last_day" not in errors:
        if last_day < timezone.localdate(timezone=zone):
            errors["last_day"] = ValidationError(_("This day is over."), "past")
        elif first_day is not None and last_day < first_day:
            text = _("This day is before the first one.")
            errors["last_day"] = ValidationError(text, "before_first")
    refuse(errors)
    if first_day is not None:
        row.activefrom = datetime.combine(first_day, time(), zone)
    if last_day is not None:
        row.activeuntil = datetime.combine(last_day, time(23, 59, 59), zone)
    _fill_days_in(row, zone)
    return row


def _fill_days_in(row, zone):
    """PostfixAdmin's marks, where the view that Dovecot reads (mailboxes/sieve.py) would take another day: that of TIME_ZONE."""
    zones = (zone, timezone.get_default_timezone())
    if len({(row.first_day(each), row.last_day(each)) for each in zones}) > 1:
        row.subject, row.body = (row.filled(text, zone) for text in (row.subject, row.body))


def _told(row, zone):
    if row is None or not row.active:
        return {}
    days = {"first_day": row.first_day(zone), "last_day": row.last_day(zone)}
    told = {"subject": row.subject, "body": row.body, "interval": row.interval_time}
    return told | {name: day and day.isoformat() for name, day in days.items()}


@in_transaction
def end_vacation(*, actor, mailbox):
    """Let nobody be answered any more, by Dovecot or by PostfixAdmin's program. Return whether somebody was, or would have been."""
    RoutingLock.hold()
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    changes = _take_out_program(mailbox)
    now = timezone.now()
    rows = Vacation.objects.filter(pk=mailbox.pk, active=True)
    if not rows.update(active=False, modified=now) and not changes:
        return False
    _forget_whom_it_answered(mailbox.pk)
    LogEntry.objects.record(
        actor, "end_vacation", domain=mailbox.domain_id, target=mailbox.pk, changes=changes
    )
    return True


def _take_out_program(mailbox):
    row = Alias.objects.select_for_update().filter(pk=mailbox.pk).first()
    if row is None or not away_targets(row.pk, row.targets):
        return {}
    changes = {"goto": [row.goto, ",".join(without_away(row.pk, row.targets))]}
    row.goto, row.modified = changes["goto"][1], timezone.now()
    row.save(update_fields=["goto", "modified"])
    return changes


def _forget_whom_it_answered(address):
    """In the tables of PostfixAdmin's program, with whatever stands before their names; they may not be here."""
    if (
        not address.isascii()
    ):  # they are latin1 mostly: no other address is there, and comparing is an error
        return
    with connection.cursor() as cursor:
        names = set(connection.introspection.table_names(cursor))
        for told in sorted(name for name in names if name.endswith("vacation_notification")):
            quote = connection.ops.quote_name
            cursor.execute(f"DELETE FROM {quote(told)} WHERE on_vacation = %s", [address])  # noqa: S608
            of_program = told.removesuffix("_notification")
            if of_program in names - {Vacation._meta.db_table}:
                statement = f"UPDATE {quote(of_program)} SET active = 0 WHERE email = %s"  # noqa: S608
                cursor.execute(statement, [address])


def vacation_of(mailbox):
    """The row that is on, or will be; None else. No statement for a mailbox that came with its ``vacation``."""
    try:
        row = mailbox.vacation
    except Vacation.DoesNotExist:
        return None
    return row if row.active and row.activeuntil >= timezone.now() else None
