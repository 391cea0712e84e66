from itertools import chain
from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aliases.answers import ELSEWHERE, address_in
from aliases.effects import MAILBOX
from aliases.models import Alias, AliasTarget
from domains import words
from domains.models import Domain
from mailadmin.page_rights import opens
from mailadmin.tracing.trace import card_of
from mailboxes.models import Mailbox
from panel.addresses import display_address, lookup_key
from panel.prepared import in_scope, padded, prepared
from panel.scoping import may_create_domains, may_open, sees_all_domains, starts_with

SHOWN = 8  # of each kind
DONE_FOR = 2  # people and domains that something is offered for
PAGES = [  # (URL name, label, icon, superadmins only)
    ("dashboard", gettext_lazy("Home"), "home", False),
    ("domain-list", gettext_lazy("Domains"), "globe-alt", False),
    ("mailbox-list", gettext_lazy("Mailboxes"), "at-symbol", False),
    ("alias-list", gettext_lazy("Aliases"), "at-symbol", False),
    ("aliasdomain-list", gettext_lazy("Other names"), "link", False),
    ("admin-list", gettext_lazy("Administrators"), "users", True),
    ("log", gettext_lazy("Activity"), "clock", False),
    ("trace", gettext_lazy("Where mail goes"), "arrows-right-left", False),
    ("server", gettext_lazy("Mail server"), "server-stack", True),
    ("dns-host", gettext_lazy("DNS of this mail server"), "signal", True),
    ("findings", gettext_lazy("Findings"), "clipboard-document-check", True),
]
NEW = [  # (URL name, label, superadmins only)
    ("mailbox-create", gettext_lazy("New mailbox"), False),
    ("alias-create", gettext_lazy("New alias"), False),
    ("domain-create", gettext_lazy("New domain"), True),
    ("aliasdomain-create", gettext_lazy("New alias domain"), False),
    ("admin-create", gettext_lazy("New administrator"), True),
]


class Hit(NamedTuple):
    url: str
    label: str
    icon: str


@in_scope(prepared)
def _mailboxes(actor, *keys):
    rows = Mailbox.objects.visible_to(actor).filter(pk__in=keys)
    return rows.values_list("pk", "name", "quota", "usage__bytes", "active", named=True)


@in_scope(prepared)
def _addresses(actor, *keys):
    rows = Alias.objects.all().filter(pk__in=keys)
    if not actor.is_superadmin:
        rows = rows.filter(domain__in=actor.domain_names)
    return rows.values_list("pk", "goto", "description", "active", "is_self_alias", named=True)


@in_scope(prepared)
def _domains(actor, *keys):
    rows = Domain.objects.visible_to(actor).filter(pk__in=keys)
    return rows.values_list("pk", "description", "active", "backupmx", "alias_of", named=True)


def look(actor, text):
    """The context of search_results.html. Ten statements at most, but for what an address leads through."""
    kinds = ("people", "addresses", "domains", "admins")
    found = {"card": None, "goto": [], "actions": [], **{kind: [] for kind in kinds}}
    if not text:
        return found | {"goto": _pages(actor, ()), "actions": _new(actor, ())}
    key = lookup_key(text)
    if "@" in text:
        found |= _by_address(actor, text, key)
    elif typed := words.words_of(text):
        found |= {"goto": _pages(actor, typed), "actions": _new(actor, typed)}
    asked = words.words_of(key)
    if asked and not any(found[name] for name in ("card", "people", "addresses")):
        found |= _by_words(actor, asked)
    return found | {"actions": [*found["actions"], *_for(actor, found)]}


def _by_address(actor, text, key):
    address = address_in(text)
    card = card_of(actor, address) if "." in address.rpartition("@")[2] else None
    if card and card.kind != ELSEWHERE:
        return {"card": card, "fill": _fill(actor, card)}
    mailboxes = _begin(actor, Mailbox.objects.all(), key)
    found = _begin(actor, Alias.objects.filter(is_self_alias=False), key)
    targets = AliasTarget.objects.visible_to(actor).filter(starts_with("bare", key))
    found += _keys(targets.order_by("bare", "owner", "id"), "alias")
    people = _in_order(_mailboxes, actor, mailboxes)
    rows = _in_order(_addresses, actor, dict.fromkeys(found))
    return {"people": people, "addresses": rows, "card": None if people or rows else card}


