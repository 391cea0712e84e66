"""Aliases and catch-alls at /api/v1. A catch-all is the alias @example.org; mailboxes' own addresses are not among them."""

from typing import Annotated, Literal

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from aliases import rename_previews, renaming, services
from aliases.access import NAMES
from aliases.models import Alias
from aliases.views import referrers_context
from domains.api import TREATMENT, found, managed, treatment
from domains.models import Domain, RoutingLock
from panel.addresses import lookup_key, split_address
from panel.api.answers import moment
from panel.api.lists import Rows, listed, yes_or_no
from panel.api.queries import asks
from panel.api.resources import Resource
from panel.api.schemas import Answer, Body, Text, example, patch_of, read_only
from panel.api.writing import Done

router = Router(tags=["Aliases"])
Address = Annotated[
    str,
    Path(
        description="The alias; @example.org is the catch-all of example.org.",
        examples=["sales@example.org"],
    ),
]


Access = Literal["everybody", "internal", "members", "closed", "moved"]
STORED = {name: stored for stored, name in NAMES.items()}


class AliasBody(Body):
    model_config = example(
        {"targets": ["ann@example.org", "bob@example.net"], "description": "Shop"}
    )

    address: str | None = read_only("Its address.")
    domain: str | None = read_only()
    targets: list[Text] = Field(
        description="Where its mail goes.", examples=[["ann@example.org", "bob@example.net"]]
    )
    description: Text = Field("", max_length=255)
    active: bool = True
    access: Access = Field("everybody", description="Who may write to it.")
    access_text: Text = Field(
        "",
        max_length=255,
        description="Of one that is closed: what senders are told. Of one that has moved: the address that they are told.",
    )
    created: str | None = read_only(format="date-time")
    modified: str | None = read_only(format="date-time")


AliasPatch = patch_of(AliasBody)


class Aliases(Answer):
    items: list[AliasBody]
    next: str | None


class NewName(Body):
    model_config = example({"local_part": "ann.lee"})

    local_part: Text = Field(description="The new name before the @.", examples=["ann.lee"])
    domain: Text | None = Field(None, description="Another domain that you manage. null: its own.")
    keep_alias: bool = Field(
        True, description="The old name becomes an alias that leads to the new one."
    )


def record(alias):
    return {
        "address": alias.pk,
        "domain": alias.domain_id,
        "targets": alias.targets,
        "description": alias.description,
        "active": alias.active,
        "access": NAMES.get(alias.access, "everybody"),
        "access_text": alias.access_text,
        "created": moment(alias.created),
        "modified": moment(alias.modified),
    }


def columns_of(values, stored=None):
    if "access" in values:
        values["access"] = STORED[values["access"]]
    return values


def key_of(address):
    # People write a catch-all as *@example.org, too.
    key = lookup_key(address)
    return key[1:] if key.startswith("*@") else key


def managed_alias(actor, address):
    return found(Alias.objects.manageable_by(actor), key_of(address))


def in_domain_order(key):
    """The columns (domain, key) of a row, by which lists of addresses are in the order of an index."""
    return split_address(key)[1], key


def domain_of(actor, name):
    """A domain in which ``actor`` makes addresses, with its counters."""
    domain = managed(actor, name)
    if domain is None:
        raise Http404
    return Domain.objects.select_related("usage").get(pk=domain.pk)


def _create(request, address, values):
    local_part, name = split_address(key_of(address))
    actor = request.auth
    domain = domain_of(actor, name)
    return services.create_alias(actor=actor, domain=domain, local_part=local_part, **values)


def _change(request, alias, values):
    services.update_alias(actor=request.auth, alias=alias, **values)
    return Alias.objects.get(pk=alias.pk)


def _delete(request, alias):
    actor = request.auth
    also = leading_to(actor, alias.pk) if request.is_dry else {}
    clean = Alias.objects.cleanable_by(actor)
    services.delete_alias(actor=actor, alias=alias, clean=clean, **treatment(request))
    return also


def leading_to(actor, address):
    """The aliases that lead to what would be deleted: as the page that asks for it has them."""
    told = referrers_context(actor, [address])
    return {
        "aliases_leading_there": [alias.pk for alias in told["referrers"]],
        "would_have_no_recipient": [alias.pk for alias in told["referrers_emptied"]],
        "and_more": told["referrers_more"],
        "of_others": told["referrers_elsewhere"],
    }


