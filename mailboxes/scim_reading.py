"""What identity providers send to /scim/v2, read as each of them writes it.

Okta and Entra ID part ways with RFC 7644 in operations that are capitalised, in "False" for false, and in operations without a path,
whose value then names attributes, perhaps with dots. Attributes that a mailbox does not have are left out, as RFC 7644 (3.3) lets us.
"""

import json
import re
import unicodedata

from django.utils.translation import gettext as _

from mailboxes.scim_schemas import USER
from panel.api.scim import Refused

MOST_OPERATIONS = 100
FILTER = re.compile(
    r'\s*([^\s"]+(?:\s+eq\s+"[^"]*"\s*\][^\s"]*)?)\s+eq\s+(".*")\s*', re.IGNORECASE | re.DOTALL
)
ADDRESS = re.compile(r"emails(\[\s*type\s+eq\s+\"work\"\s*\])?\.value", re.IGNORECASE)
NAMES = {
    "displayname": "displayName",
    "name": "name",
    "name.formatted": "formatted",
    "name.givenname": "givenName",
    "name.familyname": "familyName",
    "active": "active",
    "password": "password",
    "username": "userName",
}
PARTS = ("formatted", "givenName", "familyName")


def body_of(request):
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused("invalidSyntax", _("The body is no JSON object."))
    return body


def asked_name(text):
    """The userName of a filter, in whatever case; None for one that nothing here can match. Raises Refused for a filter not known."""
    found = FILTER.fullmatch(text)
    try:
        value = found and json.loads(found[2], strict=False)
    except ValueError:
        value = None
    if isinstance(value, str) and _is_printable(value):
        attribute = _bare(found[1])
        if attribute in {"username", "id"} or ADDRESS.fullmatch(found[1]):
            return value
        if attribute == "externalid":  # not kept
            return None
    raise Refused(
        "invalidFilter", _('Only filters such as userName eq "ann@example.org" are known.')
    )


def values_of(body):
    """{name: value} of what a whole user says that a mailbox has."""
    return _read(body.items())


def patched(body):
    """The same of a PATCH: what comes later counts."""
    lowered = {name.lower(): value for name, value in body.items()}
    operations = lowered.get("operations")
    if not isinstance(operations, list) or not 0 < len(operations) <= MOST_OPERATIONS:
        raise Refused("invalidSyntax", _("A PATCH has a list of Operations."))
    pairs = []
    for operation in operations:
        if not isinstance(operation, dict):
            raise Refused("invalidSyntax", _("An operation is a JSON object."))
        pairs += _pairs({name.lower(): value for name, value in operation.items()})
    return _read(pairs)


def _pairs(operation):
    what, path = str(operation.get("op", "")).lower(), operation.get("path")
    if what not in {"add", "replace", "remove"}:
        raise Refused("invalidSyntax", _("op is add, replace or remove."))
    if path is not None and not isinstance(path, str):
        raise Refused("invalidPath", _("path is a text."))
    if what == "remove":
        if not path:
            raise Refused("noTarget", _("remove needs a path."))
        return _removed(path)
    value = operation.get("value")
    if path:
        return [(path, value)]
    if not isinstance(value, dict):
        raise Refused("invalidValue", _("Without a path the value is a JSON object."))
    return value.items()


def _removed(path):
    name = NAMES.get(_bare(path))
    if name in {"userName", "active", "password"}:
        raise Refused("mutability", _("%(name)s cannot be removed.") % {"name": name})
    return [(path, dict.fromkeys(PARTS, "") if name == "name" else "")] if name else []


def _bare(path):
    """Without the schema in front, which may be written, in lower case."""
    lowered = path.lower()
    return lowered.removeprefix(f"{USER.lower()}:")


def _read(pairs):
    values = {}
    for path, value in pairs:
        name = NAMES.get(_bare(path))
        if name == "name":
            if value is not None and not isinstance(value, dict):
                raise Refused("invalidValue", _("name is a JSON object."))
            values |= _read([(f"name.{part}", text) for part, text in (value or {}).items()])
        elif name == "active":
            if value is not None:
                values[name] = _truth(value)
        elif name:
            if value is not None and not (isinstance(value, str) and _is_printable(value)):
                raise Refused("invalidValue", _("%(name)s is a printable text.") % {"name": name})
            # null is as if it were not there, but for what is taken away by it.
            if value is not None or name not in {"userName", "password"}:
                values[name] = value or ""
    return values


def _is_printable(text):
    return not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text)


def _truth(value):
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise Refused("invalidValue", _("active is true or false."))


def says_name(values):
    return not values.keys().isdisjoint({"displayName", *PARTS})


def name_in(values, stored=""):
    """The person's name: displayName before name. Of a given or family name that comes alone, the other is as it was stored."""
    if "displayName" in values and (values["displayName"] or not _has_parts(values)):
        return values["displayName"]
    if values.get("formatted"):
        return values["formatted"]
    if "givenName" in values or "familyName" in values:
        given, _blank, family = stored.rpartition(" ")
        parts = (values.get("givenName", given), values.get("familyName", family))
        return " ".join(filter(None, parts))
    return values.get("formatted", stored)


def _has_parts(values):
    return any(values.get(part) for part in PARTS)
