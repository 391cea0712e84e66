"""What Postfix's virtual_alias_maps answer for an address, in Python, for the pages.

Postfix runs aliases/sql/functions.sql; this module follows the same rules on rows that it reads in
batches, and the tests compare the two. For ``user+tag@example.org`` Postfix asks for the whole
address, then without the extension, then for ``@example.org``. Each key is answered by the alias
row, else the mailbox, else the same two of that name in the target of an alias domain.
"""

import re
from typing import NamedTuple

from django.conf import settings

from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import Mailbox
from panel.addresses import PLAIN, split_address, split_targets, without_extension
from panel.prepared import padded, prepared

MAX_LEVELS = 100  # of aliases one behind the other; panels store far fewer
TOGETHER = 4_096  # names in one statement
_PLAIN = re.compile(f"[{PLAIN}]*(?<![.])")
# Comments, names and quotes beside an address, as in mailboxes/sql.
_BESIDE = re.compile(r'[.]*([<>:;"\s]|[(][^)]*[)]?)|[.]$')


class Target(NamedTuple):
    """One target of an alias: ``domain`` is the domain that Postfix reads in it."""

    address: str
    bare: str
    domain: str

    @classmethod
    def parse(cls, text):
        address = text.lower()[:255]
        named = _BESIDE.sub("", address).rpartition("@")[2].rpartition("%")[2].partition("!")[0]
        return cls(address, without_extension(address), named)

    @property
    def is_plain(self):
        return not self.address.startswith("@") and bool(_PLAIN.fullmatch(self.address))


class Match(NamedTuple):
    """An answer: ``key`` is what Postfix asked for, ``row`` the address of the row that answers.

    ``alias`` is that row, or None for a mailbox that answers as itself. ``targets`` are those
    that are deliverable.
    """

    key: str
    row: str
    alias: Alias | None
    targets: tuple


class Route(NamedTuple):
    """Whether somebody takes mail for a target, and the domains whose rows the mail meets."""

    deliverable: bool
    domains: frozenset


def keys_of(address):
    """Return the keys that Postfix asks for, in turn."""
    local_part, domain = split_address(address)
    whole = [address, without_extension(address)] if local_part else []
    return list(dict.fromkeys([*whole, f"@{domain}"]))


def targets_of(alias):
    """Return the parsed targets of an alias row, without repetitions; none if it is only itself."""
    if _is_self(alias):
        return []
    return list(dict.fromkeys(map(Target.parse, split_targets(alias.goto))))


