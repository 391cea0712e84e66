"""Operations on an administrator's own webhooks: lock, check, save, log, in one transaction."""

import re

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import events, totp
from accounts.models import Admin, Event, LogEntry, Webhook, WebhookAnswer
from accounts.tokens import read_domains
from accounts.webhook_places import read as read_place
from accounts.webhook_sending import new_secret
from panel.changes import changed_fields, collected, refuse
from panel.log_actions import ACTIONS, ADMINS, ALIASES, DOMAINS, MAILBOXES, SIGN_INS
from panel.transactions import in_transaction

MOST = 20  # of one administrator
WAITING = 20  # tests and replays that wait
KINDS = (MAILBOXES, ALIASES, DOMAINS, ADMINS, SIGN_INS)
TEST = "test"  # the action of an event that is none
RESTORED = "restored"  # as Webhook.ended
TEXTS = ("url", "events", "domains")


def check_webhook(*, actor, webhook=None, url=None, events=None, domains=None):
    """Return (the row, unsaved, {field: [old, new]}). Raises all errors at once; what is None stays as it is.

    ``events`` are kinds and actions; ``domains`` is a text, "" for all.
    """
    errors, values = {}, {}
    if webhook is None and Webhook.objects.owned_by(actor).count() >= MOST:
        text = _("There are %(n)d already. Delete those that nobody uses.")
        errors["url"] = ValidationError(text, "too_many", {"n": MOST})
    row = webhook or Webhook(owner=actor.pk)
    if url is not None:
        with collected(errors, "url"):
            values["url"] = url.strip()
            if values["url"] != row.url:
                read_place(values["url"])
    if events is not None:
        with collected(errors, "events"):
            values["events"] = _read_events(events)
    if domains is not None:
        with collected(errors, "domains"):
            values["domains"] = _read_domains(actor, domains)
    refuse(errors)
    return row, changed_fields(row, values)


def _read_events(names):
    given = {*names}
    if unknown := sorted(given - {*KINDS} - ACTIONS.keys()):
        raise ValidationError(
            _("There is no such event: %(names)s."),
            "no_event",
            {"names": ", ".join(unknown)[:200]},
        )
    if not given:
        raise ValidationError(_("Choose what it is told."), "no_event")
    return ",".join(name for name in (*KINDS, *ACTIONS) if name in given)


def _read_domains(actor, text):
    """ "" for all; what a limited token makes is told of the token's domains at most, after the token is gone, too."""
    names, limit = read_domains(actor, text), actor.token_domains
    if names or limit is None:
        return names
    if not limit:
        raise ValidationError(_("You manage no domain of this token any more."), "not_yours")
    return ",".join(sorted(limit))


def names_in(text):
    return [*filter(None, re.split(r"[\s,;]+", text.lower()))]


@in_transaction
def create_webhook(*, actor, url, events, domains=""):
    """Return the row. It is told what happens from now on."""
    row, changes = check_webhook(actor=actor, url=url, events=events, domains=domains)
    row.secret, row.position = totp.sealed(new_secret()), _now()
    row.save(force_insert=True)
    _record(actor, "create_webhook", row, changes)
    return row


def _now():
    events.number()
    return events.last()


@in_transaction
def update_webhook(*, actor, webhook, active=None, **fields):
    """Switched on again, it is told all that happened meanwhile and is kept."""
    row = _locked(webhook)
    row, changes = check_webhook(actor=actor, webhook=row, **fields)
    if active is not None:
        if active:
            read_place(row.url)
        changes |= changed_fields(row, {"active": active})
    if not changes:
        return row
    if "url" in changes or "active" in changes:
        row.failures, row.failing_since, row.next_try = 0, None, None
    if "active" in changes:
        row.ended = ""
    row.save(update_fields=[*changes, "failures", "failing_since", "next_try", "ended"])
    _record(actor, "edit_webhook", row, changes)
    return row


@in_transaction
def renew_secret(*, actor, webhook):
    """The former one signs nothing any more, from the next request on."""
    row = _locked(webhook)
    row.secret = totp.sealed(new_secret())
    row.save(update_fields=["secret"])
    _record(actor, "edit_webhook", row, {"secret": [None, True]})
    return row


