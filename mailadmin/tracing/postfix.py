"""Postfix's steps for one recipient of a message, with main.cf and master.cf as shipped.

A message from a sender of ours is sent by somebody who signs in (ports 587 and 465), any other one comes in on port 25. smtpd answers
RCPT TO, cleanup makes copies and expands aliases, the queue manager chooses a transport for each address that came of it, and Dovecot
takes what is delivered here. Which key of a map is asked after which: access(5), virtual(5), transport(5). Nothing is said in words here.
"""

import re
from functools import cached_property
from typing import NamedTuple

from django.conf import settings

from aliases.answers import address_in
from aliases.away import away_targets
from aliases.lookup import keys_of
from mailadmin.tracing.maps import QUOTA_STATUS, always_reached, internal_text
from mailboxes.models import Mailbox
from panel.addresses import split_address, split_targets, without_extension

# What becomes of the recipient at RCPT TO. ASKED: the primary server decides; UNTOLD: what the panel, or the actor, does not know.
TAKEN, REFUSED, PUT_OFF, ASKED, UNTOLD = "taken", "refused", "put off", "asked", "untold"
# Why: the kinds of a reply.
SENDER, OWNER, RELAY = "sender rule", "sender's owner", "relay"
UNKNOWN, FULL, CIRCLE, ONLY_SENDS = "unknown user", "full", "circle", "only sends"
CLOSED, MOVED, INTERNAL, MEMBERS = "closed", "moved", "internal", "members"
_SENDS = "5.2.1 This address only sends mail and receives none"  # of recipient_access.cf
# A domain, as trivial-rewrite classes it.
LOCAL, HERE, BACKUP, ELSEWHERE = "this machine", "delivered here", "backup MX", "elsewhere"
# Where an address ends. NOBODY: Dovecot does not know it; NEXT: a transport of the domain; PRIMARY: of a backup MX; THROUGH: a relay host of
# the sender's domain; BOUNCED, THROWN, HELD: Postfix's own error, discard and retry.
BOX, OVERFULL, NOBODY, NEXT, PRIMARY, OUTSIDE, THROUGH, MACHINE, ANOTHER, AWAY = (
    *("mailbox", "full mailbox", "nobody", "handed on", "primary server", "another server"),
    *("relay host", "this machine", "another address", "away message"),
)
BOUNCED, THROWN, HELD = "bounced", "thrown away", "held"
_OWN_SERVICES = {"error": BOUNCED, "discard": THROWN, "retry": HELD}
_ROUTED = re.compile("[@%!]")  # in a local part: another way to write an external address
MOST = 1_000  # virtual_alias_expansion_limit and virtual_alias_recursion_limit


class Step(NamedTuple):
    """``map`` was asked for ``key`` and answered ``answer``, about ``address``, which so leads to ``targets``."""

    name: str
    address: str
    map: str = ""
    key: str = ""
    answer: str = ""
    targets: tuple = ()


class Reply(NamedTuple):
    """What the client is told at RCPT TO: ``code`` is None where another server's word decides."""

    state: str
    code: int | None
    text: str = ""
    why: str = ""


class End(NamedTuple):
    """``by`` is the transport, the relay host, or the user whom Dovecot finds."""

    address: str
    kind: str
    by: str = ""
    used: int = 0
    quota: int = 0


class Endless(Exception):
    pass


