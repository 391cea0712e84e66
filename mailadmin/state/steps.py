"""One row of a file: what of it differs from what is stored, and the functions of the API that make it so."""

from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.passwords import stored_hash
from mailadmin.state.kinds import PASSWORD_HASH, operator
from panel.api.schemas import settable, values_of

CREATE, CHANGE, DELETE = "+", "~", "-"


@dataclass(frozen=True)
class Step:
    """``changes`` are {member: (old, new)}; of a password both are None."""

    sign: str
    word: str
    key: str
    changes: dict = field(default_factory=dict)


@dataclass
class Everything:
    """A token that narrows nothing."""

    def has(self, right):
        return True


@dataclass
class Asking:
    """What the functions of the API want of a request."""

    auth: object = field(default_factory=operator)
    token: Everything = field(default_factory=Everything)
    is_dry: bool = False
    GET: dict = field(default_factory=dict)


def make(request, kind, domain, item, found):
    """Let the row of ``item`` be there and be like it. ``found`` is (row, record) of the one that is stored, or None."""
    part_names = {part.member for part in kind.parts}
    item = {member: value for member, value in item.items() if member not in part_names}
    given = item.pop(PASSWORD_HASH, None) if kind.has_password else None
    body = kind.resource.body.model_validate(item)
    key = kind.key_of(item)
    if found is None:
        return [_create(request, kind, domain, key, body, given)]
    row, before = found
    named = {name: getattr(body, name) for name in body.model_fields_set}
    known = kind.secret(row) if kind.secret and named.get("password") else None
    values = {
        name: named[name]
        for name in settable(type(body))
        if name in named and before.get(name) != named[name]
    }
    given = None if given == getattr(row, "password", None) else given
    is_same = known is not None and values.get("password") == known
    if given is None and not values.keys() - ({"password"} if is_same else set()):
        return []
    changes = _without_known(
        known, values, lambda values: _change(request, kind, row, values, given)
    )
    return [Step(CHANGE, kind.word, kind.name_of(key), changes)] if changes else []


def _without_known(known, values, act):
    """``act(values)`` without a password that is stored already: told again it would be another one. Another server asks for it all the same."""
    if known is None or values.get("password") != known:
        return act(values)
    try:
        with transaction.atomic():
            return act(values | {"password": None})
    except ValidationError as error:
        if "password" not in getattr(error, "error_dict", ()):
            raise
        return act(values)


@transaction.atomic
def _create(request, kind, domain, key, body, given):
    values = kind.resource.columns(values_of(body), None)
    if given is not None:
        values |= {"password": _checked(given), "hashed": True}
    kind.resource.create(request, *kind.path(domain, key), values)
    named = {name: getattr(body, name) for name in settable(type(body))}
    told = {name: (None, named[name]) for name in body.model_fields_set & named.keys()}
    if "password" in told:
        told["password"] = (None, None)
    return Step(CREATE, kind.word, kind.name_of(key), told)


@transaction.atomic
def _change(request, kind, row, values, given):
    """Change what the file names and is otherwise, and return what is another now: services may take it for the same."""
    resource, actor, place = kind.resource, request.auth, kind.place(row)
    before, password = resource.record(row), getattr(row, "password", None)
    if values:
        found = resource.find(actor, *place)
        row = resource.change(request, found, resource.columns(values, found))
    if given is not None:
        kind.set_hash(actor, resource.find(actor, *place), _checked(given))
    after = resource.record(row)
    changes = changed(before, after)
    is_told = kind.secret and values.get("password") is not None
    if given is not None or is_told or password != getattr(row, "password", None):
        changes["password"] = (None, None)
    return {name: changes[name] for name in changes if name in settable(resource.body)}


def changed(before, after):
    return {name: (before[name], after[name]) for name in after if before[name] != after[name]}


def make_part(request, part, key, wanted, before):
    """As make(), of a member that is a resource: ``before`` is its body, or None."""
    values = part.read(wanted)
    if values == before or (values and part.is_over(key, values)):
        return []
    row = part.rows([key]).get(key)
    known = part.secret(row) if part.secret and row and values and values["password"] else None
    if before and known and values == before | {"password": known}:
        return []
    if before and values == before | {"password": None}:
        return []
    is_told = _without_known(
        known, values or {}, lambda said: _set_part(request, part, key, values and said)
    )
    after = part.found([key])[key]
    if before is None or after is None:
        sign = CREATE if before is None else DELETE
        return [Step(sign, part.word, key)] if before != after else []
    changes = changed(before, after)
    if is_told:
        changes["password"] = (None, None)
    return [Step(CHANGE, part.word, key, changes)] if changes else []


@transaction.atomic
def _set_part(request, part, key, values):
    """Return whether a password was set."""
    resource = part.resource
    row = resource.find(request.auth, key)
    if values is None:
        if row is not None:
            resource.delete(request, row)
        return False
    is_told = values.get("password") is not None
    values = resource.columns(values, row)
    if row is None:
        resource.create(request, key, values)
    else:
        resource.change(request, row, values)
    return is_told


def delete(request, kind, row):
    found = kind.resource.find(request.auth, *kind.place(row))
    if found is None:
        return []
    name = kind.name_of(kind.key_of(kind.resource.record(row)))
    with transaction.atomic():
        kind.resource.delete(request, found)
    return [Step(DELETE, kind.word, name)]


def _checked(text):
    try:
        return stored_hash(text)
    except ValueError:
        raise ValidationError(
            _("This is no hash that Dovecot and the panel verify."), "not_a_hash"
        ) from None
