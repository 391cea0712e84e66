"""Alias domains at /api/v1."""

from django.core.exceptions import ValidationError
from django.http import Http404
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import Field

from accounts.api_auth import Token
from aliases.rename_previews import foretold
from domains import api as domain_api
from domains import part_previews, services
from domains.api import Name, found, look_for_proof, managed
from domains.models import AliasDomain, Domain, RoutingLock
from domains.parting import check_parting, part_alias_domain
from panel.addresses import lookup_key
from panel.api.answers import moment
from panel.api.lists import Rows, listed, yes_or_no
from panel.api.queries import asks
from panel.api.resources import Resource
from panel.api.schemas import Answer, Body, Text, example, patch_of, read_only
from panel.api.writing import Done
from panel.scoping import may_create_domains, may_open

router = Router(tags=["Alias domains"])


class AliasDomainBody(Body):
    model_config = example({"target_domain": "example.org", "description": "The old name"})

    alias_domain: str | None = read_only("The other name.")
    target_domain: Text = Field(description="Mail for each name goes to the same name there.")
    description: Text = Field("", max_length=255)
    active: bool = True
    created: str | None = read_only(format="date-time")
    modified: str | None = read_only(format="date-time")


AliasDomainPatch = patch_of(AliasDomainBody)


class AliasDomains(Answer):
    items: list[AliasDomainBody]
    next: str | None


def record(link):
    return {
        "alias_domain": link.pk,
        "target_domain": link.target_domain_id,
        "description": link.description,
        "active": link.active,
        "created": moment(link.created),
        "modified": moment(link.modified),
    }


def _target(actor, name):
    domain = managed(actor, name)
    if domain is None:
        text = _("You manage no domain of this name. Check the spelling.")
        raise ValidationError({"target_domain": ValidationError(text, "unknown")})
    return domain


def _create(request, name, values):
    # As their page has it: whoever may create domains creates a new one; here the token must say so, too.
    actor = request.auth
    may_create = may_create_domains(actor) and request.token.has("domains:write")
    source = managed(actor, name)
    if source is None and not may_create:
        raise Http404
    target = _target(actor, values.pop("target_domain"))
    if source is not None:
        return services.create_alias_domain(
            actor=actor, alias_domain=source, target_domain=target, **values
        )
    domain = services.create_domain(
        actor=actor, name=name, alias_of=target, description=values["description"]
    )
    return _change(request, domain.alias_of, {"active": values["active"]})


def _change(request, link, values):
    actor = request.auth
    if "target_domain" in values:
        values["target_domain"] = _target(actor, values["target_domain"])
    services.update_alias_domain(actor=actor, link=link, **values)
    return AliasDomain.objects.get(pk=link.pk)


def _delete(request, link):
    services.delete_alias_domain(actor=request.auth, link=link)


links = Resource(
    body=AliasDomainBody,
    keys=("alias_domain",),
    find=lambda actor, name: found(AliasDomain.objects.manageable_by(actor), name),
    see=lambda actor, name: found(AliasDomain.objects.visible_to(actor), name),
    record=record,
    pointers={"target_domain_id": "target_domain", "name": "alias_domain"},
    create=_create,
    change=_change,
    delete=_delete,
    lock=RoutingLock.hold,
)


@router.get(
    "/alias-domains",
    auth=Token("alias-domains:read"),
    response=AliasDomains,
    openapi_extra=asks("q", "target_domain", "active"),
)
def list_alias_domains(request):
    """Alias domains by name."""
    rows = AliasDomain.objects.visible_to(request.auth)
    if text := lookup_key(request.GET.get("q", "")):
        rows = rows.search(text)
    if target := lookup_key(request.GET.get("target_domain", "")):
        rows = rows.filter(target_domain=target)
    if (active := yes_or_no(request, "active")) is not None:
        rows = rows.filter(active=active)
    page = Rows(rows, ("pk",), record, whole=AliasDomain.objects)
    return listed(request, page, asked=("q", "target_domain", "active"))


class OwnBody(Body):
    model_config = example({"empty": False})

    empty: bool = Field(
        False, description="Without aliases: what the other domain answered for is refused then."
    )


# What is below an alias domain stands before it.


@router.post(
    "/alias-domains/{path:name}/own", auth=Token("domains:rename"), response=domain_api.DomainBody
)
def own_alias_domain(request, name: Name, body: OwnBody):
    """Make an alias domain a domain of its own. Each address gets an alias, so that all mail goes on. For superadmins.

    A dry run tells what changes, and what does not go along, in the sentences of the page.
    """
    if not may_open(request.auth, superadmins_only=True):
        raise Http404
    return links.do(request, name, act=lambda link: _part(request, link, body), pointers={})


def _part(request, link, body):
    also = {}
    if request.is_dry:
        parting = check_parting(link=link, empty=body.empty)
        also = foretold(part_previews.preview(parting, empty=body.empty))
    domain = part_alias_domain(actor=request.auth, link=link, empty=body.empty)
    return Done(200, domain_api.record(Domain.objects.get(pk=domain.pk)), also=also)


@router.get(
    "/alias-domains/{path:name}", auth=Token("alias-domains:read"), response=AliasDomainBody
)
def get_alias_domain(request, name: Name):
    """One alias domain."""
    return links.get(request, name)


@router.put(
    "/alias-domains/{path:name}",
    auth=Token("alias-domains:write"),
    response={200: AliasDomainBody, 201: AliasDomainBody},
)
def put_alias_domain(request, name: Name, body: AliasDomainBody):
    """Let a domain be another name of one. For superadmins and resellers it may be new here: it is created then."""
    look_for_proof(request.auth, name)
    return links.put(request, body, name)


@router.patch(
    "/alias-domains/{path:name}", auth=Token("alias-domains:write"), response=AliasDomainBody
)
def patch_alias_domain(request, name: Name, body: AliasDomainPatch):
    """Change what is named, and nothing else."""
    return links.patch(request, body, name)


@router.delete(
    "/alias-domains/{path:name}", auth=Token("alias-domains:write"), response={204: None}
)
def delete_alias_domain(request, name: Name):
    """Delete the link; both domains stay."""
    return links.remove(request, name)
