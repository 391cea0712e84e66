"""Events in the order in which programs get them. Whoever reads gives the numbers first: nothing else has to run for it."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import Event, EventLock, WebhookAnswer
from panel.api.answers import moment
from panel.log_actions import name_and_client
from panel.scoping import domains_in_sight, sees_all_domains
from panel.transactions import in_transaction

TOGETHER = 500  # events that are read, numbered or forgotten at once


def number():
    """Give numbers to what was committed since."""
    while _number_some() == TOGETHER:
        pass


def _number_some():
    # Most look-ups find nothing, and need no lock for that.
    return _under_lock() if Event.objects.filter(number=None).exists() else 0


@in_transaction
def _under_lock():
    EventLock.hold()
    lock = EventLock.objects.get()
    found = list(Event.objects.filter(number=None).order_by("pk").only("pk")[:TOGETHER])
    for place, event in enumerate(found, start=lock.last + 1):
        event.number = place
    Event.objects.bulk_update(found, ["number"])
    EventLock.objects.update(last=lock.last + len(found))
    return len(found)


def last():
    """The highest number that was given."""
    return EventLock.objects.values_list("last", flat=True).first() or 0


def after(position):
    """The next events, TOGETHER at most."""
    return list(Event.objects.filter(number__gt=position).order_by("number")[:TOGETHER])


def may_be_told(account, event):
    """Whether the log shows it to ``account``, as it is now."""
    if not event.domain:
        return account.is_active and sees_all_domains(account)
    return bool(domains_in_sight(account, [event.domain]))


def is_wanted(event, *, names=(), domains=()):
    """``names`` are kinds and actions; none of them: all."""
    return (not names or event.kind in names or event.action in names) and (
        not domains or event.domain in domains
    )


def told(event):
    """What programs get. It says what the log says, which holds no secret."""
    person, client = name_and_client(event.username)
    return {
        "id": event.name,
        "number": event.number,
        "type": event.action,
        "timestamp": moment(event.at),
        "data": {
            "kind": event.kind,
            "person": person,
            "client": client,
            "domain": event.domain,
            "object": event.data,
            "changes": event.changes,
        },
    }


def forget():
    """Events and answers that are older than EVENTS_DAYS; return how many rows that were."""
    number()  # else what nobody has read yet would be lost with it, unnoticed by the numbers
    edge, gone = timezone.now() - timedelta(days=settings.EVENTS_DAYS), 0
    for rows in (Event.objects.filter(at__lt=edge), WebhookAnswer.objects.filter(asked__lt=edge)):
        while keys := list(rows.values_list("pk", flat=True)[:TOGETHER]):
            gone += rows.model.objects.filter(pk__in=keys).delete()[0]
    return gone
