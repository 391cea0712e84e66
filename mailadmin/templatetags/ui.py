"""The tags and filters that templates need; a builtin library, no {% load %}."""

import re
from functools import lru_cache
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.template import engines
from django.template.defaultfilters import truncatechars
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from heroicons.templatetags import heroicons
from jinja2 import pass_context
from markupsafe import escape

from accounts.models import NAMED
from mailboxes.models import FULL, NEARLY_FULL
from panel import addresses
from panel.formats import (
    NO_BREAK,
    UNLIMITED,
    ago,
    breakable,
    cached_per_language,
    number,
    of_whole,
    size,
)

register = template.Library()

_AT_IN_TEXT = re.compile("@(?=[^<>]*(?:<|$))")

POSITION = {"after", "before", "jump", "at"}
NOT_FILTERS = POSITION | {"size", "sort"}

for shown in (ago, size):
    register.filter(shown.__name__, shown)


def breaking(html):
    """Let the lines of HTML end behind an ``@``; attributes stay as they are."""
    return mark_safe(_AT_IN_TEXT.sub("@<wbr>", html))  # noqa: S308 -- only for {% filter %}, which has escaped


# --- Icons, addresses, numbers


@lru_cache(maxsize=256)
def icon(name, size=20, style="outline"):
    render = getattr(heroicons, f"heroicon_{style}")
    svg = render(name, size=size, **{"class": "icon"})
    svg = "".join(line.strip() for line in svg.splitlines())
    # In the style sheet once: a page has some twenty icons.
    svg = re.sub(' stroke-(linecap="round"|linejoin="round"|width="1.5")', "", svg)
    return mark_safe(svg)  # noqa: S308 -- from the package


@register.filter
def address(value):
    return addresses.display_address(str(value))


@register.filter
def address_heading(value):
    return format_html("<span>{}</span>", breakable(address(value)))


def short(text, length):
    return text if len(text) <= length else truncatechars(text, length)


def target_summary(targets):
    shown = ", ".join(short(address(target), 60) for target in targets[:2])
    if len(targets) > 2:
        shown = f"{shown} {_('and %(n)s more') % {'n': number(len(targets) - 2)}}"
    return breakable(shown)


MANY = 5


def recipients(targets, domain):
    at = f"@{domain}"
    names = [target.removesuffix(at) or target for target in targets[:MANY]]
    shown = ", ".join(short(address(name) if "@" in name else name, 60) for name in names)
    if len(targets) > MANY:
        shown = f"{shown} {_('and %(n)s more') % {'n': number(len(targets) - MANY)}}"
    return shown


def domains_named(admin):
    names = [getattr(admin, f"domain_{n}") for n in range(NAMED)]
    shown = ", ".join(domain_name(name) for name in names if name)
    if admin.domain_count > NAMED:
        shown = f"{shown} {_('and %(n)s more') % {'n': number(admin.domain_count - NAMED)}}"
    return shown or _("no domain")


@register.filter
def domain_name(value):
    return addresses.display_domain(str(value))


@cached_per_language
def counted(kind, count):
    words = {
        "mailbox": ngettext("%(count)s mailbox", "%(count)s mailboxes", count),
        "alias": ngettext("%(count)s alias", "%(count)s aliases", count),
        "domain": ngettext("%(count)s domain", "%(count)s domains", count),
        "aliasdomain": ngettext("%(count)s alias domain", "%(count)s alias domains", count),
        "admin": ngettext("%(count)s administrator", "%(count)s administrators", count),
        "entry": ngettext("%(count)s entry", "%(count)s entries", count),
    }
    return words[kind] % {"count": number(count)}


@cached_per_language
def counted_of(kind, used, allowed):
    """A count with its limit in words, "15 of 16 mailboxes"; without one "1 mailbox", and nothing where none is allowed."""
    if allowed <= UNLIMITED:
        return counted(kind, used) if used or allowed == UNLIMITED else ""
    words = {
        "mailbox": ngettext(
            "%(used)s of %(total)s mailbox", "%(used)s of %(total)s mailboxes", allowed
        ),
        "alias": ngettext("%(used)s of %(total)s alias", "%(used)s of %(total)s aliases", allowed),
    }
    return words[kind] % {"used": number(used), "total": number(allowed)}


