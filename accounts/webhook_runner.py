"""Sends to webhooks what is due: to each in order and, as long as it fails, the same again after growing pauses.

Several may run at once, on one machine or several: whoever takes a webhook has it alone for LEASE, renewed before each request. Who is
stopped between a request and the note of it sends that event again: at least once.
"""

import json
import logging
import secrets
from datetime import timedelta
from time import monotonic
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import events, webhook_sending, webhooks
from accounts.letters import tell
from accounts.models import Admin, Event, Webhook, WebhookAnswer
from accounts.webhook_places import read as read_place
from accounts.webhook_sending import Answer
from panel.api.answers import moment
from panel.transactions import in_transaction

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)  # longer than a look-up of a name and a request together
TURN_SECONDS = 10  # of one webhook, then the others have theirs
PAUSES = (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600)  # seconds; the last one again and again
ANSWERS = 100  # kept of each
GONE = 410


class _Next(NamedTuple):
    event: Event | None  # None: a test, or it is forgotten
    asked: WebhookAnswer | None  # somebody asked for it; None: its turn has come


def run(stopped=lambda: False):
    """Send what is due now; return how many requests that were. ``stopped()``: whether to end after the one under way."""
    webhooks.forget_ownerless()
    events.number()
    sent = 0
    for key in list(_due()):
        if stopped():
            break
        sent += _turn(key, stopped)
    return sent


def _due():
    now = timezone.now()
    asked = WebhookAnswer.objects.filter(webhook=OuterRef("pk"), sent=None)
    ready = Q(active=True, position__lt=events.last()) & (Q(next_try=None) | Q(next_try__lte=now))
    free = Q(busy_until=None) | Q(busy_until__lt=now)
    return (
        Webhook.objects.filter(free, ready | Exists(asked))
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def _turn(key, stopped):
    runner, sent, end = secrets.token_hex(16), 0, monotonic() + TURN_SECONDS
    free = Q(busy_until=None) | Q(busy_until__lt=timezone.now())
    if not _hold(Webhook.objects.filter(free, pk=key), runner):
        return 0
    mine = Webhook.objects.filter(pk=key, runner=runner)
    try:
        while monotonic() < end and not stopped() and _hold(mine, runner):
            webhook = mine.first()
            owner = _owner(webhook)
            found = owner and _next(webhook, owner, mine)
            if not found:
                break
            _send(webhook, owner, found, mine)
            sent += 1
    finally:
        mine.update(runner="", busy_until=None)
    return sent


def _owner(webhook):
    """None: another program may have deleted the account, and perhaps made a new one of its name."""
    owner = Admin.objects.filter(pk=webhook.owner, mailbox=None).first()
    return owner if owner and Webhook.objects.of(owner).filter(pk=webhook.pk).exists() else None


@in_transaction
def _hold(rows, runner):
    return rows.update(runner=runner, busy_until=timezone.now() + LEASE) == 1


def _next(webhook, owner, mine):
    asked = webhook.answers.filter(sent=None).order_by("pk").first()
    if asked is not None:
        return _Next(Event.objects.filter(name=asked.event).first() if asked.event else None, asked)
    due = webhook.next_try is None or webhook.next_try <= timezone.now()
    while webhook.active and due and (found := events.after(webhook.position)):
        for event in found:
            if _is_for(webhook, owner, event):
                return _Next(event, None)
            webhook.position = event.number
        if not mine.update(position=webhook.position):
            break
    return None


def _is_for(webhook, owner, event):
    """Asked anew before each request: the owner may manage less by now."""
    wanted = events.is_wanted(event, names=webhook.event_names, domains=webhook.domain_names)
    return wanted and events.may_be_told(owner, event)


def _send(webhook, owner, found, mine):
    event, asked = found
    answer = _answer(webhook, owner, event, asked)
    row = asked or WebhookAnswer(
        webhook=webhook, event=event.name, action=event.action, about=event.data
    )
    row.sent, row.milliseconds = timezone.now(), answer.milliseconds
    row.status, row.text = answer.status, answer.text
    if not _keep(row):  # somebody deleted the webhook meanwhile
        return
    _forget_old(webhook)
    if asked is None:
        _note(webhook, owner, event, row, mine)


@in_transaction
def _keep(row):
    if not Webhook.objects.filter(pk=row.webhook_id).exists():
        return False
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        return False
    return True


def _answer(webhook, owner, event, asked):
    secret = webhooks.secret_of(webhook)
    if (
        asked is not None
        and asked.event
        and (event is None or not events.may_be_told(owner, event))
    ):
        return Answer(None, _("This event is not kept any more, or not yours to see."), 0)
    if not owner.is_active:
        return Answer(None, _("Its account is off."), 0)
    if secret is None:
        return Answer(None, _("Its secret cannot be read any more: make a new one."), 0)
    try:
        place = read_place(webhook.url)
    except ValidationError as error:  # the setting may have changed
        return Answer(None, error.messages[0], 0)
    told = events.told(event) if event else _test(asked)
    return webhook_sending.send(
        place, name=told["id"], secret=secret, body=json.dumps(told, ensure_ascii=False).encode()
    )


def _test(asked):
    return {
        "id": f"evt_test_{asked.pk}",
        "number": None,
        "type": webhooks.TEST,
        "timestamp": moment(asked.asked),
        "data": {},
    }


@in_transaction
def _note(webhook, owner, event, row, mine):
    if row.is_good:
        rest = {"failures": 0, "failing_since": None, "next_try": None}
        mine.update(position=event.number, **rest)
        return
    now = timezone.now()
    since = webhook.failing_since or now
    pause = PAUSES[min(webhook.failures, len(PAUSES) - 1)]
    # Those before it were left out, and need not be looked at again.
    mine.update(
        position=max(webhook.position, event.number - 1),
        failures=webhook.failures + 1,
        failing_since=since,
        next_try=now + timedelta(seconds=pause),
    )
    logger.warning("webhook %d to %s: %s %s", webhook.pk, webhook.host, row.status, row.text[:100])
    late = now - since >= timedelta(days=settings.WEBHOOK_DAYS)
    why = "gone" if row.status == GONE else "failed" if late else ""
    if why and webhooks.give_up(webhook, why):
        said = (
            row.text if row.status is None else f"HTTP {row.status}"
        )  # no words of others in our mail
        tell("webhook", owner, host=webhook.host, why=why, said=said, days=settings.WEBHOOK_DAYS)


def _forget_old(webhook):
    done = webhook.answers.exclude(sent=None).order_by("-pk")
    edge = done.values_list("pk", flat=True)[ANSWERS : ANSWERS + 1]
    if edge := list(edge):
        webhook.answers.exclude(sent=None).filter(pk__lte=edge[0]).delete()
