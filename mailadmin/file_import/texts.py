"""What people write into the cells of a table: names, sizes, yes and no."""

import re
import unicodedata
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from domains.forms import SizeField, WholeSizeField, words_for_no_limit
from panel.addresses import (
    MAX_ADDRESS,
    display_domain,
    normalise_domain,
    normalise_local_part,
)
from panel.changes import collected

LONGEST_NAME = 200
TWO_LETTERS, ONE_LETTER = "two", "one"  # mueller, muller
IN_TWO = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
# What NFKD does not part.
LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
IN_BRACKETS = re.compile(r"<([^<>]+)>\s*$")
NOT_ALLOWED = re.compile(r"[^a-z0-9._+=&$'-]")
BYTES = re.compile(r"([0-9]{1,18})\s*(?:b|bytes?|octets?)", re.IGNORECASE)
YES = {
    "1",
    "yes",
    "y",
    "true",
    "on",
    "active",
    "enabled",
    "x",
    "ja",
    "j",
    "wahr",
    "an",
    "ein",
    "aktiv",
}
YES |= {"oui", "o", "vrai", "actif", "active", "actif·ve"}
NO = {
    "0",
    "no",
    "n",
    "false",
    "off",
    "inactive",
    "disabled",
    "-",
    "nein",
    "falsch",
    "aus",
    "inaktiv",
}
NO |= {"gesperrt", "non", "faux", "inactif", "désactivé", "desactive"}


def own_address(reading, given, options, *, proposed="", catch_all=False):
    """Read the address: a whole one, or a name and a domain, or one that is proposed from a person's name."""
    typed = given.get("address") or given.get("local_part") or ""
    if found := IN_BRACKETS.search(typed[: 2 * MAX_ADDRESS]):  # Anna <anna@example.org>
        typed = found[1].strip()
    local_part, at, domain = typed.rpartition("@")
    if not at:
        local_part, domain = typed, ""
    reading.domain_text = domain or given.get("domain", "") or options["domain"]
    reading.domain_field = "address" if domain else ""
    with collected(reading.errors, reading.domain_field or "domain"):
        reading.domain = domain_name(reading.domain_text)
    if not local_part and not (catch_all and at):
        if not proposed:
            error = ValidationError(_("There is no address: write one."), "required")
            reading.errors.setdefault("address", []).append(error)
        else:
            local_part = proposed
            reading.notes.append(_("The address is made of the name."))
    elif not (catch_all and local_part == "*"):
        local_part = _as_allowed(reading, local_part, options)
    reading.local_part = local_part
    if catch_all and at and local_part in {"", "*"}:
        reading.key = f"@{reading.domain}" if reading.domain else ""
    elif local_part and reading.domain:
        key = f"{local_part.strip().lower()}@{reading.domain}"
        reading.key = key if len(key) <= MAX_ADDRESS else ""


def _as_allowed(reading, typed, options):
    try:
        normalise_local_part(typed)
    except ValidationError:
        written = as_local_part(typed, options)
        if written:
            reading.notes.append(
                _("“%(typed)s” is written as “%(written)s”.")
                % {"typed": typed[:80], "written": written}
            )
            return written
    return typed


def as_local_part(text, options, blank="."):
    """``Jörg Müller`` as ``joerg.mueller``, or with ONE_LETTER ``jorg.muller``."""
    text = unicodedata.normalize("NFC", text[:LONGEST_NAME].strip().lower())
    if options["umlauts"] == TWO_LETTERS:
        text = text.translate(IN_TWO)
    text = unicodedata.normalize("NFKD", text.translate(LETTERS))
    text = re.sub(r"\s+", blank, text)
    text = NOT_ALLOWED.sub("", text)
    return re.sub(r"\.{2,}", ".", text).strip(".-+=&$'")


def names(given):
    """(first, last, whole) of a person: of their own columns, or parted from a whole name."""
    first, last = given.get("first_name", ""), given.get("last_name", "")
    whole = given.get("name", "") or f"{first} {last}".strip()
    if not (first or last):
        if "," in whole:  # Müller, Anna
            last, _comma, first = (part.strip() for part in whole.partition(","))
            whole = f"{first} {last}".strip()
        else:
            first, _blank, last = whole.rpartition(" ")
    return first, last, whole


def from_names(first, last, options):
    """Double names stay together: ``Anna Maria Müller-Lüdenscheidt`` is ``anna-maria.mueller-luedenscheidt``."""
    parts = [as_local_part(name.replace(".", " "), options, blank="-") for name in (first, last)]
    return ".".join(filter(None, parts))


def own_domain(reading, text):
    reading.domain_text = text.lstrip("@")
    with collected(reading.errors, "domain"):
        reading.domain = reading.key = domain_name(text, "@")


def domain_name(text, ignored=""):
    text = text.strip().lstrip(ignored)
    if not text:
        raise ValidationError(_("There is no domain: write one."), "required")
    return normalise_domain(text)


def not_yours(name):
    return ValidationError(
        _("You manage no domain %(name)s. Correct it, or leave the line out."),
        "unknown",
        {"name": display_domain(name)},
    )


def bytes_of(text):
    """The bytes of a quota: ``2 GB``, ``500`` in MB, ``1000000 bytes``, “no limit”."""
    if found := BYTES.fullmatch(text.strip()):
        return int(found[1])
    return _not_none(in_bytes, SizeField().clean(text))


def in_bytes(mb):
    return int(Decimal(mb) * settings.QUOTA_MULTIPLIER)


def whole_mb(text):
    if found := BYTES.fullmatch(text.strip()):
        return _not_none(int, Decimal(found[1]) / settings.QUOTA_MULTIPLIER)
    return _not_none(int, SizeField().clean(text))


def _not_none(rounded, mb):
    """0 is no limit, which a small size is not."""
    size = rounded(mb)
    if mb and not size:
        raise ValidationError(WholeSizeField.default_error_messages["whole"], "whole")
    return size


def limit(text):
    """How many there may be: a number, “no limit”, or -1 for none."""
    if text.strip().casefold() in words_for_no_limit():
        return 0
    if not re.fullmatch(r"-1|[0-9]{1,9}", text.strip()):
        raise ValidationError(_("Enter a number, or “no limit”."), "invalid")
    return int(text)


def yes_or_no(text):
    word = text.strip().casefold()
    if word in YES:
        return True
    if word in NO:
        return False
    raise ValidationError(_("Write yes or no."), "invalid")
