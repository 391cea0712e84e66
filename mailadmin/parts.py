"""The Jinja2 templates in parts/: what a page shows ten or fifty times, such as fields and rows.

Everything around them is a Django template, whose engine takes five to ten times as long.
"""

from urllib.parse import quote

from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from jinja2 import Environment

from domains.addresses import display_address, display_domain
from mailadmin import log_words
from mailadmin.templatetags import ui
from panel import formats
from panel.formats import kept

KEY = "\x00"  # no key holds it


def environment(**options):
    """Make the environment that settings.TEMPLATES names."""
    made = Environment(**options, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 -- options have autoescape
    made.globals |= {
        "_": gettext,
        "ngettext": ngettext,
        "count_bar": ui.count_bar,
        "counted": ui.counted,
        "icon": ui.icon,
        "place": place,
        "quota_bar": ui.quota_bar,
        "state": ui.state,
    }
    made.filters |= {
        "address": display_address,
        "ago": formats.ago,
        "breakable": formats.breakable,
        "control": ui.control,
        "domain_name": display_domain,
        "field_kind": ui.field_kind,
        "first_two": ui.first_two,
        "in_url": in_url,
        "log_changes": log_words.changes,
        "log_sentence": log_words.sentence,
        "truncatechars": truncatechars,
    }
    return made


def in_url(key):
    """Return a key as it stands in a path or a query."""
    return quote(key, safe="/@")


def place(page, parameter=""):
    """Return the function from a key, as ``in_url`` writes it, to the URL of its ``page``.

    With a ``parameter`` the key goes into the query. Asked of reverse() for each link of each row, it
    would take longer than the row.
    """
    before, after = _around_key(page, parameter)
    return lambda key: f"{before}{key}{after}"


@kept
def _around_key(page, parameter):
    if parameter:
        return f"{reverse(page)}?{parameter}=", ""
    return tuple(reverse(page, args=[KEY]).split(quote(KEY)))
