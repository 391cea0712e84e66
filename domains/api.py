"""Domains at /api/v1. They are changed by superadmins, and by the reseller whose they are, as on their pages."""

from contextlib import suppress
from typing import Annotated

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from aliases.cleaning import KEEP
from aliases.models import Alias
from aliases.rename_previews import foretold
from domains import rename_previews, renaming, resellers, sending_limits, services
from domains.models import NONE_ALLOWED, UNLIMITED, Domain, RoutingLock
from panel.addresses import lookup_key
from panel.api.answers import moment
from panel.api.lists import Rows, listed, yes_or_no
from panel.api.queries import asks
from panel.api.resources import Resource
from panel.api.schemas import Answer, Body, Text, example, patch_of, read_only, renamed, write_only
from panel.api.writing import Done
from panel.paging import COUNT_BOUND

router = Router(tags=["Domains"])
Name = Annotated[str, Path(description="The domain.", examples=["example.org"])]
Limit = Annotated[int | None, Field(ge=0, le=2_000_000_000)]
Bytes = Annotated[int | None, Field(ge=0)]
NOT_USED = "0: mailboxes have no quotas here. null: unlimited."


class DomainBody(Body):
    """Limits: null is unlimited, 0 allows none. Sizes are in bytes, whole MB of this server (QUOTA_MULTIPLIER)."""

    model_config = example(
        {
            "description": "Customer 1017",
            "mailbox_limit": 10,
            "alias_limit": 50,
            "max_quota_bytes": 2_048_000_000,
            "quota_bytes": 10_240_000_000,
            "role_target": "it@example.net",
        }
    )

    domain: str | None = read_only("Its name; in ASCII if it has other letters.")
    description: Text = Field("", max_length=255)
    active: bool = Field(True, description="Off: nothing is delivered, nobody signs in.")
    mailbox_limit: Limit = None
    alias_limit: Limit = None
    max_quota_bytes: Bytes = Field(None, description=f"Of one mailbox. {NOT_USED}")
    quota_bytes: Bytes = Field(None, description=f"Of all mailboxes together. {NOT_USED}")
    password_days: Annotated[int | None, Field(ge=1)] = Field(
        None, description="How long a password lasts. null: for ever."
    )
    transport: Text = Field("virtual", max_length=255, description="“virtual”: delivered here.")
    backup_mx: bool = False
    verify_recipients: bool = Field(
        False, description="Of a backup MX: ask the primary server whether it knows a recipient."
    )
    sending_limit: Annotated[int | None, Field(ge=1)] = Field(
        None, description="Recipients an hour of all its logins. null: as the server has it."
    )
    role_target: Text | None = write_only(
        "Of a new domain: where postmaster@, abuse@ and the like lead. An address, or a name in it."
    )
    reseller: str | None = read_only("Against whose budget its limits count.")
    created: str | None = read_only(format="date-time")
    modified: str | None = read_only(format="date-time")


DomainPatch = patch_of(DomainBody)


class Domains(Answer):
    items: list[DomainBody]
    next: str | None


class NewDomainName(Body):
    model_config = example({"name": "example.net"})

    name: Text = Field(description="The new name.", examples=["example.net"])
    keep_alias: bool = Field(
        True, description="The old name becomes an alias domain that leads to the new one."
    )


COLUMNS = {
    "mailbox_limit": "mailboxes",
    "alias_limit": "aliases",
    "max_quota_bytes": "maxquota",
    "quota_bytes": "quota",
    "password_days": "password_expiry",
    "backup_mx": "backupmx",
}
POINTERS = {column: member for member, column in COLUMNS.items()} | {"name": "domain"}
IN_MB = ("maxquota", "quota")
OF_SUPERADMINS = ("transport", "backup_mx", "verify_recipients", "sending_limit")


def record(domain):
    return {
        "domain": domain.pk,
        "description": domain.description,
        "active": domain.active,
        "mailbox_limit": _shown_limit(domain.mailboxes),
        "alias_limit": _shown_limit(domain.aliases),
        "max_quota_bytes": _shown_limit(domain.maxquota, settings.QUOTA_MULTIPLIER),
        "quota_bytes": _shown_limit(domain.quota, settings.QUOTA_MULTIPLIER),
        "password_days": domain.password_expiry or None,
        "transport": domain.transport,
        "backup_mx": domain.backupmx,
        "verify_recipients": domain.verify_recipients,
        "sending_limit": domain.sending_limit,
        "reseller": domain.reseller or None,
        "created": moment(domain.created),
        "modified": moment(domain.modified),
    }


def _shown_limit(stored, unit=1):
    return None if stored == UNLIMITED else max(0, stored) * unit


def _stored_limit(value):
    return UNLIMITED if value is None else NONE_ALLOWED if value == 0 else value


def columns_of(values, stored=None):
    """Columns of Domain, as services take them, of members of its body. ``stored``: the Domain that is changed.

    A number that is stored and no whole MB, or below 0, as another program writes it, stays when it is sent back.
    """
    values, errors = renamed(values, COLUMNS), {}
    for name in IN_MB:
        if values.get(name):
            values[name], rest = divmod(values[name], settings.QUOTA_MULTIPLIER)
            if rest:
                text = _("Write whole MB of this server, of %(n)d bytes.")
                size = {"n": settings.QUOTA_MULTIPLIER}
                errors[name] = ValidationError(text, "not_whole", size)
    for name in {"mailboxes", "aliases", *IN_MB} & values.keys():
        values[name] = _stored_limit(values[name])
    if "password_expiry" in values:
        values["password_expiry"] = values["password_expiry"] or 0
        if stored is not None and not stored.password_expiry and not values["password_expiry"]:
            values["password_expiry"] = stored.password_expiry
    if values.get("transport") == "":
        values["transport"] = "virtual"
    sending_limits.refuse_unkept(values, stored)
    if errors:
        raise ValidationError(errors)
    return values


