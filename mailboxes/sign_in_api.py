"""What opens a mailbox, at /api/v1: password, links, second factor, app passwords, sessions; and who signed in, or was refused."""

from datetime import UTC, datetime
from typing import Annotated

from ninja import Path, Router
from pydantic import Field

from accounts.api import NewPassword, SignInLink, link_for, prepare_password
from accounts.api_auth import Token
from accounts.invitation_api import (
    Invitation,
    NewInvitation,
    invitations_of,
    invite,
    reset_factor,
)
from domains.models import RoutingLock
from mailboxes import services, sign_ins
from mailboxes.api import Address, mailboxes, seen
from mailboxes.app_passwords import revoke_app_password
from mailboxes.models import RefusedNetwork, SignIn
from panel.api.answers import moment
from panel.api.lists import (
    ReadWithKeys,
    limit_of,
    listed,
    number_edge,
    numbered,
    paged,
    wrong_place,
    yes_or_no,
)
from panel.api.queries import asks, check_query
from panel.api.resources import Resource
from panel.api.schemas import Answer, Moment
from panel.api.writing import Done
from panel.paging import beyond

router = Router(tags=["Signing in to mailboxes"])
networks = Router(tags=["Refused networks"])
Network = Annotated[str, Path(description="The network.", examples=["192.0.2.0/24"])]


class AppPasswordRecord(Answer):
    id: int
    name: str
    protocols: list[str]
    networks: list[str]
    until: str | None = Field(description="The last day.", json_schema_extra={"format": "date"})


class AppPasswords(Answer):
    items: list[AppPasswordRecord]
    next: str | None


class SignInRecord(Answer):
    """All of one day that are alike."""

    last: Moment = Field(description="When the last of them was.")
    number: int
    success: bool
    protocol: str
    network_address: str
    app_password: int | None = Field(description="The id of the app password that was used.")
    reason: str | None = Field(description="Why it failed, in Dovecot’s word, where it has one.")


class SignIns(Answer):
    items: list[SignInRecord]
    next: str | None


class NetworkRecord(Answer):
    network: str
    since: Moment
    until: Moment
    failures: int


class Networks(Answer):
    items: list[NetworkRecord]
    next: str | None


invitations = invitations_of(mailboxes)


@router.post(
    "/mailboxes/{path:address}/password",
    auth=Token("mailboxes:password"),
    response={204: None},
)
def set_mailbox_password(request, address: Address, body: NewPassword):
    """Set a new password. All sessions end; IMAP and SMTP refuse the old one at once."""
    actor = request.auth
    prepare_password(request, body)

    def act(mailbox):
        must_change, password = body.must_change_password, body.password
        services.set_mailbox_password(
            actor=actor, mailbox=mailbox, password=password, must_change=must_change
        )
        return Done(204)

    return mailboxes.do(request, address, act=act)


@router.post(
    "/mailboxes/{path:address}/sign-in-link",
    auth=Token("mailboxes:sign-in"),
    response=SignInLink,
)
def make_mailbox_sign_in_link(request, address: Address):
    """Make a link that signs in to the panel as this mailbox’s user, once, within 30 seconds. A second factor is asked for after it."""
    actor = request.auth
    return mailboxes.do(
        request, address, act=lambda mailbox: Done(body=link_for(actor, mailbox), secret=("url",))
    )


@router.get(
    "/mailboxes/{path:address}/invitation",
    auth=Token("mailboxes:password"),
    response=Invitation,
)
def get_mailbox_invitation(request, address: Address):
    """The invitation that waits for its user."""
    return invitations.get(request, address)


@router.post(
    "/mailboxes/{path:address}/invitation",
    auth=Token("mailboxes:password"),
    response=Invitation,
)
def invite_mailbox_user(request, address: Address, body: NewInvitation):
    """Make a link by which its user sets a password; a former one opens nothing any more."""
    return invite(request, mailboxes, address, body)


@router.delete(
    "/mailboxes/{path:address}/invitation",
    auth=Token("mailboxes:password"),
    response={204: None},
)
def withdraw_mailbox_invitation(request, address: Address):
    """Let the link open nothing any more."""
    return invitations.remove(request, address)


@router.delete(
    "/mailboxes/{path:address}/second-factor",
    auth=Token("mailboxes:factor"),
    response={204: None},
)
def reset_mailbox_factor(request, address: Address):
    """Take away its user’s second factor: they sign in with the password alone until they set up another one."""
    return reset_factor(request, mailboxes, address)


