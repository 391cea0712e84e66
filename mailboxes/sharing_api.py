"""Sending as others, and shared mailboxes, at /api/v1. Of a row with two ends, whoever manages either one sees it and ends it."""

from typing import Annotated

from django.db.models import Exists, OuterRef
from django.http import Http404
from django.utils.translation import gettext as _
from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from domains.models import RoutingLock
from mailboxes import send_as, sharing
from mailboxes.api import Address, mailboxes, seen
from mailboxes.models import SendAs, Share
from panel.addresses import lookup_key, split_address
from panel.api.lists import ReadWithKeys, listed, number_edge
from panel.api.problems import Problem
from panel.api.queries import asks
from panel.api.resources import Resource
from panel.api.schemas import Answer, Body, example, patch_of, read_only
from panel.scoping import domains_managed

router = Router(tags=["Sending as others, shared mailboxes"])
Sender = Annotated[
    str,
    Path(
        description="An address, or @example.org for every name of a domain.",
        examples=["sales@example.org"],
    ),
]
Person = Annotated[
    str, Path(description="The mailbox that opens it.", examples=["bob@example.org"])
]


class SendAsBody(Body):
    model_config = example({})

    sender: str | None = read_only("The address, or @example.org for every name of a domain.")
    mailbox: str | None = read_only("Who signs in with it may send as that.")


class SendAsRows(Answer):
    items: list[SendAsBody]
    next: str | None


class ShareBody(Body):
    model_config = example({"may_write": True, "send_as": False})

    mailbox: str | None = read_only("The mailbox that is shared.")
    person: str | None = read_only("The mailbox that opens it, as shared/ADDRESS.")
    may_write: bool = Field(True, description="False: it is only read.")
    send_as: bool = Field(True, description="Whether the person may send as it.")
    applied: bool | None = read_only("False: it counts once root has typed the command.")
    command: str | None = read_only("What root types where there is no helper.")


SharePatch = patch_of(ShareBody)


class Shares(Answer):
    items: list[ShareBody]
    next: str | None


# --- Sending as others


def sender_of(text):
    key = lookup_key(text)
    return key if "@" in key else f"@{key}"


def _send_as(row):
    return {"sender": row.sender, "mailbox": row.username}


def _find_send_as(actor, sender, address):
    rows = SendAs.objects.open_to(actor)
    return rows.filter(sender=sender_of(sender), username=lookup_key(address)).first()


def _let_send_as(request, sender, address, values):
    actor, name = request.auth, sender_of(sender)
    # Of what somebody does not manage they are not told whether it is there.
    is_own = not actor.is_mailbox_user or name == actor.pk
    if not is_own or not domains_managed(actor, {split_address(name)[1]}):
        raise Http404
    return send_as.let_send_as(actor=actor, mailbox=address, sender=name)


def _end_send_as(request, row):
    if request.auth.is_mailbox_user and row.sender != request.auth.pk:
        raise Http404  # what somebody else gave
    send_as.end_send_as(actor=request.auth, row=row)


senders = Resource(
    body=SendAsBody,
    keys=("sender", "mailbox"),
    find=_find_send_as,
    record=_send_as,
    create=_let_send_as,
    change=lambda request, row, values: row,
    delete=_end_send_as,
    lock=RoutingLock.hold,
)


def _narrowed(request, rows, names):
    for member, column in names.items():
        if key := lookup_key(request.GET.get(member, "")):
            rows = rows.filter(**{column: key})
    return rows


@router.get(
    "/send-as",
    auth=Token("send-as:read"),
    response=SendAsRows,
    openapi_extra=asks("sender", "mailbox"),
)
def list_send_as(request):
    """Who may send as what, besides those who receive it."""
    rows = SendAs.objects.visible_to(request.auth)
    rows = _narrowed(request, rows, {"sender": "sender", "mailbox": "username"})
    page = ReadWithKeys(rows, ("pk",), _send_as, edge=number_edge)
    return listed(request, page, asked=("sender", "mailbox"))


