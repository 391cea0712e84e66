"""What pages say happens to mail: where targets lead, and what answers when a row no longer does.

It asks aliases/lookup.py, so a page says what Postfix does. About domains that the actor does not
see, nothing is told: neither what exists there nor what is active.
"""

from collections import Counter
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aliases.away import answers, without_away
from aliases.lookup import Lookup, Target, keys_of
from aliases.models import Alias
from panel.addresses import (
    display_address,
    split_address,
    stored_spelling,
)
from panel.scoping import domains_in_sight

MAILBOX, ALIAS, COVERED, MISSING, EXTERNAL = "mailbox", "alias", "covered", "missing", "external"
UNDELIVERABLE = "undeliverable"
DELIVERED, FORWARDED, HANDED_ON = "delivered", "forwarded", "handed on"
FALLBACK, REFUSED, DOMAIN_OFF = "fallback", "refused", "domain off"


@dataclass(frozen=True)
class Destination:
    """One target of an alias or a forwarding. ``key`` is the row of ours that it names, if any.

    ``covered``: it has no row of its own; a catch-all or an alias domain answers. ``undeliverable``: nobody takes
    mail for it, so the alias map leaves it out. ``next_server``: the transport of a domain handed on to
    another server.
    """

    address: str
    kind: str
    key: str = ""
    active: bool = True
    undeliverable: bool = False
    next_server: str = ""
    answers: bool = False

    def __str__(self):
        return display_address(self.address)


@dataclass(frozen=True)
class Outcome:
    """What happens to mail for the address of a mailbox or an alias. ``kind`` is one of:

    ``delivered`` here, ``handed on`` to the domain's next server, ``forwarded`` to ``destinations`` (``keeps_copy``:
    and delivered or handed on too), ``fallback`` (another row answers), ``refused``, ``domain off``, or
    ``unfindable``: stored with capitals or blanks, so that no look-up, all in lower case, finds it.
    """

    kind: str
    destinations: tuple = ()
    keeps_copy: bool = False
    unfindable: bool = False

    @property
    def goes_to(self):
        return in_words(self.destinations)

    def record(self):
        state = "never found: spelled with capitals or blanks" if self.unfindable else self.kind
        if self.keeps_copy:
            state = f"{state}, with a copy kept"
        goes_to = [target.address for target in self.destinations if not target.undeliverable]
        return {"mail": state, "mail_goes_to": goes_to}


def outcome(actor, row, alias, lookup, *, then=None):
    """The Outcome for ``row``, a Mailbox or an Alias; ``alias`` is its row in ``alias``, or None.

    ``lookup`` is what ``find_fallbacks(actor, [row], …)`` returned, or a Lookup if the row answers.
    ``then``: what it will be once the row is active (True), inactive or deleted (False); ``lookup`` goes
    on as if it were active.
    """
    unfindable = row.pk != stored_spelling(row.pk)
    if not row.domain.active:
        return Outcome(DOMAIN_OFF, unfindable=unfindable)
    if then:
        alias = lookup.suppose_active(row.pk)
    is_on = row.active if then is None else then
    forwards = alias is not None and (alias.active if then is None else then)
    # About a domain that the actor does not see, nothing is told.
    found = []
    if is_on and row.refuses and not unfindable:
        return Outcome(REFUSED)  # a mailbox that only sends, an alias that is closed or has moved
    if forwards and not unfindable:
        found = destinations(actor, alias, lookup=lookup)
    if any(not target.undeliverable for target in found) and alias.goto != row.pk:
        own = {target.lower() for target in alias.targets} & {row.pk}
        keeps_copy = alias.is_self_alias and is_on and bool(own)
        return Outcome(FORWARDED, tuple(found), keeps_copy)
    match = None if unfindable or then is False else lookup.match(row.pk)
    if match is None or match.row != row.pk:
        answered = getattr(row, "fallback", None) or getattr(row, "hidden_domain", "")
        kind = FALLBACK if answered else HANDED_ON if row.domain.backupmx else REFUSED
        return Outcome(kind, unfindable=unfindable)
    return Outcome(DELIVERED if row.domain.ends_here else HANDED_ON)


