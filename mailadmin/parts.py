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
from django.utils.translation import gettext
from jinja2 import Environment
from markupsafe import Markup, escape

from mailadmin import log_words
from mailadmin.templatetags import ui
from panel import formats
from panel.addresses import display_address, display_domain

# Django's templates for these only include the one for all inputs.
FLAT = {
    f"django/forms/widgets/{kind}.html": "django/forms/widgets/input.html"
    for kind in ("checkbox", "date", "email", "hidden", "number", "password", "search", "text")
}
# Placeholders: a row's key in a URL, its key, its name, and its name with a line break after "@".
IN_URL, KEY, NAME, TEXT = "\x00", "\x01", "\x02", "\x03"


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
        "count_bar": ui.count_bar,
        "counted": ui.counted,
        "icon": ui.icon,
        "place": place,
        "quota_bar": ui.quota_bar,
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
        "fill": fill,
        "log_changes": log_words.changes,
        "log_sentence": log_words.sentence,
        "names": names,
        "mb_limit": formats.mb_limit,
        "number": formats.number,
        "size": formats.size,
        "short": ui.short,
    }
    return made


def ago():
    return formats.ago_by(timezone.get_current_timezone(), timezone.now())


def url(page, *key):
    return reverse(page, args=key)


def place(page, parameter=""):
    if parameter:
        return f"{reverse(page)}?{parameter}={IN_URL}"
    return reverse(page, args=[IN_URL]).replace(quote(IN_URL), IN_URL)


def names(row, shown):
    return {
        IN_URL: quote(row.pk, safe="/@"),
        KEY: str(escape(row.pk)),
        NAME: str(escape(shown)),
        TEXT: formats.breakable(shown),
    }


def fill(html, named):
    return Markup("".join([named.get(piece, piece) for piece in _pieces(html)]))  # noqa: S704 -- escaped


@lru_cache(maxsize=200)
def _pieces(html):
    return re.split("([\x00-\x03])", html)
