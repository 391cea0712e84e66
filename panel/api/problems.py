"""What the API answers when it does not do what was asked: problem details (RFC 9457), with the sentences of the pages."""

import json
from http import HTTPStatus
from math import ceil

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.db import Error
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from ninja import errors as ninja

from panel.transactions import REASONS, Unavailable, reason_of

TYPE = "application/problem+json"
RETRY_SECONDS = 5
# Codes of a ValidationError that are no fault of what was sent, but of what is there; and what superadmins alone may do.
CONFLICTS = {"taken", "loop", "expansion", "alias_domains", "chain", "changed_since", "exists"}
CONFLICTS |= {"not_seen", "signs", "not_there", "running", "being_checked"}
FORBIDDEN = {"role", "external", "superadmin", "oneself", "last_superadmin"}
NAMES = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    412: "changed-meanwhile",
    413: "too-large",
    422: "invalid",
    429: "too-many-requests",
    500: "server-error",
    503: "unavailable",
}


class Problem(Exception):
    """``errors`` are (JSON pointer into the body, sentence)."""

    def __init__(self, status, detail, errors=(), headers=()):
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.errors, self.headers = list(errors), dict(headers)


def answer(status, detail, errors=(), headers=()):
    name = NAMES.get(status, "")
    body = {
        "type": f"{reverse('api-docs')}#{name}" if name else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(detail),
    }
    if errors:
        body["errors"] = [{"pointer": pointer, "detail": str(text)} for pointer, text in errors]
    return HttpResponse(
        json.dumps(body, ensure_ascii=False), status=status, content_type=TYPE, headers=headers
    )


def not_found():
    return answer(404, _("There is nothing of this name, or it is not yours to see."))


def unavailable(sentence):
    return answer(503, sentence, headers={"Retry-After": RETRY_SECONDS})


def _unauthorized(error):
    text = _("Send a valid token: it is missing, unknown, revoked or expired, or its account may not sign in.")  # fmt: skip
    return answer(401, text, headers={"WWW-Authenticate": 'Bearer realm="mailadmin"'})


def _throttled(error):
    wait = ceil(error.wait or 1)
    text = _("Too many requests. Try again in %(n)d seconds.") % {"n": wait}
    return answer(429, text, headers={"Retry-After": wait})


def _not_understood(error):
    found = []
    for one in error.errors:
        place, *way = one["loc"]
        # The first step within a body or a query names our own parameter.
        steps = way[1:] if place == "body" or len(way) > 1 else way
        found.append((pointer(*steps), one["msg"].removeprefix("Value error, ")))
    return answer(422, _("Something that was sent is not understood."), found)


def pointer(*steps):
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def _refused(error):
    """``error.pointers`` names the member of the body for a service's field, where the names differ (see ``at``)."""
    pointers = getattr(error, "pointers", {})
    if hasattr(error, "error_dict"):
        fields = error.error_dict
    else:
        fields = {NON_FIELD_ERRORS: error.error_list}
    found, codes = [], set()
    for field, problems in fields.items():
        place = pointers.get(field, field)
        way = place if isinstance(place, tuple) else (place,)
        where = "" if field == NON_FIELD_ERRORS else pointer(*way)
        for one in problems:
            codes.add(one.code)
            found += [(where, text) for text in one.messages]
    status = 422
    if codes <= FORBIDDEN:
        status = 403
    elif codes <= CONFLICTS:
        status = 409
    elif codes == {"helper"}:
        status = 503
    return answer(status, found[0][1], found)


def _database(error):
    reason = reason_of(error)
    if reason is None:
        raise error
    return unavailable(REASONS[reason])


HANDLERS = {
    Problem: lambda error: answer(error.status, error.detail, error.errors, error.headers),
    ninja.AuthenticationError: _unauthorized,
    ninja.Throttled: _throttled,
    ninja.ValidationError: _not_understood,
    ninja.HttpError: lambda error: answer(error.status_code, error.message),
    Http404: lambda error: not_found(),
    ObjectDoesNotExist: lambda error: not_found(),  # gone before the service had its lock
    Unavailable: lambda error: unavailable(error.messages[0]),
    ValidationError: _refused,
    Error: _database,
}


def answer_to(error):
    """The answer to what an operation raised; what is none of HANDLERS is raised again."""
    for kind in type(error).__mro__:
        if kind in HANDLERS:
            return HANDLERS[kind](error)
    raise error


def register(api):
    for kind in HANDLERS:
        api.add_exception_handler(kind, lambda request, error: answer_to(error))