aliases = Resource(
    body=AliasBody,
    keys=("address",),
    find=managed_alias,
    see=lambda actor, address: found(Alias.objects.visible_to(actor), key_of(address)),
    record=record,
    columns=columns_of,
    pointers={"goto": "targets", "local_part": "address", "replace_by": "others"},
    create=_create,
    change=_change,
    delete=_delete,
    lock=RoutingLock.hold,
)


# --- Another name, as for mailboxes


def new_name(actor, row, body):
    """What renaming takes. Its domain comes with its counters, and with ``alias_of``."""
    domains = Domain.objects.select_related("usage", "alias_of__target_domain")
    row.domain = domains.get(pk=row.domain_id)
    domain = row.domain
    if body.domain is not None:
        domain = domains.manageable_by(actor).filter(pk=lookup_key(body.domain)).first()
    if domain is None:
        text = _("You manage no domain of this name. Check the spelling.")
        raise ValidationError({"domain": ValidationError(text, "unknown")})
    name = body.local_part.removesuffix(f"@{domain.pk}")
    return {"local_part": name, "domain": domain, "keep_alias": body.keep_alias}


def _rename(request, alias, body):
    actor = request.auth
    given, also = new_name(actor, alias, body), {}
    if request.is_dry:
        new = renaming.check_new_name(actor=actor, alias=alias, **given)
        told = rename_previews.preview(actor, alias, new, keep_alias=body.keep_alias)
        also = rename_previews.foretold(told)
    renamed = renaming.rename_alias(
        actor=actor, alias=alias, follow=Alias.objects.led_on_by(actor), **given
    )
    return Done(200, record(renamed), also=also)


@router.get(
    "/aliases",
    auth=Token("aliases:read"),
    response=Aliases,
    openapi_extra=asks("domain", "q", "active"),
)
def list_aliases(request):
    """Aliases by domain and address."""
    rows = Alias.objects.visible_to(request.auth)
    if name := lookup_key(request.GET.get("domain", "")):
        rows = rows.within(name)
    if text := request.GET.get("q", ""):
        rows = rows.search(text)
    if (active := yes_or_no(request, "active")) is not None:
        rows = rows.filter(active=active)
    page = Rows(rows, ("domain_id", "address"), record, whole=Alias.objects, edge=in_domain_order)
    return listed(request, page, asked=("domain", "q", "active"))


# What is below an address stands before it: an address in the path may have slashes.


@router.post("/aliases/{path:address}/rename", auth=Token("aliases:write"), response=AliasBody)
def rename_alias(request, address: Address, body: NewName):
    """Give an alias another name, in its domain or in another one. Aliases that lead to the old name lead to the new one.

    A dry run tells what changes, and what does not go along, in the sentences of the page.
    """
    return aliases.do(
        request, address, act=lambda alias: _rename(request, alias, body), pointers={}
    )


@router.get("/aliases/{path:address}", auth=Token("aliases:read"), response=AliasBody)
def get_alias(request, address: Address):
    """One alias."""
    return aliases.get(request, address)


@router.put(
    "/aliases/{path:address}",
    auth=Token("aliases:write"),
    response={200: AliasBody, 201: AliasBody},
)
def put_alias(request, address: Address, body: AliasBody):
    """Create an alias, or make it be like this. Twice the same changes nothing."""
    return aliases.put(request, body, key_of(address))


@router.patch("/aliases/{path:address}", auth=Token("aliases:write"), response=AliasBody)
def patch_alias(request, address: Address, body: AliasPatch):
    """Change what is named, and nothing else."""
    return aliases.patch(request, body, address)


@router.delete(
    "/aliases/{path:address}",
    auth=Token("aliases:write"),
    response={204: None},
    openapi_extra=asks(*TREATMENT),
)
def delete_alias(request, address: Address):
    """Delete an alias.

    others: what becomes of aliases that lead to it: keep, remove it from them, or an address that takes its place. emptied: of
    those that would have no recipient then: keep, delete, or an address.
    """
    return aliases.remove(request, address, asked=TREATMENT)
