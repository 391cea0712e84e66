import re
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection

from aliases.lookup import Lookup, keys_of
from domains.models import Domain
from mailadmin import shipped
from mailadmin.importing.plan import in_groups
from panel.addresses import split_address, without_extension

SAMPLE = 100_000  # addresses: of more, a part is asked
SHOWN = 20
LEVELS = 50
HERE, OFF, ELSEWHERE = "here", "off", "elsewhere"
MAIL = "mail"  # what is asked; the others are names of queries
UNKNOWN = "nobody-of-this-name"
QUERIES = shipped.DEPLOY / "dovecot" / "2.3" / "mailadmin-sql.conf.ext"
TOGETHER = 100  # of Dovecot's questions in one statement


@dataclass
class Proof:
    """``differences``: (what was asked, address, there, here)."""

    asked: str
    addresses: int = 0
    mailboxes: int = 0
    differences: list[tuple] = field(default_factory=list)

    @property
    def gained(self):
        """Those for whom nobody gets mail there and somebody does here."""
        return [row for row in self.differences if row[0] == MAIL and not row[2]]

    def lines(self):
        yield "Proof"
        if self.asked:
            same = self.addresses - sum(asked == MAIL for asked, *_rest in self.differences)
            yield f"  {same:,} of {self.addresses:,} addresses lead to the same recipients here as by {self.asked}"
        if self.mailboxes:
            other = {name for asked, name, *_rest in self.differences if asked != MAIL}
            same = self.mailboxes - len(other)
            yield f"  {same:,} of {self.mailboxes:,} mailboxes have the same password, directory and quota in Dovecot's queries"
        if self.differences:
            yield "  Not these:"
        for asked, address, there, here in self.differences[:SHOWN]:
            yield f"    {asked}: {address}: {_words(there)} there, {_words(here)} here"
        if len(self.differences) > SHOWN:
            yield f"    and {len(self.differences) - SHOWN:,} more"

    def record(self):
        return {
            "addresses": self.addresses,
            "mailboxes": self.mailboxes,
            "differences": [
                {"asked": asked, "address": address, "there": _words(there), "here": _words(here)}
                for asked, address, there, here in self.differences
            ],
        }


def _words(answer):
    return (", ".join(sorted(answer)) if isinstance(answer, set) else answer) or "nobody"


def prove(plan, unknown):
    """``unknown`` is what was stored in place of a password that could not come along."""
    proof = Proof(plan.reader.asked)
    if proof.asked:
        source = There(plan)
        for group in in_groups(_addresses(plan)):
            there = recipients(group, source)
            here = recipients(group, Here())
            proof.addresses += len(group)
            proof.differences += [
                (MAIL, address, there[address], here[address])
                for address in group
                if there[address] != here[address]
            ]
    if connection.vendor == "mysql":
        _read_by_dovecot(plan, proof, unknown)
    return proof


def _addresses(plan):
    for (address,) in plan.spool.rows(
        "SELECT address FROM mailbox UNION SELECT address FROM target WHERE address NOT LIKE '@%'"
        f" UNION SELECT '{UNKNOWN}@' || name FROM domain"
        " UNION SELECT SUBSTR(x.address, 1, INSTR(x.address, '@')) || d.name FROM alias_domain d JOIN"
        " (SELECT address, domain FROM mailbox UNION SELECT address, domain FROM target WHERE address NOT LIKE '@%') x"
        f" ON x.domain = d.target ORDER BY 1 LIMIT {SAMPLE}"
    ):
        yield address


class There:
    def __init__(self, plan):
        self.reader, self.spool = plan.reader, plan.spool
        self.states = {}  # of domains

    def steps(self, addresses):
        keys = sorted({key for address in addresses for key in keys_of(address)})
        found = self.reader.answers(keys)
        return {
            address: next((found[key] for key in keys_of(address) if key in found), None)
            for address in addresses
        }

    def taken(self, addresses):
        states = {address: self._state(split_address(address)[1]) for address in addresses}
        local = {address for address in addresses if states[address] == HERE}
        bare = {address: without_extension(address) for address in local}
        boxes = self._mailboxes(sorted({*local, *bare.values()}))
        return {
            address
            for address in addresses
            if states[address] == ELSEWHERE
            or (address in local and {address, bare[address]} & boxes)
        }

    def _mailboxes(self, keys):
        found = self.reader.mailboxes(keys)
        if found is not None:
            return found
        there = "SELECT COUNT(*) FROM mailbox WHERE address = ? AND active"
        return {key for key in keys if self.spool.one(there, key)}

    def _state(self, name):
        if name not in self.states:
            off = "SELECT COUNT(*) FROM domain WHERE name = ? AND NOT active"
            if self.reader.is_here(name):
                self.states[name] = HERE
            else:
                self.states[name] = OFF if self.spool.one(off, name) else ELSEWHERE
        return self.states[name]