# --- Bars


@register.simple_tag
def quota_bar(used, allotted=None, *, limit_mb=None):
    return quota_bars()(used, allotted, limit_mb=limit_mb)


def storage_sentence(used, quota):
    multiplier = settings.QUOTA_MULTIPLIER
    used = used or 0
    if quota <= 0:
        return _("%(used)s used, no limit.") % {"used": size(used)}
    words = of_whole(used / multiplier, quota / multiplier)
    if used >= quota:
        return _("%(used)s of %(total)s · full. New mail is refused.") % words
    if used * 100 >= quota * NEARLY_FULL:
        return _("%(used)s of %(total)s · nearly full. At %(total)s new mail is refused.") % words
    return _("%(used)s of %(total)s used.") % words


def quota_bars():
    """The function that draws how much of a quota is used, as a bar and in words, in the current language.

    ``used`` and ``allotted`` are bytes; ``limit_mb`` replaces ``allotted`` when the limit is a
    domain's, in MB. 0 is unlimited; -1 means that the domain uses no quotas.
    """
    multiplier, of = settings.QUOTA_MULTIPLIER, of_whole.now()
    full = _("%(used)s of %(total)s")

    def bar(used, allotted=None, *, limit_mb=None):
        used = used or 0
        total = limit_mb * multiplier if limit_mb is not None else (allotted or 0)
        if total <= 0:
            words = _("%(used)s, no limit") if total == 0 else _("%(used)s, quotas not used")
            return _words(words % {"used": size(used)})
        return _bar(used, total, full % of(used / multiplier, total / multiplier))

    return bar


@cached_per_language
def share(used, allowed):
    if allowed == UNLIMITED:
        return number(used)
    if allowed < 0:
        return "—" if not used else number(used)
    full = used * 100 >= allowed * NEARLY_FULL
    shown = escape(number(used)), escape(number(allowed))
    level = " warning" if full else ""
    return mark_safe(f'<span class="share{level}"><b>{shown[0]}</b> / {shown[1]}</span>')  # noqa: S308


