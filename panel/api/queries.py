"""What the query of an operation may have besides what all of its kind take, as the description says it."""

from django.utils.translation import gettext as _

from panel.api.problems import Problem

TEXT = {"type": "string"}
DAY = {"type": "string", "format": "date"}
YES_OR_NO = {"type": "boolean"}
QUERIES = {
    "about": ("What it is about: an address, a domain, a login name.", TEXT),
    "action": ("One action of the log, such as create_mailbox.", TEXT),
    "active": ("Only what is on, or only what is off.", YES_OR_NO),
    "address": ("Only from or to this address.", TEXT),
    "day": ("Only of this day.", DAY),
    "domain": ("Only of this domain.", TEXT),
    "emptied": (
        "What becomes of aliases that would have no recipient then: keep, delete, or an address that takes its place.",
        TEXT | {"default": "keep"},
    ),
    "from": ("The first day.", DAY),
    "id": ("Only with this Message-ID or queue ID.", TEXT),
    "kind": ("Only of this kind.", TEXT),
    "mailbox": ("Only of this mailbox.", TEXT),
    "others": (
        "What becomes of aliases that lead to it: keep, remove it from them, or an address that takes its place.",
        TEXT | {"default": "keep"},
    ),
    "person": (
        "Only of who has this login name, or one that begins so in the log, where CLI is the command line.",
        TEXT,
    ),
    "q": ("Only what begins with this.", TEXT),
    "result": ("Only with this result.", TEXT),
    "sender": ("Only as this sender.", TEXT),
    "success": ("Only where it succeeded, or only where it failed.", YES_OR_NO),
    "superadmin": ("Only superadmins, or only the others.", YES_OR_NO),
    "target_domain": ("Only those that lead to this domain.", TEXT),
    "to": ("The last day.", DAY),
}


def asks(*names, **values):
    """The ``openapi_extra`` of an operation that takes these. ``values`` has those that one of them may have."""
    return {"parameters": [parameter(name, *_told(name, values.get(name))) for name in names]}


def _told(name, values):
    description, schema = QUERIES[name]
    if values is None:
        return description, schema
    return f"{description} One of {', '.join(values)}.", schema | {"enum": [*values]}


def parameter(name, description, schema):
    return {"in": "query", "name": name, "description": description, "schema": schema}


def check_query(request, names):
    """Refuse any other: a misspelt filter shows too much, and a misspelt ``dry_run`` writes."""
    if unknown := sorted(request.GET.keys() - {*names}):
        words = _("Unknown in the query: %(names)s. It takes: %(known)s.")
        raise Problem(422, words % {"names": ", ".join(unknown), "known": ", ".join(names)})