class Here:
    def __init__(self):
        self.lookup = Lookup()

    def steps(self, addresses):
        return {
            address: list(match.targets) if match else None
            for address, match in self.lookup.answers(addresses).items()
        }

    def taken(self, addresses):
        names = {split_address(address)[1] for address in addresses}
        domains = Domain.objects.in_bulk(names)
        matches = self.lookup.answers(addresses)
        found = set()
        for address in addresses:
            domain = domains.get(split_address(address)[1])
            if matches[address] or domain is None or (domain.active and not domain.ends_here):
                found.add(address)
        return found


def recipients(addresses, side):
    """``{address: the set of those who get its mail at last}``."""
    steps, level = {}, list(addresses)
    for _level in range(LEVELS):
        steps |= {address: _next(address, to) for address, to in side.steps(level).items()}
        reached = {target for address in level for target in steps[address] or ()}
        level = sorted(reached - steps.keys())
        if not level:
            break
    ends = [address for address, to in steps.items() if not to or address in to]
    taken = side.taken(ends)
    found = {}
    for start in addresses:
        todo, seen, last = [start], set(), set()
        while todo:
            address = todo.pop()
            if address in seen:
                continue
            seen.add(address)
            if address in taken:
                last.add(address)
            todo += [target for target in steps.get(address) or () if target != address]
        found[start] = last
    return found


def _next(address, targets):
    local_part, _domain = split_address(address)
    return [
        f"{local_part}{target}" if target.startswith("@") else target.lower()
        for target in targets or ()
    ]


# --- What Dovecot reads


def _read_by_dovecot(plan, proof, unknown):
    root = settings.VMAIL_ROOT.rstrip("/")
    asked = (_query("password_query", root), _query("user_query", root))
    rows = plan.spool.rows(
        "SELECT m.* FROM mailbox m JOIN domain d ON d.name = m.domain WHERE m.active AND d.active"
        f" ORDER BY m.address LIMIT {SAMPLE}"
    )
    for group in in_groups(rows, TOGETHER):
        names = [row["address"] for row in group]
        passwords, users = (_ask(query, names) for query in asked)
        for row in group:
            address = row["address"]
            secret = row["hash"] if row["hash"] and row["may_sign_in"] else unknown
            quota = f"*:bytes={row['quota']}"
            proof.mailboxes += 1
            name, stored, home, rule, *_groups = passwords.get(address, [None] * 4)
            same_home = not row["maildir"] or home == f"{root}/{row['maildir']}"
            if (name, stored, rule) != (address, secret, quota) or not same_home:
                proof.differences.append(("password_query", address, "as it was", "something else"))
            if users.get(address, ())[:3] != (address, home, rule):
                proof.differences.append(("user_query", address, "as it was", "something else"))


def _query(name, root):
    text = QUERIES.read_text().replace("\\\n", "")
    query = re.search(rf"(?m)^{name} = (.*)$", text)[1]
    ids = {"UID": str(settings.VMAIL_UID), "GID": str(settings.VMAIL_GID)}
    for marker, value in {"ROOT": root, **ids}.items():
        query = query.replace(f"@VMAIL_{marker}@", value)
    return query


def _ask(query, names):
    together = " UNION ALL ".join(f"({_filled(query, name)})" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(together)
        return {row[0]: row for row in cursor.fetchall()}


def _filled(query, address):
    local_part, domain = split_address(address)
    values = {"u": address, "n": local_part, "d": domain, "s": "imap"}
    # Names of mailboxes have no backslash; Django takes a statement without parameters as it is.
    return re.sub(r"%([unds])", lambda found: values[found[1]].replace("'", "''"), query)
