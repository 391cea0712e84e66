"""What becomes of a domain's mail besides its delivery here, at /api/v1: the server it leaves through, and copies of it (BCC)."""

from typing import Annotated, Literal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from ninja import Path, Router
from pydantic import Field

from accounts.api_auth import Token
from domains import copy_services, flow_services
from domains.api import Name, managed, named, seen
from domains.models import Copy, RelayHost, RoutingLock
from panel.addresses import lookup_key, split_address
from panel.api.answers import shown
from panel.api.lists import ReadWithKeys, listed, number_edge
from panel.api.queries import asks
from panel.api.resources import Resource
from panel.api.schemas import Answer, Body, Secret, Text, example, patch_of, read_only, write_only
from panel.scoping import may_open

router = Router(tags=["Relay hosts and copies"])
Direction = Annotated[
    Literal["to", "from"], Path(description="Mail to it, or from it.", examples=["to"])
]
Address = Annotated[
    str,
    Path(
        description="Whose mail: an address, or @example.org for a whole domain.",
        examples=["sales@example.org"],
    ),
]


class RelayHostBody(Body):
    model_config = example(
        {"server": "smtp.example.net:587", "login": "shop", "password": "tangerine-7-bicycle"}
    )

    server: Text = Field(max_length=250, examples=["smtp.example.net:587"])
    login: Text = Field("", max_length=flow_services.MAX_SECRET)
    password: Secret | None = write_only(
        "Of the login. Left out: as it is, while server and login stay."
    )
    spf_include: Text = Field(
        "", max_length=255, description="The name that the provider says to include in SPF."
    )


RelayHostPatch = patch_of(RelayHostBody)


class CopyBody(Body):
    model_config = example({"copy_to": "archive@example.net"})

    direction: str | None = read_only("to or from.")
    address: str | None = read_only("Whose mail is copied.")
    copy_to: Text = Field(
        max_length=255,
        description="A mailbox, or an external address.",
        examples=["archive@example.net"],
    )


class Copies(Answer):
    items: list[CopyBody]
    next: str | None


# --- The server that mail leaves through


def _relay_host(row):
    return {"server": row.next_hop, "login": row.login, "spf_include": row.spf_include}


def _found(find):
    return lambda actor, name: RelayHost.objects.filter(pk=named(find, actor, name).pk).first()


def _set_relay_host(request, name, values):
    domain = named(managed, request.auth, name)
    if not values["server"]:
        text = _("Enter a server.")
        raise ValidationError({"server": ValidationError(text, "required")})
    values["password"] = values.get("password") or ""
    flow_services.set_relay_host(actor=request.auth, domain=domain, **values)
    return RelayHost.objects.get(pk=domain.pk)


def _change_relay_host(request, row, values):
    return _set_relay_host(request, row.pk, _relay_host(row) | values)


def _end_relay_host(request, row):
    domain = named(managed, request.auth, row.pk)
    flow_services.set_relay_host(actor=request.auth, domain=domain, server="")


relay_hosts = Resource(
    body=RelayHostBody,
    find=_found(managed),
    see=_found(seen),
    record=_relay_host,
    pointers={"next_hop": "server"},
    create=_set_relay_host,
    change=_change_relay_host,
    delete=_end_relay_host,
    lock=RoutingLock.hold,
)


@router.get("/domains/{path:name}/relay-host", auth=Token("domains:read"), response=RelayHostBody)
def get_relay_host(request, name: Name):
    """The server that its mail leaves through; 404 if it has none of its own. Superadmins alone are told its login."""
    told = _relay_host(relay_hosts.named(request.auth, name, find=relay_hosts.see))
    if not may_open(request.auth, superadmins_only=True):
        del told["login"]
    return shown(request, told)


@router.put(
    "/domains/{path:name}/relay-host",
    auth=Token("relay-hosts:write"),
    response={200: RelayHostBody, 201: RelayHostBody},
)
def put_relay_host(request, name: Name, body: RelayHostBody):
    """Let mail with a sender in this domain leave through this server."""
    return relay_hosts.put(request, body, name)


@router.patch(
    "/domains/{path:name}/relay-host", auth=Token("relay-hosts:write"), response=RelayHostBody
)
def patch_relay_host(request, name: Name, body: RelayHostPatch):
    """Change what is named, and nothing else."""
    return relay_hosts.patch(request, body, name)


@router.delete(
    "/domains/{path:name}/relay-host", auth=Token("relay-hosts:write"), response={204: None}
)
def delete_relay_host(request, name: Name):
    """Let its mail leave as that of the whole server."""
    return relay_hosts.remove(request, name)


# --- Copies of mail


def _copy(row):
    return {"direction": row.direction, "address": row.address, "copy_to": row.goto}


def _find_copy(actor, direction, address):
    rows = Copy.objects.manageable_by(actor)
    return rows.filter(direction=direction, address=lookup_key(address)).first()


def _add_copy(request, direction, address, values):
    actor = request.auth
    local_part, name = split_address(lookup_key(address))
    return copy_services.add_copy(
        actor=actor,
        domain=named(managed, actor, name),
        direction=direction,
        local_part=local_part,
        **values,
    )


def _change_copy(request, row, values):
    if values.get("goto", row.goto) == row.goto:
        return row
    _remove_copy(request, row)
    return _add_copy(request, row.direction, row.address, values)


def _remove_copy(request, row):
    copy_services.remove_copy(actor=request.auth, copy=row)


copies = Resource(
    body=CopyBody,
    keys=("direction", "address"),
    find=_find_copy,
    record=_copy,
    columns=lambda values, row: {"goto": values["copy_to"]},
    pointers={"goto": "copy_to", "local_part": "address"},
    create=_add_copy,
    change=_change_copy,
    delete=_remove_copy,
    lock=RoutingLock.hold,
)


@router.get("/copies", auth=Token("copies:read"), response=Copies, openapi_extra=asks("domain"))
def list_copies(request):
    """Of whose mail copies are made."""
    rows = Copy.objects.manageable_by(request.auth)
    if name := lookup_key(request.GET.get("domain", "")):
        rows = rows.filter(domain=name)
    page = ReadWithKeys(rows, ("pk",), _copy, edge=number_edge)
    return listed(request, page, asked=("domain",))


@router.get("/copies/{direction}/{path:address}", auth=Token("copies:read"), response=CopyBody)
def get_copy(request, direction: Direction, address: Address):
    """Where copies of its mail go; 404 if none are made."""
    return copies.get(request, direction, address)


@router.put(
    "/copies/{direction}/{path:address}",
    auth=Token("copies:write"),
    response={200: CopyBody, 201: CopyBody},
)
def put_copy(request, direction: Direction, address: Address, body: CopyBody):
    """Let a copy of each mail to it, or from it, go there."""
    return copies.put(request, body, direction, address)


@router.delete(
    "/copies/{direction}/{path:address}", auth=Token("copies:write"), response={204: None}
)
def delete_copy(request, direction: Direction, address: Address):
    """Make no copies any more."""
    return copies.remove(request, direction, address)