def found(rows, name):
    return rows.filter(pk=lookup_key(name)).first()


def seen(actor, name):
    return found(Domain.objects.open_to(actor), name)


def managed(actor, name):
    return found(Domain.objects.manageable_by(actor), name)


def resold(actor, name):
    return found(Domain.objects.resold_by(actor), name)


def named(find, actor, name):
    """``find`` is one of the functions above: what lies below a domain is not there without it."""
    domain = find(actor, name)
    if domain is None:
        raise Http404
    return domain


def _create(request, name, values):
    limit = values.pop("sending_limit")
    domain = services.create_domain(actor=request.auth, name=name, **values)
    # By the service that says who may.
    return _change(request, domain, {"sending_limit": limit})


def _change(request, domain, values):
    values.pop("role_target", None)
    services.update_domain(actor=request.auth, domain=domain, **values)
    return Domain.objects.get(pk=domain.pk)


def _delete(request, domain):
    also = _leading_to(request.auth, domain) if request.is_dry else {}
    services.delete_domain(actor=request.auth, domain=domain, **treatment(request))
    return also


def _leading_to(actor, domain):
    targets = list(Alias.targets_from_other_domains(domain.pk)[: COUNT_BOUND + 1])
    targets, elsewhere = services.cleanable_targets(actor, targets)
    return {
        "aliases_leading_there": sorted({target.alias for target in targets}),
        "of_others": elsewhere,
    }


TREATMENT = ("others", "emptied")


def treatment(request):
    """What the query says of aliases that lead to what is deleted."""
    return {name: request.GET.get(name) or KEEP for name in TREATMENT}


def look_for_proof(actor, name):
    """Before the lock is taken: the DNS may take seconds. The service refuses what was not found."""
    with suppress(ValidationError):
        resellers.refuse_unproved(actor, name)


domains = Resource(
    body=DomainBody,
    keys=("domain",),
    find=resold,
    see=seen,
    record=record,
    columns=columns_of,
    pointers=POINTERS | {"replace_by": "others"},
    create=_create,
    change=_change,
    delete=_delete,
    lock=RoutingLock.hold,
)


@router.get(
    "/domains", auth=Token("domains:read"), response=Domains, openapi_extra=asks("q", "active")
)
def list_domains(request):
    """Domains by name."""
    rows = Domain.objects.visible_to(request.auth)
    if text := lookup_key(request.GET.get("q", "")):
        rows = rows.search(text)
    if (active := yes_or_no(request, "active")) is not None:
        rows = rows.filter(active=active)
    page = Rows(rows, ("pk",), record, whole=Domain.objects)
    return listed(request, page, asked=("q", "active"))


# What is below a name stands before it.


@router.post("/domains/{path:name}/rename", auth=Token("domains:rename"), response=DomainBody)
def rename_domain(request, name: Name, body: NewDomainName):
    """Give a domain another name. Its mailboxes, aliases and settings follow; what leads to its addresses leads to the new ones.

    A dry run tells what changes, and what does not go along, in the sentences of the page.
    """
    return domains.do(request, name, act=lambda domain: _rename(request, domain, body), pointers={})


def _rename(request, domain, body):
    actor, also = request.auth, {}
    given = body.model_dump() | {"most": renaming.MOST_OF_A_REQUEST}
    if request.is_dry:
        fresh = domain.fresh()
        new = renaming.check_new_name(domain=fresh, **given)
        told = rename_previews.preview(actor, fresh, new, keep_alias=body.keep_alias)
        also = foretold(told)
    row = renaming.rename_domain(actor=actor, domain=domain, **given)
    return Done(200, record(row), also=also)


@router.get("/domains/{path:name}", auth=Token("domains:read"), response=DomainBody)
def get_domain(request, name: Name):
    """One domain."""
    return domains.get(request, name)


@router.put(
    "/domains/{path:name}",
    auth=Token("domains:write"),
    response={200: DomainBody, 201: DomainBody},
)
def put_domain(request, name: Name, body: DomainBody):
    """Create a domain, or make it be like this. Twice the same changes nothing.

    A reseller’s limits are within the budget; and the DNS says that a new domain is theirs, by the TXT record that the refusal names.
    What they leave out of transport, backup_mx, verify_recipients and sending_limit stays as a superadmin set it.
    """
    actor = request.auth
    look_for_proof(actor, name)
    kept = OF_SUPERADMINS if resellers.is_bound(actor) else ()
    return domains.put(request, body, name, kept=kept)


@router.patch("/domains/{path:name}", auth=Token("domains:write"), response=DomainBody)
def patch_domain(request, name: Name, body: DomainPatch):
    """Change what is named, and nothing else: {"active": false} suspends a domain."""
    return domains.patch(request, body, name)


@router.delete(
    "/domains/{path:name}",
    auth=Token("domains:write"),
    response={204: None},
    openapi_extra=asks(*TREATMENT),
)
def delete_domain(request, name: Name):
    """Delete a domain with its mailboxes and aliases. Alias domains that lead to it are deleted first.

    others and emptied: what becomes of aliases of other domains that lead there, as for an alias.
    """
    return domains.remove(request, name, asked=TREATMENT)
