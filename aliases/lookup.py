"""What Postfix's virtual_alias_maps answer for an address, in Python, for the pages.

Postfix runs aliases/sql/functions.sql; this module follows the same rules on rows that it reads in
batches, and the tests compare the two. For ``user+tag@example.org`` Postfix asks for the whole
address, then without the extension, then for ``@example.org``. Each key is answered by the alias
row, else the mailbox, else the same two of that name in the target of an alias domain.
"""

import re
from copy import copy
from typing import NamedTuple

from django.conf import settings

from aliases.access import EVERYBODY, SENDS
from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import Mailbox
from panel.addresses import (
    ANY_EXTENSION,
    PLAIN,
    split_address,
    split_targets,
    with_any_extension,
    without_extension,
)
from panel.prepared import padded, prepared

MAX_LEVELS = 100  # of aliases in a row; panels store far fewer
TOGETHER = 4_096  # names in one statement
_PLAIN = re.compile(f"[{PLAIN}]*(?<![.])")
# Comments, names and quotes beside an address, as in mailboxes/sql.
_BESIDE = re.compile(r'[.]*([<>:;"\s]|[(][^)]*[)]?)|[.]$')


class Target(NamedTuple):
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


class Access(NamedTuple):
    """Who may write to an address: ``row`` is the address of the mailbox or alias that decides, ``kind`` and ``text`` as in aliases/access.py."""

    row: str
    kind: str
    text: str


class Route(NamedTuple):
    deliverable: bool
    domains: frozenset


def keys_of(address):
    local_part, domain = split_address(address)
    whole = [address, without_extension(address)] if local_part else []
    return list(dict.fromkeys([*whole, f"@{domain}"]))


def targets_of(alias):
    if _is_self(alias):
        return []
    return list(dict.fromkeys(map(Target.parse, split_targets(alias.goto))))