@router.post(
    "/mailboxes/{path:address}/end-sessions",
    auth=Token("mailboxes:sessions"),
    response={204: None},
)
def end_mailbox_sessions(request, address: Address):
    """End the sessions of mail programs. Whoever may still sign in may do so again at once. 503 without the server’s helper."""
    actor = request.auth

    def act(mailbox):
        services.end_sessions(actor=actor, mailbox=mailbox)
        return Done(204)

    return mailboxes.do(request, address, act=act)


# --- App passwords


def _app_password(row):
    return {
        "id": row.pk,
        "name": row.description or "",
        "protocols": [name for name in row.protocols.split(",") if name],
        "networks": [network for network in row.networks.split(",") if network],
        "until": row.last_day and row.last_day.isoformat(),
    }


def _find_app_password(actor, address, number):
    return numbered(mailboxes.named(actor, address, find=seen).app_passwords, number)


def _revoke(request, row):
    revoke_app_password(actor=request.auth, app_password=row)


app_passwords = Resource(
    find=_find_app_password, record=_app_password, delete=_revoke, lock=RoutingLock.hold
)


@router.get(
    "/mailboxes/{path:address}/app-passwords",
    auth=Token("app-passwords:read"),
    response=AppPasswords,
)
def list_app_passwords(request, address: Address):
    """Its app passwords. They are made by its user alone, on the own page."""
    rows = mailboxes.named(request.auth, address, find=seen).app_passwords.all()
    return listed(request, ReadWithKeys(rows, ("pk",), _app_password, edge=number_edge))


@router.delete(
    "/mailboxes/{path:address}/app-passwords/{number}",
    auth=Token("app-passwords:write"),
    response={204: None},
)
def delete_app_password(request, address: Address, number: str):
    """Revoke an app password: it opens nothing any more."""
    return app_passwords.remove(request, address, number)


# --- Sign-ins to mail


def _instant(seconds):
    return moment(datetime.fromtimestamp(seconds, tz=UTC))


def _sign_in(row):
    return {
        "last": _instant(row.at),
        "number": row.number,
        "success": row.success,
        "protocol": row.protocol,
        "network_address": row.address,
        "app_password": row.app_password or None,
        "reason": row.reason or None,
    }


def _place(after):
    """(seconds, key) after which a page begins."""
    if not after:
        return ()
    parts = after.split("_")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise wrong_place()
    place = tuple(map(int, parts))
    if max(place) >= 2**62:
        raise wrong_place()
    return place


@router.get(
    "/mailboxes/{path:address}/sign-ins",
    auth=Token("sign-ins:read"),
    response=SignIns,
    openapi_extra=asks("success"),
)
def list_sign_ins(request, address: Address):
    """Who signed in to it by mail programs, or failed to, the last one first; those of a day that are alike are one row."""
    check_query(request, ("after", "limit", "success"))
    actor, limit = request.auth, limit_of(request)
    mailbox = mailboxes.named(actor, address, find=seen)
    rows = SignIn.objects.visible_to(actor).filter(username=mailbox.pk)
    if (success := yes_or_no(request, "success")) is not None:
        rows = rows.filter(success=success)
    place = _place(request.GET.get("after", ""))
    found = list(_newest(rows, place)[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    return paged(request, list(map(_sign_in, found[:limit])), last and f"{last.at}_{last.pk}")


def _newest(rows, place):
    if place:
        rows = rows.filter(beyond(("at", "pk"), place, descending=True))
    return rows.order_by("-at", "-pk")


# --- Networks from which nobody signs in for now


def _network(row):
    return {
        "network": row.pk,
        "since": _instant(row.since),
        "until": _instant(row.until),
        "failures": row.failures,
    }


def _refused(actor):
    return sign_ins.refused_networks(RefusedNetwork.objects.manageable_by(actor)).order_by()


def _let_in(request, row):
    sign_ins.let_in(actor=request.auth, network=row)


refused = Resource(
    find=lambda actor, network: _refused(actor).filter(pk=network[:60]).first(),
    record=_network,
    delete=_let_in,
    lock=lambda: None,
)


@networks.get("/refused-networks", auth=Token("server:read"), response=Networks)
def list_refused_networks(request):
    """Networks from which nobody signs in to mail for now, after too many failures."""
    return listed(request, ReadWithKeys(_refused(request.auth), ("pk",), _network))


@networks.delete(
    "/refused-networks/{path:network}", auth=Token("server:write"), response={204: None}
)
def let_network_in(request, network: Network):
    """Let people sign in from there again, within seconds."""
    return refused.remove(request, network)