class Postfix:
    """The ``steps`` taken, in order. ``targets_of(address)`` returns (key, targets), or None for no answer of the alias map.

    ``sees(domain)``: of an address in any other domain no map is asked, it is ANOTHER.
    """

    def __init__(self, maps, sender=None, *, targets_of=None, sees=lambda _domain: True):
        self.maps, self.sender, self.sees = maps, sender, sees
        self._targets_of = targets_of or self._by_map
        self.steps = []
        self._away = set()
        self._usage = {}

    @cached_property
    def signed_in(self):
        domain = split_address(self.sender or "")[1]
        return bool(domain) and self.sees(domain) and self.domain_class(domain) == HERE

    def prepare(self, address):
        asked = []
        for seen in filter(None, (address, self.sender)):
            domain = split_address(seen)[1]
            if self.sees(domain):
                asked += [("domains", domain), ("relay_domains", domain)]
                copies = "recipient_bcc" if seen == address else "sender_bcc"
                asked += [(copies, key) for key in keys_of(seen)]
        asked += [(name, address) for name in ("relay_recipients", "transport", "sender_lists")]
        asked += [("recipient_access", key) for key in (address, without_extension(address))]
        asked += [("sender_access", key) for key in self._rule_keys()]
        self.maps.learn(asked)

    # --- smtpd: MAIL FROM and RCPT TO

    def reply(self, address):
        return (
            self.sender_reply(address)
            or self._relaying(address)
            or self._access(address)
            or self._listed(address)
            or self._asked(address)
            or self._room(address)
            or Reply(TAKEN, 250, "2.1.5 Ok")
        )

    def sender_reply(self, address):
        refused = self._sender_rule(address)
        return self._owner() if self.signed_in else refused

    def _owner(self):
        """reject_sender_login_mismatch, check_sasl_access: who may sign in, and may send, as the sender."""
        if self._leaves_sight(self.sender):
            return None
        found = self.maps.first("sender_login", keys_of(self.sender))
        logins = [*dict.fromkeys(split_targets(found[1].lower()))] if found else []
        self.maps.learn(("login", login) for login in logins)
        logins = [login for login in logins if self.maps.ask("login", login) == "DUNNO"]
        self._step("owner", self.sender, "sender_login", self.sender, ",".join(logins))
        return None if logins else Reply(REFUSED, 553, "5.7.1 Sender address rejected", OWNER)

    def _leaves_sight(self, address):
        _key, targets = self._targets_of(address) or ("", ())
        return not all(self.sees(split_address(target)[1]) for target in targets)

    def _rule_keys(self):
        """The address, without its extension, its domain and each one above."""
        if not self.sender:
            return []
        labels = split_address(self.sender)[1].split(".")
        domains = [".".join(labels[place:]) for place in range(len(labels))]
        return list(dict.fromkeys((self.sender, without_extension(self.sender), *domains)))

    def _sender_rule(self, address):
        """check_sender_access, which is not asked about mail to postmaster and abuse: the server's rules, then the list of the domain."""
        if _bare_name(address) in always_reached():
            return None
        for name, key, answer in self._rules(address):
            of = "sender rule" if name == "sender_access" else "domain's sender rule"
            self._step(of, self.sender, name, key, answer)
            action, _blank, text = answer.partition(" ")
            if action != "DUNNO":
                state, code = (REFUSED, 554) if action == "REJECT" else (PUT_OFF, 450)
                return Reply(state, code, text or "Access denied", SENDER)
        return None

    def _rules(self, address):
        if found := self.maps.first("sender_access", self._rule_keys()):
            yield "sender_access", *found
        seen = self.sender and self.sees(split_address(address)[1])
        listed = seen and self.maps.ask("sender_lists", address)
        if listed:  # the class senders_NUMBER of main.cf
            key = f"{listed.rpartition('_')[2]} {self.sender}"
            if answer := self.maps.ask("domain_senders", key):
                yield "domain_senders", key, answer

    def _relaying(self, address):
        """reject_unauth_destination: for domains of ours alone, and for no address with another one inside."""
        local_part, domain = split_address(address)
        kind = self.domain_class(domain)
        of_map = {HERE: "domains", BACKUP: "relay_domains"}.get(kind, "")
        self._step(kind, address, of_map, domain, of_map and domain)
        if self.signed_in:
            return None
        if kind == ELSEWHERE or _ROUTED.search(local_part):
            return Reply(REFUSED, 554, "5.7.1 Relay access denied", RELAY)
        return None

    def _access(self, address):
        """check_recipient_access: who may write to the address."""
        keys = dict.fromkeys((address, without_extension(address)))
        found = self.maps.first("recipient_access", keys)
        if not found or found[1] == "DUNNO":
            return None
        code, _blank, text = found[1].partition(" ")
        if not text:
            return self._limited(address, *found)
        why = MOVED if code == "551" else ONLY_SENDS if text == _SENDS else CLOSED
        self._step(why, address, "recipient_access", *found)
        return Reply(REFUSED, int(code), text, why)

    def _limited(self, address, key, answer):
        """The restriction class that was answered: internal_only, or members_NUMBER."""
        kind = INTERNAL if answer == "internal_only" else MEMBERS
        self._step(kind, address, "recipient_access", key, answer)
        if kind == MEMBERS:
            asked = f"{answer.rpartition('_')[2]} {self.sender or '<>'}"
            answer = self.maps.ask("members", asked)
            self._step("member", self.sender or "", "members", asked, answer)
            action, _blank, text = answer.partition(" ")
            if action != "internal_only":
                return Reply(REFUSED, 554, text, MEMBERS) if action == "REJECT" else None
        taken = Reply(TAKEN, 250, "2.1.5 Ok")
        last = taken if self.signed_in else Reply(REFUSED, 554, internal_text(), INTERNAL)
        return self._listed(address) or self._room(address) or last

    def _listed(self, address):
        """reject_unlisted_recipient: whatever virtual_alias_maps answers is known, else a mailbox must be."""
        found, kind = self._targets_of(address), self.domain_class(split_address(address)[1])
        if found:
            self._step("alias", address, "alias", found[0], ",".join(found[1]))
            return None
        if kind == LOCAL:  # local_recipient_maps: accounts and /etc/aliases of the machine
            return Reply(UNTOLD, None)
        if kind != HERE or self.maps.first("mailbox", keys_of(address)):
            return None
        return Reply(REFUSED, 550, "5.1.1 User unknown in virtual mailbox table", UNKNOWN)

    def _asked(self, address):
        """reject_unverified_recipient: the primary server is asked first."""
        answer = self.maps.ask("relay_recipients", address)
        if not answer:
            return None
        self._step("verify", address, "relay_recipients", address, answer)
        return Reply(ASKED, None)

    def _room(self, address):
        """check_policy_service: Dovecot says whether the one mailbox that it finds behind the address is full."""
        user = self.maps.user(without_extension(address), QUOTA_STATUS)
        if user is None or not self.sees(split_address(user.name)[1]):
            return None
        used, quota = self.usage([user.name])[user.name]
        self._step("room", user.name)
        if 0 < quota < used:
            return Reply(REFUSED, 552, "5.2.2 Mailbox is full", FULL)
        return None

    # --- cleanup: copies, aliases

    def with_copies(self, address, recipients):
        copies = self._copy("recipient_bcc", address) + self._copy("sender_bcc", self.sender or "")
        return list(dict.fromkeys([*recipients, *copies]))

    def _copy(self, name, address):
        if not address or not self.sees(split_address(address)[1]):
            return []
        found = self.maps.first(name, keys_of(address))
        if not found:
            return []
        self._step(name, address, name, *found)
        return self.expanded(found[1])

    def expanded(self, address):
        """The addresses that the alias map makes of ``address``: each is asked for again, until it has no answer or answers itself.

        Raises Endless.
        """
        found, ended, place = [address], set(), 0
        while place < len(found):
            for _level in range(MOST):
                here = found[place]
                if here in ended:
                    break
                targets = self._targets(here)
                if targets is None:
                    break
                found[place : place + 1] = targets[:1]
                found += targets[1:]
                if here in targets:
                    ended.add(here)
                if len(found) > MOST:
                    raise Endless
            else:
                raise Endless
            place += 1
        return list(dict.fromkeys(found))

    def _targets(self, address):
        local_part, domain = split_address(address)
        if not self.sees(domain):
            return None
        found = self._targets_of(address)
        if found is None:
            return None
        key, targets = found
        extension = ""
        if not key.startswith("@") and key != address:
            extension = local_part[len(split_address(key)[0]) :]
        away = set(away_targets(key, targets))
        made = [_next(target, local_part, extension) for target in targets]
        self._away |= {_next(target, local_part, extension) for target in away}
        step = Step("leads", address, "alias", key, ",".join(targets), tuple(made))
        if made != [address] and step not in self.steps:
            self.steps.append(step)
        return made

    def _by_map(self, address):
        found = self.maps.first("alias", keys_of(address))
        return found and (found[0], [target.lower() for target in split_targets(found[1])])

    # --- The queue manager: transports; Dovecot

    def ends(self, addresses):
        self.maps.learn(
            (name, key)
            for address in addresses
            if self.sees(split_address(address)[1])
            for name, key in (("transport", address), ("domains", split_address(address)[1]))
        )
        ways = [self._way(address) for address in addresses]
        usage = self.usage([end.by for end in ways if end.kind == BOX])
        ends = []
        for end in ways:
            if end.kind == BOX:
                used, quota = usage[end.by]
                # Above the quota Dovecot takes nothing: quota_grace is for the message that crosses it.
                kind = OVERFULL if 0 < quota < used else BOX
                end = end._replace(kind=kind, used=used, quota=quota)
            ends.append(end)
        return ends

    def _way(self, address):
        domain = split_address(address)[1]
        if address in self._away:
            return End(address, AWAY)
        if not domain:
            return End(address, MACHINE)
        if not self.sees(domain):
            return End(address, ANOTHER)
        transport = self.maps.ask("transport", address)
        if transport:
            self._step("transport", address, "transport", address, transport)
            return End(address, _OWN_SERVICES.get(transport.partition(":")[0], NEXT), transport)
        kind = self.domain_class(domain)
        if kind == LOCAL:
            return End(address, MACHINE)
        if kind == BACKUP:
            return End(address, PRIMARY, domain)
        if kind == ELSEWHERE:
            return self._outside(address)
        user = self.maps.user(without_extension(address))
        return End(address, BOX, user.name) if user else End(address, NOBODY)

    def _outside(self, address):
        server = ""
        if self.sender and self.sees(split_address(self.sender)[1]):
            server = self.maps.ask("relay_hosts", self.sender)
        if not server:
            return End(address, OUTSIDE)
        self._step("relay host", address, "relay_hosts", self.sender, server)
        return End(address, THROUGH, server.partition(":")[2])

    def domain_class(self, domain):
        if domain in {settings.MAIL_HOSTNAME.lower(), "localhost"}:  # mydestination
            return LOCAL
        if self.maps.ask("domains", domain):
            return HERE
        return BACKUP if self.maps.ask("relay_domains", domain) else ELSEWHERE

    def usage(self, names):
        unknown = [name for name in names if name not in self._usage]
        if unknown:
            rows = Mailbox.objects.filter(pk__in=unknown)
            for name, used, quota in rows.values_list("pk", "usage__bytes", "quota"):
                self._usage[name] = used or 0, max(0, quota)
        return self._usage

    def _step(self, *values):
        self.steps.append(Step(*values))


def _bare_name(address):
    return split_address(without_extension(address))[0]


def _next(target, local_part, extension):
    """The address that Postfix reads in a target. ``@example.net``: the same name there."""
    if target.startswith("@"):
        return f"{local_part}{target}"
    user, at, domain = (address_in(target) or target).rpartition("@")
    return f"{user}{extension}@{domain}" if at else f"{domain}{extension}"
