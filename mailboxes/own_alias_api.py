"""Addresses that users of mailboxes make, and how many they may, at /api/v1. Administrators change them as any alias."""

from typing import Annotated

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Subquery
from django.http import Http404
from django.utils.translation import gettext as _
from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from aliases.models import Alias, Ending, OwnAlias, OwnAliasLimit
from domains.api import Name, managed, named
from domains.models import RoutingLock
from mailboxes import own_aliases
from mailboxes.api import Address, mailboxes
from panel.addresses import lookup_key, split_address
from panel.api.answers import moment
from panel.api.lists import ReadWithKeys, listed
from panel.api.queries import asks
from panel.api.resources import Resource
from panel.api.schemas import Answer, Body, Day, Text, example, read_only
from panel.api.writing import Done, at, done

router = Router(tags=["Addresses of one’s own"])
OwnAddressPath = Annotated[str, Path(description="The address.", examples=["shop@example.org"])]


class OwnAddress(Body):
    model_config = example({"note": "Book shop"})

    address: str | None = read_only()
    mailbox: str | None = read_only("Whose it is: its mail goes there.")
    note: Text = Field("", max_length=255)
    active: bool = True
    last_day: Day | None = Field(None, description="Of a new one; it is switched off after it.")
    created: str | None = read_only(format="date-time")


class OwnAddressPatch(Body):
    model_config = example({"active": False})

    note: Text | None = Field(None, max_length=255)
    active: bool | None = None


class NewOwnAddress(Body):
    model_config = example({"note": "Book shop"})

    local_part: Text = Field("", max_length=64, description="Empty: one that nobody guesses.")
    note: Text = Field("", max_length=255)
    last_day: Day | None = Field(None, description="It is switched off after it.")


class OwnAddresses(Answer):
    items: list[OwnAddress]
    next: str | None


class OwnAddressLimit(Body):
    model_config = example({"most": 5})

    most: Annotated[int | None, Field(ge=0, le=own_aliases.MOST)] = Field(
        None, description="null: none, or for a mailbox as its domain has it."
    )


def _rows():
    """With what their aliases have; without those whose alias another program deleted."""
    aliases = Alias.objects.filter(pk=OuterRef("pk"))
    last_day = Ending.objects.filter(pk=OuterRef("pk")).values("last_day")
    return OwnAlias.objects.filter(Exists(aliases)).annotate(
        note=Subquery(aliases.values("description")),
        active=Subquery(aliases.values("active")),
        last_day=Subquery(last_day),
    )


def record(row):
    return {
        "address": row.pk,
        "mailbox": row.username,
        "note": row.note,
        "active": row.active,
        "last_day": row.last_day,
        "created": moment(row.made),
    }


def _seen(actor, address):
    return _rows().open_to(actor).filter(pk=lookup_key(address)).first()


def _create(request, address, values):
    local_part, domain = split_address(lookup_key(address))
    actor = request.auth
    if domain != actor.domain_id:
        raise Http404
    active = values.pop("active")
    alias = own_aliases.create_own_alias(actor=actor, local_part=local_part, **values)
    if not active:
        own_aliases.update_own_alias(actor=actor, address=alias.pk, active=False)
    return _rows().get(pk=alias.pk)


def _change(request, row, values):
    if values.get("last_day", row.last_day) != row.last_day:
        text = _("It is said when the address is made.")
        raise ValidationError({"last_day": ValidationError(text, "last_day")})
    fields = {"description": "note", "active": "active"}
    said = {column: values[name] for column, name in fields.items() if name in values}
    own_aliases.update_own_alias(actor=request.auth, address=row.pk, **said)
    return _rows().get(pk=row.pk)


def _delete(request, row):
    own_aliases.delete_own_alias(actor=request.auth, address=row.pk)


own_addresses = Resource(
    body=OwnAddress,
    keys=("address",),
    find=_seen,
    record=record,
    pointers={"description": "note", "local_part": "address", "limit": "address"},
    create=_create,
    change=_change,
    delete=_delete,
    lock=RoutingLock.hold,
)


