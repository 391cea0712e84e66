"""The delivery log at /api/v1: what became of each message, by recipient, as its pages have it."""

from django.conf import settings
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import Field

from accounts.api_auth import Token
from domains.deliveries import RESULTS, UNKNOWN
from mailadmin.deliveries import finding
from mailadmin.deliveries.joining import SEPARATOR
from panel.addresses import lookup_key
from panel.api.answers import moment
from panel.api.lists import limit_of, paged, wrong_place
from panel.api.problems import Problem
from panel.api.queries import asks, check_query
from panel.api.schemas import Answer, Moment

router = Router(tags=["Deliveries"])
FILTERS = ("domain", "address", "day", "result", "id")


class DeliveryRecord(Answer):
    """What is the other side’s affair is null, as on the page."""

    id: int
    at: Moment = Field(description="When it was tried first.")
    tried: Moment = Field(description="When it was tried last.")
    tries: int
    sender: str | None = Field(description="“” is a bounce; null: not known.")
    recipient: str
    asked: str | None = Field(description="What was written to, if an alias led on from there.")
    result: str = Field(description=f"One of {', '.join(RESULTS)}.")
    dsn: str | None = Field(description="The code of the other side’s answer (RFC 3463).")
    says: str | None = Field(description="What the other side said.")
    direction: str | None = Field(description="in, out or local")
    login: str | None = Field(description="Who signed in to send it.")
    client: str | None
    relay: str | None
    tls: str | None
    places: list[str] = Field(description="Where Dovecot put it.")
    size_bytes: int | None
    queue_id: str | None
    message_id: str | None


class Deliveries(Answer):
    items: list[DeliveryRecord]
    next: str | None


@router.get(
    "/deliveries",
    auth=Token("deliveries:read"),
    response=Deliveries,
    openapi_extra=asks(*FILTERS, result=RESULTS),
)
def list_deliveries(request):
    """What became of messages, the newest first. A page may have fewer rows than limit, or none, and a next one all the same."""
    check_query(request, ("after", "limit", *FILTERS))
    actor, limit, after = request.auth, limit_of(request), request.GET.get("after", "")
    if not (settings.DELIVERY_LOGS and _is_offered(actor)):
        return paged(request, [], None)
    if after and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise wrong_place()
    found = finding.find(actor, _asked(actor, request.GET), int(after) if after else None, limit)
    return paged(request, list(map(record, found.rows)), found.rest)


def _is_offered(actor):
    return settings.DELIVERIES_FOR_USERS or not actor.is_mailbox_user


def _asked(actor, query):
    result, day = query.get("result", ""), query.get("day", "")
    if result not in {"", *RESULTS}:
        raise Problem(422, _("result is one of %(names)s.") % {"names": ", ".join(RESULTS)})
    if actor.is_mailbox_user:  # as on the own page
        domains, address, name = (actor.domain_id,), actor.pk, ""
    else:
        _domain, domains = finding.within(actor, lookup_key(query.get("domain", "")))
        address, name = lookup_key(query.get("address", "")[:255]), query.get("id", "")[:255]
    return finding.Asked(
        domains=domains, address=address, name=name.strip(" <>"), result=result, day=_day(day)
    )


def _day(text):
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if text and day is None:
        raise Problem(422, _("%(name)s is a day such as 2026-11-30.") % {"name": "day"})
    return day


def record(row):
    return {
        "id": row.pk,
        "at": moment(row.at),
        "tried": moment(row.changed),
        "tries": row.tries,
        "sender": None if row.sender == UNKNOWN else row.sender,
        "recipient": row.recipient,
        "asked": row.asked or None,
        "result": row.result,
        "dsn": (row.says and row.dsn) or None,
        "says": row.says or None,
        "direction": row.direction or None,
        "login": row.login or None,
        "client": row.client or None,
        "relay": row.relay or None,
        "tls": ((row.client or row.relay) and row.tls) or None,
        "places": [place for place in row.place.split(SEPARATOR) if place],
        "size_bytes": row.size,
        "queue_id": row.queue_id or None,
        "message_id": row.message_id or None,
    }
