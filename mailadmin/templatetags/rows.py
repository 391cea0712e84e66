"""The cells of a list's rows; a builtin library, no {% load %}.

A page shows fifty rows and more, and each of these is the same for all rows but for a key and a
name: it is put together once for each language, and every row fills in its own.
"""

import re
from urllib.parse import quote

from django import template
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mailadmin.templatetags.ui import breakable, kept
from panel.addresses import display_address

register = template.Library()

# What a row fills in: its key in a URL, its key, its name, and the name as text, which breaks behind "@".
IN_URL, KEY, NAME, TEXT = "\x00", "\x01", "\x02", "\x03"

# What a menu offers: words, page, and the parameter that takes the key if the path does not.
MENU = {
    "mailboxes": (gettext_lazy("Mailboxes"), "mailbox-list", "domain"),
    "aliases": (gettext_lazy("Aliases"), "alias-list", "domain"),
    "log": (gettext_lazy("Log"), "log", "domain"),
    "log of person": (gettext_lazy("What they did"), "log", "person"),
    "edit": (gettext_lazy("Edit"), "{model}-edit", ""),
    "forwarding": (gettext_lazy("Forwarding"), "{model}-forwarding", ""),
    "password": (gettext_lazy("New password"), "{model}-password", ""),
    "activate": (gettext_lazy("Activate"), "{model}-state", ""),
    "deactivate": (gettext_lazy("Deactivate"), "{model}-state", ""),
    "delete": (gettext_lazy("Delete"), "{model}-delete", ""),
}


def _fill(html, row):
    name = display_address(str(row))
    parts = {
        IN_URL: quote(row.pk, safe="/@"),
        KEY: escape(row.pk),
        NAME: escape(name),
        TEXT: breakable(name),
    }
    return mark_safe(re.sub("[\x00-\x03]", lambda found: parts[found[0]], html))  # noqa: S308 -- escaped


def _path(page):
    """The path of a row's page; asked of reverse() for each link, it would take longer than the row."""
    return reverse(page, args=[IN_URL]).replace(quote(IN_URL), IN_URL)


@register.simple_tag
def row_select(row):
    """Return a row's first cell: the tick box of the bulk bar (``selected``)."""
    return _fill(_select(), row)


@kept
def _select():
    return format_html(
        '<td class="row-select"><input class="form-check-input" type="checkbox" name="selected"'
        ' value="{}" aria-label="{}"></td>',
        KEY,
        _("Select %(name)s") % {"name": NAME},
    )


@register.simple_tag
def row_link(row, page=""):
    """Return the link to a row's own page, or another ``page`` of its key, with its name as the words."""
    return _fill(_link(page or row._meta.model_name), row)


@kept
def _link(page):
    return format_html('<a href="{}">{}</a>', _path(page), TEXT)


@register.simple_tag
def row_menu(row, *offers):
    """Return a row's last cell: a menu of ``offers``, keys of ``MENU``. Works without JavaScript.

    ``state`` stands for ``activate`` or ``deactivate``, whichever is left to do.
    """
    return _fill(_menu(row._meta.model_name, offers, row.active), row)


@kept
def _menu(model, offers, active):
    links = []
    for offer in offers:
        if offer == "state":
            offer = "deactivate" if active else "activate"
        words, page, parameter = MENU[offer]
        page = page.format(model=model)
        path = f"{reverse(page)}?{parameter}={IN_URL}" if parameter else _path(page)
        css = format_html(' class="{}"', "danger") if offer == "delete" else ""
        links.append((css, path, words))
    return format_html(
        '<td class="row-menu"><details class="menu"><summary aria-label="{}">⋯</summary>'
        "<div>{}</div></details></td>",
        _("Actions for %(name)s") % {"name": NAME},
        format_html_join("", '<a{} href="{}">{}</a>', links),
    )
