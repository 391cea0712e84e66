"""From where mail is fetched into mailboxes, at /api/v1. A mailbox's user changes it where the own page offers it."""

from typing import Annotated, Literal

from django.http import Http404
from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from domains.models import RoutingLock
from mailboxes import fetching
from mailboxes.api import Address, mailboxes, seen
from mailboxes.fetch_rows import IMAP, TLS
from mailboxes.models import RemoteMailbox
from panel.api.answers import moment
from panel.api.lists import ReadWithKeys, listed, number_edge, numbered
from panel.api.resources import Resource
from panel.api.schemas import (
    Answer,
    Body,
    Moment,
    Secret,
    Text,
    example,
    patch_of,
    read_only,
    renamed,
    values_of,
    write_only,
)
from panel.api.writing import Done, at, done

router = Router(tags=["Fetched mail"])
Number = Annotated[str, Path(description="Its id.", examples=["1"])]


class FetchBody(Body):
    model_config = example(
        {"server": "imap.example.net", "login": "ann.lee", "password": "tangerine-7-bicycle"}
    )

    id: int | None = read_only()
    mailbox: str | None = read_only("Into which mail is fetched.")
    server: Text = Field(max_length=255, examples=["imap.example.net"])
    login: Text = Field(max_length=255, description="There.", examples=["ann.lee"])
    password: Secret | None = write_only("There. Another server, port or login needs it again.")
    protocol: Text = Field(IMAP, description=" or ".join(fetching.KINDS))
    tls: Literal["tls", "starttls", "none"] = Field(
        TLS, description="none is refused, unless the server’s settings allow it."
    )
    port: Annotated[int | None, Field(ge=1, le=65_535)] = Field(
        None, description="null: the usual one."
    )
    folder: Text = Field("", max_length=255, description="By IMAP. Empty: the inbox.")
    keep: bool = Field(True, description="False: mail is deleted there once it is here.")
    fetch_read: bool = Field(True, description="By IMAP: mail that was read there, too.")
    minutes: int = Field(10, description=f"How often: {', '.join(map(str, fetching.MINUTES))}.")
    active: bool = True
    outcome: str | None = read_only(
        f"What came of the last run: {', '.join(fetching.OUTCOMES)}; null: there was none."
    )
    says: str | None = read_only("The same in words, with what the other server said.")
    last_run: Moment = read_only(format="date-time")


class NewFetch(FetchBody):
    password: Secret = Field(
        description="There.",
        json_schema_extra={"writeOnly": True},
        examples=["tangerine-7-bicycle"],
    )


FetchPatch = patch_of(FetchBody)


class Fetches(Answer):
    items: list[FetchBody]
    next: str | None


COLUMNS = {"fetch_read": "fetchall", "minutes": "poll_time"}


def _values(row):
    """As the service takes them."""
    return {
        "server": row.src_server,
        "login": row.src_user,
        "protocol": row.protocol or "",
        "tls": row.tls,
        "port": row.src_port or None,
        "folder": row.src_folder,
        "keep": row.keep,
        "fetchall": row.fetchall,
        "poll_time": row.poll_time,
        "active": row.active,
    }


def record(row):
    members = {column: member for member, column in COLUMNS.items()}
    return {
        "id": row.pk,
        "mailbox": row.mailbox_id,
        **renamed(_values(row), members),
        "outcome": row.outcome or None,
        "says": f"{fetching.in_words(row)} {row.said}".strip() or None,
        "last_run": moment(row.date) if row.has_run else None,
    }


def _columns(values, row=None):
    values = renamed(values, COLUMNS)
    return values | {"password": values.get("password") or ""}


def _mailbox(actor, address):
    of_user = actor.is_mailbox_user
    if not (fetching.is_offered_to_users() if of_user else fetching.is_offered()):
        raise Http404
    return mailboxes.named(actor, address, find=seen)


def _rows(actor, address):
    mailbox = _mailbox(actor, address)
    return RemoteMailbox.objects.open_to(actor).filter(mailbox=mailbox.pk)


def _find(actor, address, number):
    return numbered(_rows(actor, address), number)


def _create(request, address, values):
    actor = request.auth
    return fetching.add_remote(actor=actor, mailbox=_mailbox(actor, address), **values)


def _change(request, row, values):
    return fetching.change_remote(actor=request.auth, remote=row, **_values(row) | values)


def _delete(request, row):
    fetching.delete_remote(actor=request.auth, remote=row)


fetches = Resource(
    body=FetchBody,
    find=_find,
    record=record,
    columns=_columns,
    pointers={column: member for member, column in COLUMNS.items()},
    create=_create,
    change=_change,
    delete=_delete,
    lock=RoutingLock.hold,
)


@router.get("/mailboxes/{path:address}/fetches", auth=Token("fetching:read"), response=Fetches)
def list_fetches(request, address: Address):
    """From where mail is fetched into it, and how the last runs went."""
    rows = _rows(request.auth, address)
    return listed(request, ReadWithKeys(rows, ("pk",), record, edge=number_edge))


@router.post(
    "/mailboxes/{path:address}/fetches", auth=Token("fetching:write"), response={201: FetchBody}
)
def add_fetch(request, address: Address, body: NewFetch):
    """Fetch mail from a mailbox elsewhere into it, from the next run on."""

    def act():
        with at(**fetches.pointers):
            row = _create(request, address, _columns(values_of(body)))
        return Done(201, record(row))

    return done(request, act)


@router.get(
    "/mailboxes/{path:address}/fetches/{number}", auth=Token("fetching:read"), response=FetchBody
)
def get_fetch(request, address: Address, number: Number):
    """One of them."""
    return fetches.get(request, address, number)


@router.patch(
    "/mailboxes/{path:address}/fetches/{number}", auth=Token("fetching:write"), response=FetchBody
)
def patch_fetch(request, address: Address, number: Number, body: FetchPatch):
    """Change what is named, and nothing else: {"active": false} fetches nothing for now."""
    return fetches.patch(request, body, address, number)


@router.delete(
    "/mailboxes/{path:address}/fetches/{number}",
    auth=Token("fetching:write"),
    response={204: None},
)
def delete_fetch(request, address: Address, number: Number):
    """Fetch nothing from there any more. What was fetched stays, here and there."""
    return fetches.remove(request, address, number)