class Lookup:
    """Answers from the tables as they are now. A row is read once.

    Three statements for each level of aliases, however many addresses: each method asks for what it needs;
    what is unknown is read together, and the method runs again. ``domains`` are rows
    that the caller has read already, with ``alias_of__target_domain``.
    """

    def __init__(self, domains=()):
        self._domains = {domain.pk: domain for domain in domains}
        self._aliases = {}
        self._mailboxes = {}
        self._only_send = set()
        self._known = set()
        self._unknown = set()

    def know_all(self, domain, aliases, mailboxes):
        """Take all rows of a Domain, which the caller has read; ``mailboxes`` are ``{address: active}``. No other of its addresses exists."""
        self._domains[domain.pk] = domain
        self._aliases |= {alias.address: alias for alias in aliases}
        self._mailboxes |= mailboxes
        self._known.add(domain.pk)

    # --- Questions

    def answers(self, addresses, without=()):
        """``{address: Match or None}``: the answer to the first key that has one.

        ``without``: addresses whose alias and mailbox count as inactive.
        """
        return self._settled(
            lambda: {address: self._answer(address, without) for address in addresses}
        )

    def match(self, key, without=()):
        """The Match for one key, or None: what ``postmap -q`` prints."""
        return self._settled(lambda: self._match(key, without))

    def row_match(self, address, without=()):
        """Return the Match for what the row of this very address answers, or None; its domain is taken as active."""
        return self._settled(lambda: self._row_match(address, address, without))

    def suppose_active(self, address):
        """Take the alias and the mailbox of that name as active from here on; return the alias, or None."""
        alias, mailbox = self.rows([address])[address]
        if alias:
            self._aliases[address] = copy(alias)
            self._aliases[address].active = True
        self._mailboxes[address] = None if mailbox is None else True
        return self._aliases.get(address)

    def routes(self, aliases, without=()):
        self.prepare((), aliases)
        return self._settled(
            lambda: {
                alias.address: {
                    target.address: self._follow(target, alias.address, without)
                    for target in targets_of(alias)
                }
                for alias in aliases
            }
        )

    def hops(self, addresses):
        """``{address: [next addresses]}`` as stored, to find loops.

        Inactive domains count as active: activating one must not close a loop. An address where mail is
        delivered or leaves this server has no next one.
        """
        return self._settled(lambda: {address: self._hops(address) for address in addresses})

    def access(self, address):
        """The Access that deploy/postfix/recipient_access.cf answers with, or None if no row has the name."""
        return self._settled(lambda: self._access(address))

    def domain(self, name):
        return self._settled(lambda: self._domain(name))

    def rows(self, addresses):
        """``{address: (Alias or None, mailbox's ``active`` or None)}``."""
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
        if self._is_listed(address) and address not in without:
            return Match(key, address, alias, (address,))
        if alias and alias.active and address not in without and not _is_self(alias):
            targets = [
                target.address
                for target in targets_of(alias)
                if self._follow(target, address, without).deliverable
            ]
            if targets:
                return Match(key, address, alias, tuple(targets))
        if mailbox and _is_findable(address) and address not in without:
            return Match(key, address, None, (address,))
        return None

    def _access(self, address):
        for key in keys_of(address)[:-1]:
            local_part, name = split_address(key)
            target = _target_of(self._domain(name))
            for row in filter(None, (key, target and f"{local_part}@{target}")):
                alias, mailbox = self._row(row)
                if mailbox:
                    return Access(row, SENDS if row in self._only_send else EVERYBODY, "")
                if alias and alias.active and not alias.is_self_alias:
                    return Access(row, alias.access, alias.access_text)
        return None

    def _is_listed(self, address):
        alias, mailbox = self._row(address)
        if alias is None or not alias.active or not _is_self(alias) or alias.is_catch_all:
            return False
        domain = self._domain(split_address(address)[1])
        no_mailbox = mailbox is None or not _is_findable(address)
        return no_mailbox and domain is not None and not domain.ends_here

    def _follow(self, start, own, without):
        seen, todo, domains = {start}, [start], set()
        while todo:
            target = todo.pop()
            domains.add(target.domain)
            # The alias's own mailbox may be among its targets, but nothing comes back to it.
            closed = set(without) - {own} if target is start else {own, *without}
            taken = self._is_taken(target, closed)
            if taken:
                return Route(True, frozenset(domains))
            if taken is None or own in (target.address, target.bare):
                continue
            following, visited = self._expand(target, own, without)
            domains |= visited
            if following is True:
                return Route(True, frozenset(domains))
            todo += [found for found in following if found not in seen]
            seen.update(following)
        return Route(False, frozenset(domains))

    def _is_taken(self, target, closed):
        """True: deliverable. False: to be followed. None: its domain is inactive."""
        domain = self._domain(target.domain)
        if domain is None:
            return True
        if not domain.active:
            return None
        if not domain.ends_here or not target.is_plain:
            return True
        return bool(self._row(target.bare)[1]) and target.bare not in closed

    def _expand(self, target, own, without):
        """(targets of the first alias that answers, the domains passed).

        The targets are True for a mailbox in an alias domain's target, if no alias comes before it.
        """
        other = _target_of(self._domain(target.domain))
        domains = {other} if other else set()
        for form in keys_of(target.address):
            local_part = split_address(form)[0]
            for name in filter(None, (target.domain, other)):
                address = f"{local_part}@{name}"
                alias, mailbox = self._row(address)
                if name == other and self._is_listed(address) and address not in without:
                    return True, domains
                same_name = name == other and form == target.bare
                if same_name and mailbox and address != own and address not in without:
                    return True, domains
                if alias and alias.active and not _is_self(alias) and address not in without:
                    return ([] if address == own else targets_of(alias)), domains
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
                hops = [hop for hop in hops if hop != address]
                if extension.endswith(ANY_EXTENSION):  # one extension more is any, too
                    hops = [
                        with_any_extension(hop) if _goes_on(hop, extension) else hop for hop in hops
                    ]
                return hops
            if mailbox:
                return []
            if other:
                alias, mailbox = self._row(f"{key_name}@{other}")
                if (alias and alias.active) or mailbox:
                    return [f"{local_part}@{other}"]
        return []

    # --- The rows

    def prepare(self, addresses, aliases):
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
        if address not in self._mailboxes and split_address(address)[1] not in self._known:
            self._unknown.add(address)
        return self._aliases.get(address), self._mailboxes.get(address)

    def _read(self, addresses):
        addresses = {a for a in addresses if split_address(a)[1] not in self._known}
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
            for address, active, receives in _in_batches(_mailboxes, named):
                self._mailboxes[address] = active
                if not receives:
                    self._only_send.add(address)


def _in_batches(ask, names):
    names = sorted(names)
    for first in range(0, len(names), TOGETHER):
        yield from ask(*padded(names[first : first + TOGETHER]))


@prepared
def _domains(*names):
    return Domain.objects.select_related("alias_of__target_domain").filter(pk__in=names)


@prepared
def _aliases(*addresses):
    columns = ("address", "goto", "domain", "active", "is_self_alias", "access", "access_text")
    return Alias.objects.only(*columns).filter(pk__in=addresses)


@prepared
def _mailboxes(*addresses):
    return Mailbox.objects.filter(pk__in=addresses).values_list("pk", "active", "receives")


def _is_findable(address):
    # Dovecot would look for the name before a recipient delimiter
    return settings.RECIPIENT_DELIMITER not in split_address(address)[0][1:]


def _is_self(alias):
    return alias.goto.rstrip(" ") == alias.address


def _target_of(domain):
    link = getattr(domain, "alias_of", None) if domain else None
    return link.target_domain_id if link and link.active and link.target_domain.active else ""


def _goes_on(hop, extension):
    return split_address(hop)[0].endswith(extension)


def _next(target, local_part, extension):
    if target.startswith("@"):  # the same name in another domain
        return f"{local_part}{target}"
    user, at, domain = target.partition("@")
    return f"{user}{extension}{at}{domain}"