def storage_bars(amounts=False):
    """The function that draws a mailbox's storage in one line: a bar, the percentage, and of how much.

    With ``amounts``, how much it holds, too: what equal percentages are sorted by.
    """
    limited, unlimited = _storage.now(), _("%(used)s, no limit")

    def drawn(used, quota):
        used = used or 0
        if not quota or quota < 0:
            return SafeString(
                f'<span class="muted">{escape(unlimited % {"used": size(used)})}</span>'
            )
        return limited(int(used * 100 // quota), quota, used > 0, used if amounts else None)

    return drawn


@cached_per_language  # the mailboxes of a page have few quotas
def _storage(percent, quota, has_mail, amount):
    multiplier = settings.QUOTA_MULTIPLIER
    words = _("of %(total)s") if amount is None else _("%(used)s of %(total)s")
    whole = escape(words % of_whole((amount or 0) / multiplier, quota / multiplier))
    level = " danger" if percent >= FULL else " warning" if percent >= NEARLY_FULL else ""
    bar = f'<progress value="{min(percent, 100)}" max="100" aria-hidden="true"></progress>'
    return SafeString(
        f'<span class="storage{level}">{bar if has_mail else ""}<b>{percent} %</b> <span>{whole}</span></span>'
    )


@register.simple_tag
@cached_per_language
def count_bar(used, allowed):
    if allowed == UNLIMITED:
        return _words(_("%(used)s, no limit") % {"used": number(used)})
    if allowed < 0:
        return _words(_("%(used)s, none allowed") % {"used": number(used)})
    words = _("%(used)s of %(total)s") % {"used": number(used), "total": number(allowed)}
    return _bar(used, allowed, words)


def _words(words):
    return mark_safe(f'<span class="quota"><span>{escape(words)}</span></span>')  # noqa: S308


def _bar(used, total, words):
    percent = int(used * 100 // total)
    level = " danger" if percent >= FULL else " warning" if percent >= NEARLY_FULL else ""
    return mark_safe(  # noqa: S308 -- escaped
        f'<span class="quota{level}"><progress value="{min(percent, 100)}" max="100" aria-hidden="true">'
        f"</progress><span>{escape(words)}, <b>{percent}{NO_BREAK}%</b></span></span>"
    )


# --- Lists and places


@register.simple_tag
@cached_per_language
def state(active):
    return "" if active else format_html('<span class="state off">{}</span>', _("off"))


# These four know the request: they are for Jinja2's templates alone.


@pass_context
def sort_header(context, ordering, label, css="", *, most_first=False):
    attributes = f' class="{css}"' if css else ""
    if ordering not in context["sortable"]:
        return mark_safe(f'<th scope="col"{attributes}>{escape(label)}</th>')  # noqa: S308 -- escaped
    current = context["sort"]
    if current.removeprefix("-") == ordering:
        state = "descending" if current.startswith("-") else "ascending"
        attributes += f' aria-sort="{state}"'
    return mark_safe(  # noqa: S308 -- escaped
        f'<th scope="col"{attributes}><a class="sort" id="sort-{ordering}" href="{_sorted_url(context, ordering, most_first)}"'
        f' hx-boost="true">{escape(label)}</a></th>'
    )


@pass_context
def sort_links(context, sorts):
    """Links that sort the list, for a menu where a phone shows no column heads. Of (name, words, whether most comes first), without
    those by which the list cannot be sorted."""
    sortable, current, links = context["sortable"], context["sort"], ""
    for ordering, label, most_first in sorts:
        if ordering not in sortable:
            continue
        mark = ""
        if current.removeprefix("-") == ordering:
            mark = ' aria-current="true"'
            label = f"{label} {'↓' if current.startswith('-') else '↑'}"
        links += f'<a href="{_sorted_url(context, ordering, most_first)}"{mark}>{escape(label)}</a>'
    return mark_safe(links)  # noqa: S308 -- escaped


def _sorted_url(context, ordering, most_first):
    first, turned = (f"-{ordering}", ordering) if most_first else (ordering, f"-{ordering}")
    query = _query(context) | {"sort": [turned if context["sort"] == first else first]}
    return escape("?" + urlencode(query, doseq=True))


@pass_context
def is_filtered(context):
    query = context["request"].GET
    # In a domain's own tab the domain is the place, not a filter.
    place = {"domain"} if context.get("domain") else set()
    return any(query[name].strip() for name in query.keys() - NOT_FILTERS - place)


@pass_context
def is_paged(context):
    return any(context["request"].GET.get(name) for name in ("after", "before", "jump"))


@pass_context
def hidden_query(context, *without):
    query = _query(context, *without)
    pairs = [(name, value) for name, values in query.items() for value in values if value]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


def _query(context, *without):
    without = POSITION.union(without)
    return {name: values for name, values in context["request"].GET.lists() if name not in without}


# --- Jinja2's templates


@register.simple_tag
def part(template, /, **context):
    return mark_safe(engines["jinja2"].env.get_template(template).render(context))  # noqa: S308 -- escapes


@register.tag
def shell(parser, token):
    """Draw parts/base.html around the blocks up to ``{% endshell %}``."""
    nodes = parser.parse(("endshell",))
    parser.delete_first_token()
    return ShellNode(nodes)


class ShellNode(template.Node):
    OF_EVERY_PAGE = ("navigation", "account", "superadmin", "domain_roles", "may_open", "messages")

    def __init__(self, nodelist):
        self.nodelist = nodelist

    def render(self, context):
        blocks = {block.name: block.render(context) for block in self.nodelist}
        every = {name: context.get(name) for name in self.OF_EVERY_PAGE}
        token = CsrfTokenNode().render(context)
        return part("base.html", csrf_input=token, **every, **blocks)