def _begin(actor, rows, key):
    """The first keys that begin with ``key``, of an administrator's domains in the order of these.

    As words.find() does it: of many domains those of all are looked through, where these are few.
    """
    own = actor.scope_domains
    rows = rows.filter(starts_with("pk", key)).order_by("pk")
    if len(own) > words.FEW_DOMAINS:
        few = list(rows.values_list("domain_id", "pk")[: words.GLANCE + 1])
        if len(few) <= words.GLANCE:
            return [name for at, name in sorted(few) if at in own][: SHOWN + 1]
    # Keys alone first: asked for more, MariaDB reads all that an administrator of many domains has.
    by_domain = ("domain_id",) if own else ()
    return _keys(rows.visible_to(actor).order_by(*by_domain, "pk"))


def _keys(rows, column="pk"):
    return list(rows.values_list(column, flat=True)[: SHOWN + 1])


def _by_words(actor, asked):
    names = words.names_in_scope(actor)
    if names is None:
        return {}
    kinds = ["mailbox", "alias", "forwarding", "domain"]
    if may_open(actor, superadmins_only=True):
        kinds.append("admin")
    rows, first = words.find(kinds, asked, names, SHOWN + 1)
    keys = {kind: [row.row_key for row in rows if row.kind == kind] for kind in kinds}
    people = _in_order(_mailboxes, actor, keys["mailbox"])
    shown = {row.pk for row in people[:SHOWN]}
    forwarded = [key for key in keys["forwarding"] if key not in shown]
    return {
        "people": people,
        "addresses": _in_order(_addresses, actor, [*keys["alias"], *forwarded]),
        "domains": _in_order(_domains, actor, keys["domain"]),
        "admins": keys.get("admin", []),
        "partly": any(lead.entries > words.looked_at(names) for lead in first.values()),
    }


def _in_order(ask, actor, keys):
    if not keys:
        return []
    found = {row.pk: row for row in ask(actor, *padded(keys))}
    return [found[key] for key in keys if key in found]


def _fill(actor, card):
    keys = [target.key for target in card.targets[:SHOWN] if target.kind == MAILBOX and target.key]
    rows = _mailboxes(actor, *padded(keys)) if keys else ()
    return {row.pk: (row.usage__bytes, row.quota) for row in rows}


def _begins(label, asked):
    named = words.words_of(str(label))
    return all(any(name.startswith(word) for name in named) for word in asked)


def _pages(actor, asked):
    return [
        Hit(reverse(name), str(label), icon)
        for name, label, icon, superadmins_only in PAGES
        if may_open(actor, superadmins_only=superadmins_only) and _begins(label, asked)
    ]


def _new(actor, asked):
    may_open_it = opens(actor)
    return [
        Hit(reverse(name), str(label), "plus")
        for name, label, superadmins_only in NEW
        if _may_make(actor, name, superadmins_only)
        and may_open_it(name)
        and _begins(label, asked)
        and (name != "aliasdomain-create" or _may_name(actor))
    ]


def _may_make(actor, name, superadmins_only):
    if name == "domain-create":
        return may_create_domains(actor)
    return may_open(actor, superadmins_only=superadmins_only)


def _may_name(actor):
    if may_create_domains(actor):
        return sees_all_domains(actor) or bool(actor.domain_names)
    return len(actor.domain_names) > 1


def _for(actor, found):
    may_open_it = opens(actor)
    people = [
        Hit(
            reverse("mailbox-password", args=[row.pk]),
            _("New password for %(name)s") % {"name": row.name or display_address(row.pk)},
            "key",
        )
        for row in found["people"][:DONE_FOR]
        if may_open_it("mailbox-password", row.pk.rpartition("@")[2])
    ]
    hosted = [row for row in found["domains"] if not row.backupmx]
    domains = [
        Hit(
            reverse("domain-new-address", args=[row.pk]),
            _("New mailbox in %(domain)s") % {"domain": display_address(row.pk)},
            "plus",
        )
        for row in hosted[:DONE_FOR]
        if may_open_it("domain-new-address", row.pk)
    ]
    names = [
        Hit(
            f"{reverse('aliasdomain-create')}?{urlencode({'domain': row.pk})}",
            _("Another name for %(domain)s") % {"domain": display_address(row.pk)},
            "link",
        )
        for row in [row for row in hosted if not row.alias_of][:1]
        if _may_name(actor) and may_open_it("aliasdomain-create", row.pk)
    ]
    return list(chain(people, domains, names))
