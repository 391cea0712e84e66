"""Names as people type them, as rows hold them, and as pages show them.

Domains are stored as lower-case A-labels and shown as Unicode (RFC 5890, UTS 46), in login names too.
"""

import unicodedata

import idna
from django.db import models

from panel.scoping import starts_with

_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}
# A name of these alone reads like one in Latin letters. Source: Chromium's rule for the address bar.
_CYRILLIC_LIKE_LATIN = set("асԁеһіјӏорԛѕԝхуъьҽпгѵѡ0123456789-")


def ascii_name(name):
    """Return the A-label form of a typed domain name, for the look-up; wrong names find nothing."""
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return name


def login_name(text):
    """Return the stored form of a typed login name, or of its beginning."""
    local_part, at, domain = text.strip().lower().rpartition("@")
    return f"{local_part}@{ascii_name(domain)}" if at else domain


def row_named(rows, text):
    """Return the row of ``rows`` that has this login name, or None.

    Another program may have stored the domain in Unicode, or both forms: then the typed one counts.
    """
    names = spellings(text)
    found = rows.in_bulk(names)
    return next((found[name] for name in names if name in found), None)


def spellings(text):
    """Return what the key of a typed login name may be: as typed, in A-labels, in Unicode."""
    typed, stored = text.strip().lower(), login_name(text)
    local_part, at, domain = stored.rpartition("@")
    shown = f"{local_part}{at}{'.'.join(map(_unicode_label, domain.split('.')))}"
    return list(dict.fromkeys([typed, stored, shown]))


def starts_with_name(text):
    """Return the Q of rows whose ``username`` begins with a typed login name, in any of its spellings."""
    ways = models.Q()
    for name in spellings(text):
        ways |= starts_with("username", name)
    return ways


def display_domain(name):
    """Return the Unicode form of a stored domain.

    Labels that mix scripts stay ``xn--…``, and, below a top-level domain in Latin letters, those
    that could be read as Latin.
    """
    name = ascii_name(name)
    if "xn--" not in name:
        return name
    latin_end = not name.rpartition(".")[2].startswith("xn--")
    shown = []
    for label in name.split("."):
        unicode_label = _unicode_label(label)
        misread = latin_end and set(unicode_label) <= _CYRILLIC_LIKE_LATIN
        shown.append(unicode_label if _one_script(unicode_label) and not misread else label)
    return ".".join(shown)


def display_address(address):
    """Return an address with its domain in Unicode. A catch-all keeps its leading ``@``."""
    local_part, at, domain = address.rpartition("@")
    return f"{local_part}{at}{display_domain(domain)}"


def _unicode_label(label):
    try:
        return idna.decode(label) if label.startswith("xn--") else label
    except (idna.IDNAError, UnicodeError):
        return label


def _one_script(label):
    scripts = {unicodedata.name(c, "?").split(" ")[0] for c in label if c.isalpha()}
    return len(scripts) <= 1 or scripts <= _JAPANESE