@in_transaction
def delete_webhook(*, actor, webhook):
    if Webhook.objects.filter(pk=webhook.pk).delete()[0]:
        told = {name: [getattr(webhook, name), None] for name in TEXTS}
        _record(actor, "delete_webhook", webhook, told)


def answers_of(webhook, *, actor):
    """A token that is limited to domains is told of tests and of these alone: the webhook may have been told of others before."""
    rows, limit = webhook.answers.all(), actor.token_domains
    if limit is None:
        return rows
    within = Event.objects.filter(name=OuterRef("event"), domain__in=limit)
    return rows.filter(Q(event="") | Exists(within))


@in_transaction
def ask_for_test(*, webhook):
    return _ask(_locked(webhook), action=TEST)


@in_transaction
def ask_again(*, actor, webhook, answer):
    """Send the event of an earlier ``answer`` once more. Refused once it is forgotten, and where it is not the actor's to see any more."""
    row = _locked(webhook)
    event = Event.objects.filter(name=answer.event).first() if answer.event else None
    if answer.event and (event is None or not events.may_be_told(actor, event)):
        raise ValidationError(_("This event is not kept any more, or not yours to see."), "gone")
    return _ask(row, event=answer.event, action=answer.action, about=answer.about)


def _ask(row, **fields):
    if row.answers.filter(sent=None).count() >= WAITING:
        raise ValidationError(_("Too many wait already. Try again in a minute."), "busy")
    return WebhookAnswer.objects.create(webhook=row, **fields)


@in_transaction
def give_up(webhook, why):
    """Switch it off by itself: ``why`` is "gone", the receiver said so, "failed", for too long, or "restored". Return whether it was on."""
    row = _locked(webhook)
    if not row.active:
        return False
    row.active, row.ended = False, why
    row.save(update_fields=["active", "ended"])
    _record(None, "edit_webhook", row, {"active": [True, False]})
    return True


def forget_ownerless():
    """Delete those of accounts that another program deleted, before it makes one of the same name."""
    owners = Admin.objects.filter(pk=OuterRef("owner"))
    Webhook.objects.filter(~Exists(owners)).delete()


def pause_all():
    """Switch off all in a restored copy of the database, whose events another server sends or has sent; return how many were on.

    What was asked for, and waits, is not sent. Switched on again, each goes on where it was.
    """
    WebhookAnswer.objects.filter(sent=None).delete()
    return sum(give_up(webhook, RESTORED) for webhook in Webhook.objects.filter(active=True))


def paused():
    return Webhook.objects.filter(active=False, ended=RESTORED).order_by("pk")


def secret_of(webhook):
    """Its secret, or None where no key fits any more. One under a former key is stored anew."""
    found = totp.unsealed(webhook.secret)
    if found is not None and not totp.is_under_first_key(webhook.secret):
        same = Webhook.objects.filter(pk=webhook.pk, secret=webhook.secret)
        webhook.secret = totp.sealed(found)
        same.update(secret=webhook.secret)
    return found


def store_secrets_as_now():
    """After a change of the key; return how many were stored anew."""
    old = [row for row in Webhook.objects.all() if not totp.is_under_first_key(row.secret)]
    return sum(secret_of(row) is not None for row in old)


def _locked(webhook):
    return Webhook.objects.select_for_update().get(pk=webhook.pk)


def _record(actor, action, row, changes):
    """Of a URL the host alone: the rest may be what the receiver takes for a password."""
    gone = action == "delete_webhook"
    told = {"webhook": [row.host, None] if gone else [None, row.host]}
    told |= {
        name: pair
        for name, pair in changes.items()
        if name != "url" and any(value not in ("", None) for value in pair)
    }
    LogEntry.objects.record(actor, action, target=row.owner, changes=told)


def seconds_left(webhook):
    """Until it is tried again."""
    now = timezone.now()
    return max(1, round(((webhook.next_try or now) - now).total_seconds()))