@router.get(
    "/send-as/{path:sender}/by/{path:address}", auth=Token("send-as:read"), response=SendAsBody
)
def get_send_as(request, sender: Sender, address: Address):
    """Whether this mailbox may send as that; 404 if not."""
    return senders.get(request, sender, address)


@router.put(
    "/send-as/{path:sender}/by/{path:address}",
    auth=Token("send-as:write"),
    response={200: SendAsBody, 201: SendAsBody},
)
def put_send_as(request, sender: Sender, address: Address, body: SendAsBody):
    """Let a mailbox send as an address, or as every name of a domain."""
    return senders.put(request, body, sender_of(sender), address)


@router.delete(
    "/send-as/{path:sender}/by/{path:address}",
    auth=Token("send-as:write"),
    response={204: None},
)
def end_send_as(request, sender: Sender, address: Address):
    """Refuse it from the next message on."""
    return senders.remove(request, sender, address)


# --- Shared mailboxes


def with_send_as(rows):
    """Shares, each with ``may_send``: whether the person may send as the owner."""
    pairs = SendAs.objects.filter(sender=OuterRef("owner"), username=OuterRef("person"))
    return rows.annotate(may_send=Exists(pairs))


def _share(row):
    return {
        "mailbox": row.owner,
        "person": row.person,
        "may_write": row.may_write,
        "send_as": row.may_send,
        "applied": row.applied,
        "command": None if row.applied else row.command,
    }


def _find_share(actor, address, person):
    rows = with_send_as(Share.objects).open_to(actor)
    return rows.filter(owner=lookup_key(address), person=lookup_key(person)).first()


def _create_share(request, address, person, values):
    actor = request.auth
    if actor.is_mailbox_user and seen(actor, address):
        raise Problem(403, _("An administrator shares mailboxes."))
    mailbox = mailboxes.named(actor, address)
    row = sharing.share_mailbox(actor=actor, mailbox=mailbox, person=person, **values)
    return with_send_as(Share.objects).get(pk=row.pk)


def _change_share(request, row, values):
    before = _share(row)
    said = {name: before[name] for name in ("may_write", "send_as")} | values
    return _create_share(request, row.owner, row.person, said)


def _end_share(request, row):
    if request.auth.is_mailbox_user and row.owner != request.auth.pk:
        raise Http404
    sharing.end_share(actor=request.auth, row=row)


shares = Resource(
    body=ShareBody,
    keys=("mailbox", "person"),
    find=_find_share,
    record=_share,
    create=_create_share,
    change=_change_share,
    delete=_end_share,
    lock=RoutingLock.hold,
)


@router.get(
    "/shares", auth=Token("sharing:read"), response=Shares, openapi_extra=asks("mailbox", "person")
)
def list_shares(request):
    """Who opens which mailbox, besides the person who signs in to it."""
    rows = with_send_as(Share.objects).visible_to(request.auth)
    rows = _narrowed(request, rows, {"mailbox": "owner", "person": "person"})
    page = ReadWithKeys(rows, ("pk",), _share, edge=number_edge)
    return listed(request, page, asked=("mailbox", "person"))


@router.get(
    "/shares/{path:address}/with/{path:person}", auth=Token("sharing:read"), response=ShareBody
)
def get_share(request, address: Address, person: Person):
    """Whether this person opens this mailbox; 404 if not."""
    return shares.get(request, address, person)


@router.put(
    "/shares/{path:address}/with/{path:person}",
    auth=Token("sharing:write"),
    response={200: ShareBody, 201: ShareBody},
)
def put_share(request, address: Address, person: Person, body: ShareBody):
    """Open a mailbox to another one, from its next sign-in on. Administrators alone."""
    return shares.put(request, body, address, person)


@router.patch(
    "/shares/{path:address}/with/{path:person}", auth=Token("sharing:write"), response=ShareBody
)
def patch_share(request, address: Address, person: Person, body: SharePatch):
    """Change what is named, and nothing else."""
    return shares.patch(request, body, address, person)


@router.delete(
    "/shares/{path:address}/with/{path:person}",
    auth=Token("sharing:write"),
    response={204: None},
)
def end_share(request, address: Address, person: Person):
    """Share it no longer, and let the person send as it no longer."""
    return shares.remove(request, address, person)
