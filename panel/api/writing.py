"""What every write of the API does: one transaction; ``?dry_run=true``; Idempotency-Key of a POST."""

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from panel import helper
from panel.api.answers import answered, as_json, etag_of, says_how_it_must_be
from panel.api.problems import Problem
from panel.api.queries import check_query
from panel.models import ApiAnswer
from panel.scoping import domains_in_sight
from panel.transactions import in_transaction

KEPT = timedelta(hours=24)
MAX_KEY = 255


@dataclass
class Done:
    """What a write answers: a row's record, with its ETag, or a body without one. ``also``: what a dry run tells besides.

    ``secret`` are members of the body that are told once: what is kept for an Idempotency-Key has null in their place.
    """

    status: int = 200
    record: dict | None = None
    body: dict | None = None
    also: dict = field(default_factory=dict)
    secret: tuple = ()


class _NotDone(Exception):
    """Carries the result of a dry run out of its transaction, which so is rolled back."""


@contextmanager
def at(**pointers):
    """Let the errors of a service's fields point to the members of the body that they come from."""
    try:
        yield
    except ValidationError as error:
        error.pointers = pointers
        raise


def done(request, act, *, asked=(), lock=None):
    """Call ``act()``, which returns a Done, in one transaction, and answer what it says.

    ``act`` reads anew under its locks what it needs, for it is called again if its transaction is. ``asked`` are the
    parameters of the query besides ``dry_run``. ``request.is_dry``
    tells ``act`` whether it is one, and what it would touch is of interest. ``lock()`` is what the service takes first: where the
    client says how the row must be, it is taken before that is compared.
    """
    request.is_dry = dry = _is_dry(request, asked)
    key = "" if dry or request.method != "POST" else _key_of(request)
    try:
        return _answered(_done(request, act, dry, key, lock))
    except _NotDone as stopped:
        return answered(stopped.args[0])


def _is_dry(request, asked):
    check_query(request, ("dry_run", *asked))
    value = request.GET.get("dry_run", "false")
    if value not in {"true", "false"}:
        raise Problem(422, _("dry_run is true or false."))
    return value == "true"


@in_transaction
def _done(request, act, dry, key, lock):
    actor = request.auth
    actor.recorded = []
    if lock is not None and says_how_it_must_be(request):
        lock()
    if key and (earlier := _earlier(request, key)):
        return earlier
    if dry:
        with helper.not_asked():
            result = act()
        raise _NotDone(_foretold(actor, result))
    result = act()
    if key:
        body = result.body if result.record is None else result.record
        if result.secret:
            body = body | dict.fromkeys(result.secret)
        stored = {"status": result.status, "body": body and json.loads(as_json(body))}
        ApiAnswer.objects.filter(pk=key).update(**stored, has_etag=result.record is not None)
    return result


def _foretold(actor, result):
    seen = domains_in_sight(actor, {entry.domain for entry in actor.recorded})
    own = [
        entry for entry in actor.recorded if entry.domain in seen or entry.data == actor.username
    ]
    return {
        "dry_run": True,
        "status": result.status,
        "changes": [
            {
                "action": entry.action,
                "object": entry.data,
                "domain": entry.domain,
                "changes": entry.changes,
            }
            for entry in own
        ],
        "changes_elsewhere": len(actor.recorded) - len(own),
        "result": result.body if result.record is None else result.record,
        "also": result.also,
    }


def _answered(result):
    if result.record is not None:
        return answered(result.record, result.status, ETag=etag_of(result.record))
    return answered(result.body, result.status)


# --- Idempotency-Key


def _key_of(request):
    given = request.headers.get("Idempotency-Key", "")
    if len(given) > MAX_KEY:
        raise Problem(422, _("Idempotency-Key has at most %(n)d characters.") % {"n": MAX_KEY})
    return given and sha256(f"{request.token.pk} {given}".encode()).hexdigest()


def _earlier(request, key):
    """The answer to the same request of before, or None: then the key is ours in this transaction, and others wait for it."""
    sent = [request.method, request.get_full_path(), request.body.decode("utf-8", "replace")]
    # Not a plain hash: the body may be a password.
    digest = salted_hmac("idempotency", "\n".join(sent), algorithm="sha256").hexdigest()
    ApiAnswer.objects.filter(at__lt=timezone.now() - KEPT).delete()
    try:
        with transaction.atomic():
            ApiAnswer.objects.create(key=key, request=digest)
    except IntegrityError:
        kept = ApiAnswer.objects.get(pk=key)
        if kept.request != digest:
            raise Problem(422, _("This Idempotency-Key was sent with another request.")) from None
        record, body = (kept.body, None) if kept.has_etag else (None, kept.body)
        return Done(kept.status, record=record, body=body)
    return None
