"""What a page says happens to mail: where targets lead, and who answers when a row stops.

Asked of aliases/lookup.py, so a page says what Postfix does. Of domains that the actor does not see
nothing is told: not what exists there, nor what is active.
"""

from collections import Counter
from dataclasses import dataclass

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aliases.lookup import Lookup, Target
from aliases.models import Alias
from panel.addresses import display_address, split_address, without_extension
from panel.scoping import domains_in_sight

MAILBOX, ALIAS, COVERED, MISSING, EXTERNAL = "mailbox", "alias", "covered", "missing", "external"
UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True)
class Destination:
    """A target of an alias or a forwarding. ``key`` is the row of ours that it names, if any.

    ``covered`` targets have no row of their own: a catch-all or an alias domain answers. One that
    is ``undeliverable`` is left out by the alias map: nobody takes mail for it.
    """

    address: str
    kind: str
    key: str = ""
    active: bool = True
    undeliverable: bool = False

    def __str__(self):
        return display_address(self.address)


def destinations(actor, alias, *, domains=(), lookup=None):
    """Return a Destination for each target of an Alias row, in stored order; a mailbox's own is left out.

    ``domains`` and ``lookup`` are what the caller has read already: see Lookup.
    """
    targets = alias.targets
    if alias.of_mailbox:
        targets = [target for target in targets if target != alias.address]
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
        found.append(_destination(text, target, route, rows, seen, lookup))
    return found


def _destination(text, target, route, rows, seen, lookup):
    if route is None:
        return Destination(text, EXTERNAL, undeliverable=True)  # the alias itself, alone
    domain = lookup.domain(target.domain)
    if domain is None or target.domain not in seen:
        return Destination(text, EXTERNAL)
    undeliverable = not route.deliverable and route.domains <= seen
    if not target.is_plain:  # Postfix reads it itself, as long as the domain is active
        kind = EXTERNAL if domain.active else COVERED
        return Destination(text, kind, "", domain.active, undeliverable)
    named = []
    for name in dict.fromkeys((target.address, target.bare)):
        alias, mailbox = rows[name]
        if mailbox is not None:
            named.append((not mailbox, MAILBOX, name))
        elif alias is not None:
            named.append((not alias.active, MAILBOX if alias.of_mailbox else ALIAS, name))
    if named:
        inactive, kind, key = min(named, key=lambda row: row[0])
        return Destination(text, kind, key, domain.active and not inactive, undeliverable)
    kind = MISSING if undeliverable and domain.active else COVERED
    return Destination(text, kind, "", domain.active, undeliverable)


def in_words(found):
    """Return "2 mailboxes and 1 external address", or the address itself if it is the only one."""
    if len(found) == 1:
        return str(found[0])
    counts = Counter(UNDELIVERABLE if target.undeliverable else target.kind for target in found)
    words = {
        MAILBOX: ngettext("%(n)d mailbox", "%(n)d mailboxes", counts[MAILBOX]),
        ALIAS: ngettext("%(n)d alias", "%(n)d aliases", counts[ALIAS]),
        COVERED: ngettext(
            "%(n)d address of a catch-all or an alias domain",
            "%(n)d addresses of a catch-all or an alias domain",
            counts[COVERED],
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


def find_fallbacks(actor, rows, also=()):
    """Set ``row.fallback`` on mailboxes or aliases: the Alias that answers when they do not, or None.

    They stop answering together, or lead to nobody already. What answers in an alias domain's
    target that the actor does not see is left out, and that domain is ``row.hidden_domain``, else
    "". Fetch ``domain__alias_of__target_domain`` with the rows. Returns the Lookup, which knows
    these rows, and the targets of ``also``, Alias rows.
    """
    lookup, stopped = Lookup({row.domain for row in rows}), {row.pk for row in rows}
    ways = {}
    for row in rows:
        ways[row.pk], row.hidden_domain = _keys_after(actor, row)
    names = {key for keys in ways.values() for key in keys}
    lookup.prepare(names | stopped, [*also, *(row for row in rows if isinstance(row, Alias))])
    found = {key: pair for key, pair in lookup.rows(names | stopped).items() if key not in stopped}
    aliases = [alias for alias, _mailbox in found.values() if alias and alias.active]
    routes = lookup.routes(aliases, stopped)
    met = {name for way in routes.values() for route in way.values() for name in route.domains}
    seen = domains_in_sight(actor, met)

    def answering(key):
        alias, mailbox = found.get(key, (None, None))
        if mailbox:
            return alias or Alias(address=key, goto=key)
        leads = alias and any(
            route.deliverable or not route.domains <= seen for route in routes.get(key, {}).values()
        )
        return alias if leads else None

    for row in rows:
        row.fallback = next(filter(None, map(answering, ways[row.pk])), None)
    return lookup


def _keys_after(actor, row):
    """What Postfix asks for after ``row``, in turn.

    And the alias domain's target, if it is none of the actor's domains: of its addresses nothing is told.
    """
    local_part, domain = split_address(row.pk)
    link = getattr(row.domain, "alias_of", None)
    target = hidden = ""
    if link is not None and link.active and link.target_domain.active:
        target = link.target_domain_id
    if target and actor.limited_to and target not in actor.limited_to:
        target, hidden = "", target
    keys = []
    for name in dict.fromkeys((local_part, split_address(without_extension(row.pk))[0], "")):
        keys += [f"{name}@{host}" for host in (domain, target) if host]
    return keys, hidden
