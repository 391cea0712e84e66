"""Filling values into HTML that was put together once, as that of a list's row: escaping them is all that is left to do."""

import re
from functools import lru_cache
from operator import itemgetter
from urllib.parse import quote

from django.utils.safestring import SafeString
from markupsafe import Markup, escape

from mailadmin.compiled import HTML, as_html

# Placeholders: a row's key in a URL, its key, its name, and its name with a line break after "@".
IN_URL, KEY, NAME, TEXT = "\x00", "\x01", "\x02", "\x03"
LOCAL, AT_DOMAIN = "\x06", "\x07"  # the two halves of an address: ann, @example.org
PLACE = re.compile("([\x00-\x03\x06\x07]|\x04.*?\x05)")
PLAIN = re.compile(r"[a-z0-9@._-]*")  # the same in a URL and in HTML


def cell(name):
    """Return the place in a row for the value that ``fill`` gets under this ``name``."""
    return Markup(f"\x04{name}\x05")  # noqa: S704 -- a word of the template


def fill(html, key, shown, **cells):
    """Fill a row into HTML that was put together once for all rows of a page.

    Its ``key``, its name as it is ``shown``, and the values of its ``cell()`` places.
    """
    plain = PLAIN.fullmatch(key)
    in_html = key if plain else str(escape(key))
    named = in_html if shown == key else str(escape(shown))
    local_part, at, domain = named.rpartition("@")
    return _put(
        html,
        cells,
        {
            IN_URL: key if plain else quote(key, safe="/@"),
            KEY: in_html,
            NAME: named,
            TEXT: named.replace("@", "@<wbr>"),
            # Of a catch-all, @example.org, nothing is left out.
            LOCAL: local_part or named,
            AT_DOMAIN: at + domain if local_part else "",
        },
    )


def filled(html, **cells):
    return _put(html, cells, {})


def _put(html, cells, values):
    for name, value in cells.items():
        if type(value) not in HTML:  # of most values, this is known at once
            cells[name] = as_html(value)
    values |= cells
    pieces, values_of = _parted(html)
    made = pieces.copy()
    made[1::2] = values_of(values)
    return SafeString("".join(made))


@lru_cache(maxsize=200)
def _parted(html):
    """Return HTML in pieces, every second one for the value of a place, and the function that takes these out of all values. Without the
    line ends between cells: a page has hundreds."""
    html = re.sub(r"(</t[dhr]>)\n+", r"\1", str(html))
    pieces = PLACE.split(html)
    names = [name.strip("\x04\x05") for name in pieces[1::2]]
    if len(names) > 1:
        return pieces, itemgetter(*names)
    return pieces, lambda values: [
        values[name] for name in names
    ]  # which takes no or one name, too
