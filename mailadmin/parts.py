"""The Jinja2 templates in parts/: what a page shows ten or fifty times, such as fields and rows.

All other templates are Django's, whose engine takes five to ten times as long.
"""

import re
from functools import lru_cache
from urllib.parse import quote

from django.forms.renderers import BaseRenderer
from django.template import engines
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from jinja2 import Environment
from markupsafe import Markup, escape

from mailadmin import log_words
from mailadmin.templatetags import ui
from panel import formats
from panel.addresses import display_address, display_domain, split_targets

# Django's templates for these only include the one for all inputs.
FLAT = {
    f"django/forms/widgets/{kind}.html": "django/forms/widgets/input.html"
    for kind in ("checkbox", "date", "email", "hidden", "number", "password", "search", "text")
}
# Placeholders: a row's key in a URL, its key, its name, and its name with a line break after "@".
IN_URL, KEY, NAME, TEXT = "\x00", "\x01", "\x02", "\x03"
PLAIN = re.compile(r"[a-z0-9@._-]*")  # the same in a URL and in HTML


class FieldRenderer(BaseRenderer):
    def get_template(self, template_name):
        return engines["jinja2"].get_template(FLAT.get(template_name, template_name))


def environment(**options):
    made = Environment(**options, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 -- options have autoescape
    made.globals |= {
        "_": gettext,
        "ago": ago,
        "IN_URL": IN_URL,
        "KEY": KEY,
        "NAME": NAME,
        "TEXT": TEXT,
        "cell": cell,
        "count_bar": ui.count_bar,
        "count_bars": ui.count_bar.now,
        "counted": ui.counted,
        "counts": ui.counted.now,
        "icon": ui.icon,
        "place": place,
        "quota_bar": ui.quota_bar,
        "quota_bars": ui.quota_bars,
        "state": ui.state,
        "url": url,
    }
    made.filters |= {
        "address": display_address,
        "bounded": formats.bounded,
        "breakable": formats.breakable,
        "control": ui.control,
        "days": formats.days,
        "domain_name": display_domain,
        "field_kind": ui.field_kind,
        "target_summary": ui.target_summary,
        "targets": split_targets,
        "fill": fill,
        "log_changes": log_words.changes,
        "log_sentence": log_words.sentence,
        "mb_limit": formats.mb_limit,
        "number": formats.number,
        "size": formats.size,
        "short": ui.short,
    }
    return made


def ago():
    return formats.ago_by(timezone.get_current_timezone(), timezone.now())


def url(page, *key):
    return place(page).replace(IN_URL, _quoted(*key)) if key else reverse(page)


def _quoted(key):  # as reverse() does
    return key if PLAIN.fullmatch(key) else quote(key, safe="!$&'()*+,;=/~:@")


@formats.cached_per_language_and_path
def place(page, parameter=""):
    if parameter:
        return f"{reverse(page)}?{parameter}={IN_URL}"
    return reverse(page, args=[IN_URL]).replace(quote(IN_URL), IN_URL)


def cell(name):
    """Return the place in a row for the value that ``fill`` gets under this ``name``."""
    return Markup(f"\x04{name}\x05")  # noqa: S704 -- a word of the template


def fill(html, key, shown, **cells):
    """Fill a row into HTML that was put together once for all rows of a page.

    Its ``key``, its name as it is ``shown``, and the values of its ``cell()`` places.
    """
    in_html = key if PLAIN.fullmatch(key) else str(escape(key))
    named = in_html if shown == key else str(escape(shown))
    for name, value in cells.items():
        if not isinstance(value, (SafeString, Markup)):  # which escape() looks at for longer
            cells[name] = escape(value)
    cells[IN_URL] = key if in_html is key else quote(key, safe="/@")
    cells[KEY] = in_html
    cells[NAME] = named
    cells[TEXT] = named.replace("@", "@<wbr>")
    return mark_safe(_with_places(html) % cells)  # noqa: S308 -- escaped


@lru_cache(maxsize=200)
def _with_places(html):
    """Return HTML as a format of Python's."""
    return re.sub("([\x00-\x03])|\x04(.*?)\x05", r"%(\1\2)s", str(html).replace("%", "%%"))
