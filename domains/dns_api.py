"""What the DNS has of a domain, and the keys that sign its mail, at /api/v1. Of a key nothing but its public half is told."""

from functools import partial
from typing import Annotated, Literal

from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from domains import dkim
from domains.api import Name, found, managed, named, seen
from domains.dkim_keys import RSA
from domains.dns import states, words
from domains.models import DKIMKey, Domain, DomainDNS, RoutingLock
from panel.api.answers import moment
from panel.api.lists import ReadWithKeys, listed, number_edge
from panel.api.resources import Resource
from panel.api.schemas import Answer, Body, Moment, example
from panel.api.writing import Done

router = Router(tags=["DNS and signing keys"])
Selector = Annotated[str, Path(description="The key’s selector.", examples=["s20361231a"])]


class FindingRecord(Answer):
    topic: str
    name: str = Field(description="Where the records are.")
    kind: str
    wanted: list[str] = Field(description="Records that should be there, as in a zone file.")
    seen: list[str] = Field(description="Records that are.")
    state: str = Field(description="ok, differs, missing, wrong or not asked")
    says: str = Field(description="What is to be said of it.")


class DNS(Answer):
    domain: str
    checked: Moment = Field(description="When it was asked last; null: not yet.")
    mx_meant: bool = Field(description="Whether its MX records are said to lead elsewhere.")
    findings: list[FindingRecord]


class DNSPatch(Body):
    model_config = example({"mx_meant": True})

    mx_meant: bool | None = Field(
        None, description="The MX records seen now shall lead elsewhere: nobody is troubled."
    )


class DKIMKeyRecord(Answer):
    selector: str
    kind: str = Field(description="rsa or ed25519")
    role: str = Field(description="signs, next, or replaced: it signs no longer.")
    name: str = Field(description="Where its TXT record is to be.")
    record: str = Field(description="The text of its TXT record.")
    seen: bool = Field(description="Whether the last check saw it in the DNS.")
    created: Moment
    replaced: Moment


class DKIMKeys(Answer):
    items: list[DKIMKeyRecord]
    next: str | None


class NewKeys(Body):
    model_config = example({"kind": "rsa"})

    kind: Literal["rsa", "ed25519"] = RSA


class Signs(Body):
    model_config = example({"force": True})

    force: bool = Field(False, description="Though the last check did not see its record.")


# --- What the DNS has


def _of(domain):
    """Its row of what was found, or one for a domain that was not asked yet."""
    return DomainDNS.objects.filter(pk=domain.pk).first() or DomainDNS(pk=domain.pk, checked=None)


def record(row):
    findings = states.findings_of(row)
    return {
        "domain": row.pk,
        "checked": moment(row.checked),
        "mx_meant": any((one.topic, one.reason) == ("mx", "meant") for one in findings),
        "findings": [
            {
                "topic": one.topic,
                "name": one.name,
                "kind": one.kind,
                "wanted": list(one.wanted),
                "seen": list(one.seen),
                "state": one.state,
                "says": str(words.says(one)),
            }
            for one in findings
        ],
    }


def _mean(request, row, values):
    meant = values.get("mx_meant")
    if meant is None or meant == record(row)["mx_meant"]:
        return row
    domain = named(seen, request.auth, row.pk)
    return states.mean_mx(actor=request.auth, domain=domain, meant=meant)


dns = Resource(
    body=DNSPatch,
    find=lambda actor, name: _of(named(seen, actor, name)),
    record=record,
    change=_mean,
    lock=lambda: None,
)


@router.get("/domains/{path:name}/dns", auth=Token("dns:read"), response=DNS)
def get_domain_dns(request, name: Name):
    """What the last check of its DNS found. It is asked once a day, and from its page."""
    return dns.get(request, name)


@router.patch("/domains/{path:name}/dns", auth=Token("dns:write"), response=DNS)
def patch_domain_dns(request, name: Name, body: DNSPatch):
    """Say that its MX records are meant to lead elsewhere, or take that back."""
    return dns.patch(request, body, name)


# --- Keys


def _key(key, in_dns):
    return {
        "selector": key.selector,
        "kind": key.kind,
        "role": key.role,
        "name": str(key),
        "record": key.record,
        "seen": str(key) in in_dns,
        "created": moment(key.created),
        "replaced": moment(key.replaced),
    }


def _told(key):
    return _key(key, dkim.seen(key.domain_name))


def _with_dns(actor, name):
    return found(Domain.objects.open_to(actor).select_related("dns"), name)


def _keys(domain):
    return DKIMKey.objects.with_roles().filter(domain_name=domain.pk)


def _find(actor, name, selector):
    return _keys(named(managed, actor, name)).filter(selector=selector).first()


def _delete(request, key):
    dkim.delete_key(actor=request.auth, domain=key.domain_name, selector=key.selector)


keys = Resource(find=_find, record=_told, delete=_delete, lock=RoutingLock.hold)
domains = Resource(find=managed, record=lambda domain: {"domain": domain.pk}, lock=RoutingLock.hold)


@router.get("/domains/{path:name}/dkim-keys", auth=Token("dns:read"), response=DKIMKeys)
def list_dkim_keys(request, name: Name):
    """The keys that sign its mail, or did, with their public records."""
    domain = named(_with_dns, request.auth, name)
    told = partial(_key, in_dns=dkim.seen_in(getattr(domain, "dns", None)))
    return listed(request, ReadWithKeys(_keys(domain), ("pk",), told, edge=number_edge))


@router.post("/domains/{path:name}/dkim-keys", auth=Token("dkim:write"), response={201: DKIMKeys})
def create_dkim_keys(request, name: Name, body: NewKeys):
    """Make the keys that it lacks, two at first. None signs before its record was seen in the DNS."""

    def act(domain):
        made = dkim.create_keys(actor=request.auth, domain=domain, kind=body.kind)
        return Done(201, body={"items": list(map(_told, made)), "next": None})

    return domains.do(request, name, act=act)


@router.post(
    "/domains/{path:name}/dkim-keys/{selector}/sign",
    auth=Token("dkim:write"),
    response=DKIMKeyRecord,
)
def sign_with_dkim_key(request, name: Name, selector: Selector, body: Signs):
    """Let this key sign all its mail from now on; one is made to come after it."""

    def act(key):
        row = dkim.sign_with(
            actor=request.auth, domain=key.domain_name, selector=selector, force=body.force
        )
        return Done(200, _told(row))

    return keys.do(request, name, selector, act=act)


@router.delete(
    "/domains/{path:name}/dkim-keys/{selector}",
    auth=Token("dkim:write"),
    response={204: None},
)
def delete_dkim_key(request, name: Name, selector: Selector):
    """Delete a key that does not sign."""
    return keys.remove(request, name, selector)
