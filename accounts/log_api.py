"""The log at /api/v1: as the page "Activity" has it, with the same filters."""

from typing import Any

from django.db import connection
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import Field

from accounts import activity, entries
from accounts.api_auth import Token
from panel.api.answers import moment
from panel.api.lists import limit_of, paged, wrong_place
from panel.api.problems import Problem
from panel.api.queries import asks, check_query
from panel.api.schemas import Answer
from panel.log_actions import name_and_client
from panel.prepared import padded

router = Router(tags=["Log"])
FILTERS = ("domain", "person", "kind", "action", "from", "to", "about")


class Entry(Answer):
    id: int
    at: str = Field(json_schema_extra={"format": "date-time"})
    person: str
    client: str = Field(description="The network address; with “, token NAME” if a token acted.")
    domain: str
    action: str
    object: str
    changes: dict[str, Any] | None = Field(description="member: [before, after]")


class Log(Answer):
    items: list[Entry]
    next: str | None


@router.get(
    "/log",
    auth=Token("log:read"),
    response=Log,
    openapi_extra=asks(*FILTERS, kind=activity.KINDS),
)
def list_log(request):
    """Who did what, the newest first."""
    check_query(request, ("after", "limit", *FILTERS))
    _check_filters(request.GET)
    view, limit = activity.Log(), limit_of(request)
    view.request, view.actor = request, request.auth
    found = entries.page(view.wanted, limit + 1, _place(request.GET.get("after", "")))
    rows = _rows(request.auth, found.keys[:limit])
    following = None
    if len(found.keys) > limit:
        stamp = connection.ops.adapt_datetimefield_value(rows[-1].timestamp)
        following = f"{stamp}_{rows[-1].pk}"
    elif found.rest:
        following = "_".join(map(str, found.rest))
    return paged(request, list(map(record, rows)), following)


def record(row):
    name, client = name_and_client(row.username)
    return {
        "id": row.pk,
        "at": moment(row.timestamp),
        "person": name,
        "client": client,
        "domain": row.domain,
        "action": row.action,
        "object": row.data,
        "changes": activity.changes_of(row),
    }


def _rows(actor, keys):
    found = {row.pk: row for row in activity.rows_with(actor, *padded(keys))} if keys else {}
    return [found[key] for key in keys if key in found]


def _check_filters(query):
    if query.get("kind", "") not in {"", *activity.KINDS}:
        raise Problem(422, _("kind is one of %(names)s.") % {"names": ", ".join(activity.KINDS)})
    for name in ("from", "to"):
        try:
            right = not query.get(name) or parse_date(query[name])
        except ValueError:
            right = False
        if not right:
            raise Problem(422, _("%(name)s is a day such as 2026-11-30.") % {"name": name})


def _place(after):
    """(moment, key), as the database stores them, after which a page begins."""
    if not after:
        return ()
    stamp, _line, key = after.rpartition("_")
    try:
        known = parse_datetime(stamp)
    except ValueError:
        known = None
    if known is None or not (key.isascii() and key.isdigit() and len(key) < 11):
        raise wrong_place()
    return stamp, int(key)