class Lookup:
    """Answers from the tables as they are now; a row is read once.

    Three statements a level of aliases, however many addresses are asked for: each method asks
    what it needs, and what was not known yet is read together before it asks again. ``domains`` are
    rows that the caller has read already, with ``alias_of__target_domain``.
    """

    def __init__(self, domains=()):
        self._domains = {domain.pk: domain for domain in domains}
        self._aliases = {}
        self._mailboxes = {}
        self._unknown = set()

    # --- Questions

    def answers(self, addresses, without=()):
        """Return ``{address: Match or None}``, the answer to the first key that has one.

        ``without`` are addresses whose alias and mailbox are taken as inactive.
        """
        return self._settled(
            lambda: {address: self._answer(address, without) for address in addresses}
        )

    def match(self, key, without=()):
        """Return the Match for one key, or None: what ``postmap -q`` prints."""
        return self._settled(lambda: self._match(key, without))

    def routes(self, aliases, without=()):
        """Return ``{alias address: {target: Route}}`` of Alias rows."""
        self.prepare((), aliases)
        return self._settled(
            lambda: {
                alias.address: {
                    target.address: self._follow(target, {alias.address}, without)
                    for target in targets_of(alias)
                }
                for alias in aliases
            }
        )

    def hops(self, addresses):
        """Return ``{address: [next addresses]}`` as written, for loops.

        Inactive domains count as active: what is switched on again must not loop either. An
        address where mail stays or leaves has no next one.
        """
        return self._settled(lambda: {address: self._hops(address) for address in addresses})

    def domain(self, name):
        """Return the Domain of that name, with ``alias_of``, or None for one that is not ours."""
        return self._settled(lambda: self._domain(name))

    def rows(self, addresses):
        """Return ``{address: (Alias or None, state of the mailbox or None)}``."""
        return self._settled(lambda: {address: self._row(address) for address in addresses})

    # --- The rules

    def _answer(self, address, without):
        matches = (self._match(key, without) for key in keys_of(address))
        return next((match for match in matches if match), None)

    def _match(self, key, without):
        local_part, name = split_address(key)
        domain = self._domain(name)
        if domain is None or not domain.active:
            return None
        match = self._row_match(key, key, without)
        target = _target_of(domain)
        if match is None and target:
            match = self._row_match(f"{local_part}@{target}", key, without)
        return match

    def _row_match(self, address, key, without):
        alias, mailbox = self._row(address)
        if alias and alias.active and address not in without and not _is_self(alias):
            targets = [
                target.address
                for target in targets_of(alias)
                if self._follow(target, {address, key}, without).deliverable
            ]
            if targets:
                return Match(key, address, alias, tuple(targets))
        # Dovecot would look for the name before a recipient delimiter.
        local_part = split_address(key)[0]
        findable = settings.RECIPIENT_DELIMITER not in local_part[1:]
        if mailbox and findable and address not in without:
            return Match(key, address, None, (address,))
        return None

    def _follow(self, start, barred, without):
        """Follow one target to somebody who takes the mail, but never through ``barred`` addresses."""
        seen, todo, domains = {start}, [start], set()
        while todo:
            target = todo.pop()
            domains.add(target.domain)
            # The alias's own mailbox may be among its targets, but nothing comes back to it.
            closed = set(without) - barred if target is start else barred | set(without)
            taken = self._is_taken(target, closed)
            if taken:
                return Route(True, frozenset(domains))
            if taken is None or {target.address, target.bare} & barred:
                continue
            following, visited = self._expand(target, barred, without)
            domains |= visited
            if following is True:
                return Route(True, frozenset(domains))
            todo += [found for found in following if found not in seen]
            seen.update(following)
        return Route(False, frozenset(domains))

    def _is_taken(self, target, closed):
        """True: somebody takes the mail; False: to be followed; None: the domain is inactive."""
        domain = self._domain(target.domain)
        if domain is None:
            return True
        if not domain.active:
            return None
        if not domain.ends_here or not target.is_plain:
            return True
        return bool(self._row(target.bare)[1]) and target.bare not in closed

    def _expand(self, target, barred, without):
        """Return (the targets of the first alias that answers, the domains met).

        True stands for a mailbox in the target of an alias domain, if no alias comes before it.
        """
        other = _target_of(self._domain(target.domain))
        domains = {other} if other else set()
        for form in keys_of(target.address):
            local_part = split_address(form)[0]
            for name in filter(None, (target.domain, other)):
                address = f"{local_part}@{name}"
                alias, mailbox = self._row(address)
                twin = name == other and form == target.bare
                if twin and mailbox and address not in barred and address not in without:
                    return True, domains
                if alias and alias.active and not _is_self(alias) and address not in without:
                    return ([] if address in barred else targets_of(alias)), domains
        return [], domains

    def _hops(self, address):
        local_part, name = split_address(address)
        domain = self._domain(name)
        if domain is None:
            return []
        link = getattr(domain, "alias_of", None)
        other = link.target_domain_id if link and link.active else ""
        for key in keys_of(address):
            key_name = split_address(key)[0]
            alias, mailbox = self._row(key)
            if alias and alias.active:
                # Postfix adds an extension that the key lacks to each target.
                extension = local_part[len(key_name) :] if key_name else ""
                hops = [_next(target.lower(), local_part, extension) for target in alias.targets]
                # What leads to itself is delivered there: Postfix stops.
                return [hop for hop in hops if hop != address]
            if mailbox:
                return []
            if other:
                alias, mailbox = self._row(f"{key_name}@{other}")
                if (alias and alias.active) or mailbox:
                    return [f"{local_part}@{other}"]
        return []

    # --- The rows

    def prepare(self, addresses, aliases):
        """Read ``addresses`` together with the targets of ``aliases``, Alias rows."""
        self._aliases |= {alias.address: alias for alias in aliases}
        targets = {target for alias in aliases for target in targets_of(alias)}
        named = {name for t in targets for name in (t.address, t.bare, f"@{t.domain}")}
        self._read({*addresses, *named} - self._mailboxes.keys())

    def _settled(self, ask):
        for _level in range(MAX_LEVELS):
            self._unknown = set()
            answer = ask()
            if not self._unknown:
                break
            self._read(self._unknown)
        return answer

    def _domain(self, name):
        if name not in self._domains:
            self._unknown.add(f"@{name}")
        return self._domains.get(name)

    def _row(self, address):
        if address not in self._mailboxes:
            self._unknown.add(address)
        return self._aliases.get(address), self._mailboxes.get(address)

    def _read(self, addresses):
        """Read what is not known of ``addresses`` and their domains, in three statements."""
        names = {split_address(address)[1] for address in addresses} - self._domains.keys()
        if names:
            self._domains |= dict.fromkeys(names)
            self._domains |= {row.pk: row for row in _in_batches(_domains, names)}
        ours = {a for a in addresses if self._domains[split_address(a)[1]] is not None}
        unread = ours - self._aliases.keys()
        if unread:
            self._aliases |= dict.fromkeys(unread)
            self._aliases |= {row.pk: row for row in _in_batches(_aliases, unread)}
        named = {a for a in ours if not a.startswith("@")} - self._mailboxes.keys()
        self._mailboxes |= dict.fromkeys(addresses)
        if named:
            self._mailboxes |= dict(_in_batches(_mailboxes, named))


def _in_batches(ask, names):
    names = sorted(names)
    for first in range(0, len(names), TOGETHER):
        yield from ask(*padded(names[first : first + TOGETHER]))


@prepared
def _domains(*names):
    return Domain.objects.select_related("alias_of__target_domain").filter(pk__in=names)


@prepared
def _aliases(*addresses):
    columns = ("address", "goto", "domain", "active", "is_self_alias")
    return Alias.objects.only(*columns).filter(pk__in=addresses)


@prepared
def _mailboxes(*addresses):
    return Mailbox.objects.filter(pk__in=addresses).values_list("pk", "active")


def _is_self(alias):
    return alias.goto.rstrip(" ") == alias.address


def _target_of(domain):
    """The name of the active domain that ``domain``, an active alias domain, leads to, or ""."""
    link = getattr(domain, "alias_of", None) if domain else None
    return link.target_domain_id if link and link.active and link.target_domain.active else ""


def _next(target, local_part, extension):
    if target.startswith("@"):  # the same name in another domain
        return f"{local_part}{target}"
    user, at, domain = target.partition("@")
    return f"{user}{extension}{at}{domain}"