def destinations(actor, alias, *, domains=(), lookup=None):
    """A Destination for each target of an Alias, in stored order, without a mailbox's own address and
    PostfixAdmin's away message.

    ``domains`` and ``lookup`` are what the caller has read already: see Lookup.
    """
    targets = alias.targets
    if alias.is_self_alias:
        others = without_away(alias.address, targets)
        targets = [target for target in others if target.lower() != alias.address]
    if not targets:
        return []
    if lookup is None:
        lookup = Lookup(domains)
    lookup.prepare([alias.address], [alias])
    routes = lookup.routes([alias])[alias.address]
    met = {name for route in routes.values() for name in route.domains}
    parsed = [Target.parse(target) for target in targets]
    met |= {target.domain for target in parsed}
    seen = domains_in_sight(actor, met)
    names = {name for target in parsed for name in (target.address, target.bare)}
    rows = lookup.rows(names)
    found = []
    for text, target in zip(targets, parsed, strict=True):
        route = routes.get(target.address)
        to = _destination(text, target, route, rows, seen, lookup)
        found.append(
            replace(to, answers=True) if "#" in text and answers(alias.address, text) else to
        )
    return found


def _destination(text, target, route, rows, seen, lookup):
    domain = lookup.domain(target.domain)
    if route is None:  # the alias itself, alone
        handed_on = lookup.match(target.address) is not None
        server = domain.transport if handed_on else ""
        return Destination(text, EXTERNAL, undeliverable=not handed_on, next_server=server)
    if domain is None or target.domain not in seen:
        return Destination(text, EXTERNAL)
    next_server = "" if domain.ends_here else domain.transport
    undeliverable = not route.deliverable and route.domains <= seen
    if not target.is_plain:  # Postfix reads it itself, as long as the domain is active
        kind = EXTERNAL if domain.active else COVERED
        return Destination(text, kind, "", domain.active, undeliverable, next_server)
    named = []
    for name in dict.fromkeys((target.address, target.bare)):
        alias, mailbox = rows[name]
        if mailbox is not None:
            named.append((not mailbox, MAILBOX, name))
        elif alias is not None:
            named.append((not alias.active, MAILBOX if alias.is_self_alias else ALIAS, name))
    if named:
        inactive, kind, key = min(named, key=lambda row: row[0])
        active = domain.active and not inactive
        # An alias in the target domain is expanded by its own targets.
        server = "" if kind == ALIAS else next_server
        return Destination(text, kind, key, active, undeliverable, server)
    kind = MISSING if undeliverable and domain.active else COVERED
    return Destination(text, kind, "", domain.active, undeliverable, next_server)


def in_words(found):
    if len(found) == 1:
        return str(found[0])
    counts = Counter(
        UNDELIVERABLE if target.undeliverable else HANDED_ON if target.next_server else target.kind
        for target in found
    )
    words = {
        MAILBOX: ngettext("%(n)d mailbox", "%(n)d mailboxes", counts[MAILBOX]),
        ALIAS: ngettext("%(n)d alias", "%(n)d aliases", counts[ALIAS]),
        COVERED: ngettext(
            "%(n)d address of a catch-all or an alias domain",
            "%(n)d addresses of a catch-all or an alias domain",
            counts[COVERED],
        ),
        HANDED_ON: ngettext(
            "%(n)d address that is handed on",
            "%(n)d addresses that are handed on",
            counts[HANDED_ON],
        ),
        EXTERNAL: ngettext("%(n)d external address", "%(n)d external addresses", counts[EXTERNAL]),
        UNDELIVERABLE: ngettext(
            "%(n)d undeliverable address",
            "%(n)d undeliverable addresses",
            counts[UNDELIVERABLE],
        ),
    }
    parts = [text % {"n": counts[kind]} for kind, text in words.items() if counts[kind]]
    return get_text_list(parts, _("and"))


