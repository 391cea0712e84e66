"""Forwarding and away messages at /api/v1. A mailbox's user changes the own ones, as on the own page."""

from typing import Annotated, Literal

from django.conf import settings
from django.http import Http404
from ninja import Router
from pydantic import Field

from accounts.api_auth import Token
from domains.models import RoutingLock
from mailboxes import vacations
from mailboxes.api import Address, mailboxes, seen
from mailboxes.forwarding import (
    forwarding_of,
    forwards,
    is_away,
    refuse_own_address,
    self_alias,
    set_forwarding,
)
from mailboxes.models import Mailbox, Vacation
from mailboxes.vacation_rows import COMING
from panel.api.resources import Resource
from panel.api.schemas import Body, Day, Lines, Text, example, patch_of, read_only
from panel.changes import collected, refuse

router = Router(tags=["Forwarding and away messages"])


class Forwarding(Body):
    model_config = example({"targets": ["ann@example.net"], "keep_copy": True})

    targets: list[Text] = Field([], description="Empty: no forwarding.")
    keep_copy: bool = Field(True, description="Mail that is forwarded stays here as well.")
    active: bool | None = read_only("Whether mail is forwarded now.")
    away_message: bool | None = read_only("Whether PostfixAdmin’s away message answers.")


class AwayMessage(Body):
    """Days are those of the mailbox’s time zone, the last one included."""

    model_config = example(
        {
            "subject": "Back on Monday",
            "text": "I am away. Write to info@example.org.",
            "last_day": "2036-08-14",
        }
    )

    subject: Text = Field(max_length=255, examples=["Back on Monday"])
    text: Annotated[Lines, Field(max_length=vacations.LONGEST)] = Field(examples=["I am away."])
    first_day: Day | None = Field(None, description="null: from now on.")
    last_day: Day | None = Field(None, description="null: until it is ended.")
    every_days: Literal[0, 1, 3, 7] = Field(
        0, description="How long who was answered gets no other answer. 0: as long as possible."
    )
    answers: bool | None = read_only("Whether its first day has come.")


AwayMessagePatch = patch_of(AwayMessage)


def _seen(actor, address):
    return mailboxes.named(actor, address, find=seen)


# --- Forwarding


def _forwarding(mailbox):
    row = self_alias(mailbox)
    targets, keep_copy = forwarding_of(row)
    told = {"targets": targets, "keep_copy": keep_copy}
    return told | {"active": forwards(row), "away_message": is_away(row)}


def _forward(request, mailbox, values):
    actor = request.auth
    if actor.is_mailbox_user:  # as the own page has it
        with collected(errors := {}, "targets"):
            refuse_own_address(mailbox, "\n".join(values["targets"]))
        refuse(errors)
    set_forwarding(actor=actor, mailbox=mailbox, **values)
    return mailbox


forwarding = Resource(
    body=Forwarding,
    find=_seen,
    record=_forwarding,
    change=_forward,
    lock=RoutingLock.hold,
)


@router.get(
    "/mailboxes/{path:address}/forwarding", auth=Token("forwarding:read"), response=Forwarding
)
def get_forwarding(request, address: Address):
    """Where its mail is sent on to."""
    return forwarding.get(request, address)


@router.put(
    "/mailboxes/{path:address}/forwarding", auth=Token("forwarding:write"), response=Forwarding
)
def put_forwarding(request, address: Address, body: Forwarding):
    """Send its mail on to these, or to nobody."""
    return forwarding.put(request, body, address)


# --- Away messages


def _record(row):
    zone = row.email.zone
    return {
        "subject": row.subject,
        "text": row.body,
        "first_day": row.first_day(zone),
        "last_day": row.last_day(zone),
        "every_days": vacations.known_interval(row.interval_time) // vacations.DAY,
        "answers": row.state != COMING,
    }


def _columns(values, row):
    names = {"text": "body", "every_days": "interval"}
    values = {names.get(name, name): value for name, value in values.items()}
    if "interval" in values:
        values["interval"] *= vacations.DAY
    return values


def _away(actor, address):
    if not settings.AWAY_MESSAGES:
        raise Http404
    return Mailbox.objects.select_related("vacation").get(pk=_seen(actor, address).pk)


def _find(actor, address):
    return vacations.vacation_of(_away(actor, address))


def _create(request, address, values):
    return _set(request, _seen(request.auth, address), values)


def _change(request, row, values):
    zone = row.email.zone
    said = {"subject": row.subject, "body": row.body}
    said |= {"first_day": row.first_day(zone), "last_day": row.last_day(zone)}
    said["interval"] = vacations.known_interval(row.interval_time)
    return _set(request, row.email, said | values)


def _set(request, mailbox, values):
    vacations.set_vacation(actor=request.auth, mailbox=mailbox, **values)
    return Vacation.objects.select_related("email").get(pk=mailbox.pk)


away_messages = Resource(
    body=AwayMessage,
    find=_find,
    record=_record,
    columns=_columns,
    pointers={"body": "text", "interval": "every_days"},
    create=_create,
    change=_change,
    lock=RoutingLock.hold,
)


def _answered(mailbox):
    row = vacations.vacation_of(mailbox)
    return row and _record(row)


def _end(request, mailbox):
    if not vacations.end_vacation(actor=request.auth, mailbox=mailbox):
        raise Http404


# PostfixAdmin's program may answer where Dovecot does not.
answered = Resource(find=_away, record=_answered, delete=_end, lock=RoutingLock.hold)


@router.get(
    "/mailboxes/{path:address}/away-message",
    auth=Token("away-messages:read"),
    response=AwayMessage,
)
def get_away_message(request, address: Address):
    """What Dovecot answers for it, or will; 404 if it answers nothing."""
    return away_messages.get(request, address)


@router.put(
    "/mailboxes/{path:address}/away-message",
    auth=Token("away-messages:write"),
    response={200: AwayMessage, 201: AwayMessage},
)
def put_away_message(request, address: Address, body: AwayMessage):
    """Let Dovecot answer whoever writes to it. PostfixAdmin’s program, if it did, answers no more."""
    return away_messages.put(request, body, address)


@router.patch(
    "/mailboxes/{path:address}/away-message",
    auth=Token("away-messages:write"),
    response=AwayMessage,
)
def patch_away_message(request, address: Address, body: AwayMessagePatch):
    """Change what is named, and nothing else."""
    return away_messages.patch(request, body, address)


@router.delete(
    "/mailboxes/{path:address}/away-message",
    auth=Token("away-messages:write"),
    response={204: None},
)
def end_away_message(request, address: Address):
    """Let nobody be answered any more, by PostfixAdmin’s program either."""
    return answered.remove(request, address)
