import json
from datetime import UTC, datetime
from hashlib import blake2b

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _

from panel.api.problems import Problem


def moment(value):
    """RFC 3339, in UTC."""
    return value and value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(value):
    if isinstance(value, datetime):
        return moment(value)
    return str(value)


def as_json(body):
    return json.dumps(body, ensure_ascii=False, default=_plain)


def etag_of(record):
    """A strong one: any change of the row that the API shows, whoever made it, makes another."""
    text = json.dumps(record, sort_keys=True, default=_plain)
    return f'"{blake2b(text.encode(), digest_size=12).hexdigest()}"'


def answered(body, status=200, **headers):
    content = "" if status == 204 else as_json(body)
    return HttpResponse(content, status=status, content_type="application/json", headers=headers)


def shown(request, record):
    """The answer to GET of one row: 304 if the client has it."""
    etag = etag_of(record)
    response = answered(record, ETag=etag)
    return get_conditional_response(request, etag=etag, response=response)


def says_how_it_must_be(request):
    return "If-Match" in request.headers or "If-None-Match" in request.headers


def refuse_changed(request, record):
    """Raise the Problem 412 unless If-Match and If-None-Match, where they are sent, fit ``record``; None: there is no such row."""
    etag = None if record is None else etag_of(record)
    if not says_how_it_must_be(request):
        return
    if get_conditional_response(request, etag=etag) is not None:
        raise Problem(412, _("It is not as If-Match or If-None-Match say: read it again."))