def find_fallbacks(actor, rows, also=(), lookup=None):
    """Set ``row.fallback`` on mailboxes or aliases: the Alias that answers once they do not, or None.

    All ``rows`` are taken as inactive together. A fallback in a domain that the actor does not see is not told;
    ``row.hidden_domain`` names that domain, else it is "". ``row.stopped`` is their Outcome then. Fetch
    ``domain__alias_of__target_domain`` with the rows. Returns the Lookup, which also knows the targets of ``also``,
    Alias rows; ``lookup`` is one that has read some of it already.
    """
    lookup = lookup or Lookup({row.domain for row in rows})
    inactive = {row.pk for row in rows}
    ways = {}
    for row in rows:
        ways[row.pk], row.hidden_domain = _keys_after(actor, row)
    names = {key for keys in ways.values() for key in keys}
    lookup.prepare(names | inactive, [*also, *(row for row in rows if isinstance(row, Alias))])
    found = {
        key: pair for key, pair in lookup.rows(names | inactive).items() if key not in inactive
    }
    aliases = [alias for alias, _mailbox in found.values() if alias and alias.active]
    routes = lookup.routes(aliases, inactive)
    met = {name for way in routes.values() for route in way.values() for name in route.domains}
    seen = domains_in_sight(actor, met)

    def answering(key):
        match = lookup.row_match(key, inactive)
        if match:
            return match.alias or Alias(address=key, goto=key)
        hidden = any(not route.domains <= seen for route in routes.get(key, {}).values())
        return found[key][0] if hidden else None

    for row in rows:
        row.fallback = next(filter(None, map(answering, ways[row.pk])), None)
        row.stopped = outcome(actor, row, None, lookup, then=False)
    return lookup


def fates(rows):
    """Group rows that came through ``find_fallbacks`` by what a page says of them."""
    found = {}
    for row in rows:
        if row.stopped.kind == DOMAIN_OFF:
            fate = (DOMAIN_OFF, row.domain_id)
        elif row.pk == f"@{row.domain_id}":  # a catch-all is about all other names
            fate = (row.pk,)
        else:
            instead = row.fallback.pk if row.fallback else row.domain.backupmx and row.domain_id
            fate = (row.hidden_domain, instead)
        found.setdefault(fate, []).append(row)
    return list(found.values())


def after_switch(actor, row, alias, lookup):
    """A part of a sentence. ``row`` came through ``find_fallbacks``, which returned ``lookup``."""
    return in_a_clause(outcome(actor, row, alias, lookup) if row.active else row.stopped, row)


def in_a_clause(result, row):
    if result.kind == DOMAIN_OFF:
        return _("its domain is off, so mail is refused")
    if result.kind == FORWARDED:
        return _("mail goes to %(goes_to)s") % {"goes_to": result.goes_to}
    if result.kind == DELIVERED:
        return _("mail is delivered")
    if result.kind == REFUSED:
        is_catch_all = row.pk.startswith("@")
        return _("mail for other names is refused") if is_catch_all else _("mail is refused")
    if result.kind == HANDED_ON:
        return _("mail is handed on to the domain’s next server")
    if row.fallback is None:
        return _("mail goes to the same name in %(domain)s, if it exists there") % {
            "domain": row.hidden_domain
        }
    if row.fallback.is_catch_all:
        return _("mail goes to the catch-all instead")
    return _("mail goes to %(instead)s instead") % {"instead": row.fallback}


def missing_role_target(domain):
    """The address that role addresses of ``domain`` lead to, if it does not exist, or "".

    RFC 5321 4.5.1: mail for postmaster must be accepted.
    """
    lookup = Lookup()
    addresses = [f"{role}@{domain.pk}" for role in settings.ROLE_ADDRESSES]
    answers, rows = lookup.answers(addresses), lookup.rows(addresses)
    in_vain = (rows[address][0] for address, match in answers.items() if match is None)
    return next((alias.targets[0] for alias in in_vain if alias and alias.active), "")


def role_target_warning(target):
    return _(
        "Mail for postmaster and the other role addresses is refused: nobody takes mail for %(target)s yet."
        " Create this mailbox, or change the recipients of the role addresses."
    ) % {"target": display_address(target)}


def _keys_after(actor, row):
    address = stored_spelling(row.pk)
    domain = split_address(address)[1]
    link = getattr(row.domain, "alias_of", None)
    target = hidden = ""
    if link is not None and link.active and link.target_domain.active:
        target = link.target_domain_id
    if target and target not in domains_in_sight(actor, [target]):
        target, hidden = "", target
    keys = []
    for name, _domain in map(split_address, keys_of(address)):
        keys += [f"{name}@{host}" for host in (domain, target) if host]
    return keys, hidden