@router.get(
    "/own-addresses",
    auth=Token("own-addresses:read"),
    response=OwnAddresses,
    openapi_extra=asks("mailbox"),
)
def list_own_addresses(request):
    """Addresses that users made for themselves; a mailbox’s user sees the own ones."""
    rows = _rows().visible_to(request.auth)
    if mailbox := lookup_key(request.GET.get("mailbox", "")):
        rows = rows.filter(username=mailbox)
    page = ReadWithKeys(rows, ("pk",), record)
    return listed(request, page, asked=("mailbox",))


@router.post("/own-addresses", auth=Token("own-addresses:write"), response={201: OwnAddress})
def draw_own_address(request, body: NewOwnAddress):
    """Make an address of one’s own. Without a name it gets one that nobody guesses."""
    actor = request.auth

    def act():
        name = body.local_part.removesuffix(f"@{actor.domain_id}")
        with at(description="note", limit="local_part"):
            alias = own_aliases.create_own_alias(
                actor=actor, local_part=name, note=body.note, last_day=body.last_day
            )
        return Done(201, record(_rows().get(pk=alias.pk)))

    return done(request, act)


@router.get("/own-addresses/{path:address}", auth=Token("own-addresses:read"), response=OwnAddress)
def get_own_address(request, address: OwnAddressPath):
    """One of them."""
    return own_addresses.get(request, address)


@router.put(
    "/own-addresses/{path:address}",
    auth=Token("own-addresses:write"),
    response={200: OwnAddress, 201: OwnAddress},
)
def put_own_address(request, address: OwnAddressPath, body: OwnAddress):
    """Make an address of this name, or let one be like this. Its last day is set when it is made."""
    return own_addresses.put(request, body, address)


@router.patch(
    "/own-addresses/{path:address}", auth=Token("own-addresses:write"), response=OwnAddress
)
def patch_own_address(request, address: OwnAddressPath, body: OwnAddressPatch):
    """Change what is named, and nothing else."""
    return own_addresses.patch(request, body, address)


@router.delete(
    "/own-addresses/{path:address}", auth=Token("own-addresses:write"), response={204: None}
)
def delete_own_address(request, address: OwnAddressPath):
    """Delete it: mail for it does not reach the mailbox any more."""
    return own_addresses.remove(request, address)


# --- How many


def _limit(row):
    stored = OwnAliasLimit.objects.filter(pk=row.pk).first()
    return {"most": stored and stored.most}


def _set_limit(request, row, values):
    own_aliases.set_limit(actor=request.auth, row=row, **values)
    return row


def _limits(find):
    return Resource(
        body=OwnAddressLimit,
        find=find,
        record=_limit,
        change=_set_limit,
        lock=RoutingLock.hold,
    )


of_mailboxes = _limits(mailboxes.named)
of_domains = _limits(lambda actor, name: named(managed, actor, name))


@router.get(
    "/mailboxes/{path:address}/own-addresses-limit",
    auth=Token("own-addresses:limit"),
    response=OwnAddressLimit,
)
def get_mailbox_own_addresses_limit(request, address: Address):
    """How many addresses its user may make."""
    return of_mailboxes.get(request, address)


@router.put(
    "/mailboxes/{path:address}/own-addresses-limit",
    auth=Token("own-addresses:limit"),
    response=OwnAddressLimit,
)
def put_mailbox_own_addresses_limit(request, address: Address, body: OwnAddressLimit):
    """Say how many addresses its user may make."""
    return of_mailboxes.put(request, body, address)


@router.get(
    "/domains/{path:name}/own-addresses-limit",
    auth=Token("own-addresses:limit"),
    response=OwnAddressLimit,
)
def get_domain_own_addresses_limit(request, name: Name):
    """How many addresses the user of each of its mailboxes may make."""
    return of_domains.get(request, name)


@router.put(
    "/domains/{path:name}/own-addresses-limit",
    auth=Token("own-addresses:limit"),
    response=OwnAddressLimit,
)
def put_domain_own_addresses_limit(request, name: Name, body: OwnAddressLimit):
    """Say how many addresses the user of each of its mailboxes may make."""
    return of_domains.put(request, body, name)
