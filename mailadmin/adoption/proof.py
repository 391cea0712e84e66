"""Whether the copy answers as the original does: every map for every address, and what Dovecot reads."""

import random
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from django.conf import settings
from django.db import Error

from aliases.lookup import Lookup
from mailadmin.adoption.copying import as_bytes
from mailadmin.adoption.place import in_database
from mailadmin.findings.asking import key_of
from panel.addresses import split_address

# What PostfixAdmin's documentation puts into main.cf.
MAPS = {
    "domains": "SELECT domain FROM <domain> WHERE domain='%s' AND active='1'",
    "domains without backup MX": "SELECT domain FROM <domain> WHERE domain='%s' AND backupmx='0' AND active='1'",
    "alias": "SELECT goto FROM <alias> WHERE address='%s' AND active='1'",
    "alias domain": "SELECT goto FROM <alias> a,<alias_domain> d WHERE d.alias_domain='%d'"
    " AND a.address=CONCAT('%u','@',d.target_domain) AND a.active='1' AND d.active='1'",
    "alias domain catch-all": "SELECT goto FROM <alias> a,<alias_domain> d WHERE d.alias_domain='%d'"
    " AND a.address=CONCAT('@',d.target_domain) AND a.active='1' AND d.active='1'",
    "mailbox": "SELECT maildir FROM <mailbox> WHERE username='%s' AND active='1'",
    "alias domain mailbox": "SELECT maildir FROM <mailbox> m,<alias_domain> d WHERE d.alias_domain='%d'"
    " AND m.username=CONCAT('%u','@',d.target_domain) AND m.active='1' AND d.active='1'",
    "relay domains": "SELECT domain FROM <domain> WHERE domain='%s' AND active='1'"
    " AND (transport LIKE 'smtp%%' OR transport LIKE 'relay%%')",
    "backup MX": "SELECT domain FROM <domain> WHERE domain='%s' AND backupmx='1'",
    "transport": "SELECT REPLACE(transport,'virtual',':') AS transport FROM <domain> WHERE domain='%s' AND active='1'",
    "sender login": "SELECT username FROM <mailbox> WHERE username='%s' AND active='1'",
}
# Postfix asks them for domains, seldom for whole addresses.
OF_DOMAINS = {"domains", "domains without backup MX", "relay domains", "backup MX", "transport"}
# What Dovecot's two queries read of a mailbox that is on.
READ_BY_DOVECOT = ("password", "maildir", "quota", "active")
KEYS = {"alias": "address", "mailbox": "username", "domain": "domain"}
SAMPLE = 100_000  # keys: more are asked of a part
FEW = 10_000  # variants of very many keys, and addresses that a map of domains is asked for
TOGETHER = 100  # questions in one statement
SHOWN = 20
MOST = 1_000  # mailboxes that differ: more are not counted
DOVECOT, OURS = "Dovecot", "alias.cf of this panel"
ATTEMPTS = 3
MIXED_COLLATIONS = {1267, 1270, 1271}  # of two, three and more texts


@dataclass
class Proof:
    """``differences``: (map, key, before, after). Answers that differ only in letters and blanks are counted apart."""

    questions: int = 0
    spelled: int = 0
    unaskable: int = 0
    differences: list[tuple] = field(default_factory=list)

    def lines(self):
        yield (
            f"{self.questions - len(self.differences):,} look-ups answered the same by both, {self.spelled:,} of them but for capitals and blanks"
        )
        if self.unaskable:
            yield f"{self.unaskable:,} could not be asked of the old tables, which hold no such letters"
        for name, key, before, after in self.differences[:SHOWN]:
            yield f"  {name}: {key}: {before or 'nothing'} before, {after or 'nothing'} now"
        if len(self.differences) > SHOWN:
            yield f"  and {len(self.differences) - SHOWN:,} more"


@dataclass
class Both:
    """The two databases on the connection of ``source``: in ``old`` the tables have the names that they are known by."""

    source: object
    old: str
    new: str

    def of_old(self, table):
        return self._quoted(self.old, self.source.tables[table])

    def of_new(self, table):
        return self._quoted(self.new, table)

    @cached_property
    def blanks(self):
        # Postfix never asked for keys with blanks in front, and now finds them without these.
        found = set()
        for table, column in KEYS.items():
            found |= {
                stored[: len(stored) - len(stored.lstrip())]
                for (stored,) in self.source.rows(
                    f"SELECT {column} FROM {self.of_old(table)} WHERE {column} LIKE ' %'"
                )
            }
        return found

    def _quoted(self, *names):
        return ".".join(map(self.source.connection.ops.quote_name, names))


def prove(both, files=(), track=iter, again=lambda: None):
    """Ask the documented maps and those of ``files`` of both, and compare what Dovecot reads.

    Others write meanwhile: ``again()`` brings what they wrote into the copy, and what differed is asked once more.
    """
    maps = {name: named_as(both.source, query) for name, query in MAPS.items()}
    maps |= {str(path): query_of(path.read_text()) for path in files}
    keys = _keys(both)
    proof = Proof()
    for name, query in track(list(maps.items())):
        asked = _few_addresses(keys) if name in OF_DOMAINS else keys
        _ask_both(both, proof, name, query, asked)
    _compare_mailboxes(both, proof)
    _ask_ours(both, proof)
    for _attempt in range(ATTEMPTS):
        if not proof.differences:
            break
        again()
        differed, proof.differences = proof.differences, []
        for name, query in maps.items():
            if asked := [key for kind, key, *_answers in differed if kind == name]:
                _ask_both(both, proof, name, query, asked)
        for name, compare in ((DOVECOT, _compare_mailboxes), (OURS, _ask_ours)):
            if asked := [key for kind, key, *_answers in differed if kind == name]:
                compare(both, proof, asked)
    return proof


def _ask_both(both, proof, name, query, keys):
    source = both.source
    before, after = (_answers(source, database, query, keys) for database in (both.old, both.new))
    new = {key for key in keys if key not in before and key in after}
    for blank in both.blanks:
        found = _answers(source, both.old, query, [blank + key for key in new])
        before |= {
            name.removeprefix(blank): blank + answer
            for name, answer in found.items()
            if isinstance(answer, str)
        }
    for key in keys:
        _compare(proof, name, key, before.get(key), after.get(key))
    _run_use(source, source.connection.settings_dict["NAME"])


def named_as(source, query):
    return re.sub(r"<(\w+)>", lambda found: source.quoted(found[1]), query)


def query_of(text):
    joined = re.sub(r"\n[ \t]+", " ", text)
    found = re.search(r"(?m)^query[ \t]*=[ \t]*(.+)$", joined)
    if not found:
        raise ValueError("no “query =” in it")
    return found[1].strip()


def filled_in(query, key):
    """``query`` for ``key`` as mysql_table(5) has it; None where Postfix would not ask."""
    local_part, domain = split_address(key)
    values = {"s": key, "u": local_part if local_part or domain else key, "d": domain, "%": "%"}
    if ("%u" in query or "%d" in query) and not (local_part and domain):
        return None
    return re.sub(r"%([sud%])", lambda found: _escaped(values[found[1]]), query)


def _escaped(text):
    return (
        text.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"') if text != "%" else text
    )


def _keys(both):
    found = set()
    for table, column in KEYS.items():
        for quoted, key in ((both.of_old(table), key_of(column)), (both.of_new(table), column)):
            # The smallest digests are a part that is the same at each run.
            found |= {
                row[0]
                for row in both.source.rows(
                    f"SELECT {key} FROM {quoted} ORDER BY MD5({key}) LIMIT {SAMPLE}"
                )
            }
    found.discard("all")
    names = sorted(found)
    chosen = random.Random(0)  # noqa: S311
    if len(names) > SAMPLE:
        names = sorted(chosen.sample(names, SAMPLE))
    aliased = [
        row[0]
        for row in both.source.rows(f"SELECT alias_domain FROM {both.of_new('alias_domain')}")
    ]
    variants = set()
    for name in names:
        local_part, domain = split_address(name)
        if local_part and domain:
            variants |= {
                f"{local_part}+tag@{domain}",
                f"@{domain}",
                domain,
                f"unknown.{local_part}@{domain}",
            }
            if aliased:
                variants.add(f"{local_part}@{chosen.choice(aliased)}")
    extra, room = sorted(variants - found), max(FEW, SAMPLE - len(names))
    return names + (extra if len(extra) <= room else chosen.sample(extra, room))


def _few_addresses(keys):
    addresses = [key for key in keys if "@" in key]
    domains = [key for key in keys if "@" not in key]
    return domains + addresses[:: len(addresses) // FEW + 1]


def _answers(source, database, query, keys):
    """``{key: the rows joined as Postfix does}``; an Error is the answer where the old tables cannot hold the key."""
    _run_use(source, database)
    found = {}
    asked = [(key, text) for key in keys if (text := filled_in(query, key))]
    for start in range(0, len(asked), TOGETHER):
        group = asked[start : start + TOGETHER]
        try:
            found |= _ask(source, group)
        except Error:
            for pair in group:
                try:
                    found |= _ask(source, [pair])
                except Error as error:
                    if error.args[0] not in MIXED_COLLATIONS:
                        raise
                    found[pair[0]] = error
    return found


def _ask(source, group):
    together = " UNION ALL ".join(
        f"(SELECT {number} AS n, q.* FROM ({text}) q)" for number, (_key, text) in enumerate(group)
    )
    found = {}
    for number, *values in source.rows(together):
        key = group[number][0]
        answer = ",".join(str(value) for value in values if value is not None)
        found[key] = f"{found[key]},{answer}" if key in found else answer
    return found


def _run_use(source, database):
    with source.connection.cursor() as cursor:
        cursor.execute(f"USE {source.connection.ops.quote_name(database)}")


def _compare(proof, name, key, before, after):
    proof.questions += 1
    if before == after:
        return
    if isinstance(before, Error):
        proof.unaskable += 1
    elif _plain(before) == _plain(after):
        proof.spelled += 1
    else:
        proof.differences.append((name, key, before, after))


def _plain(answer):
    return sorted(part.strip().lower() for part in (answer or "").split(","))


def _compare_mailboxes(both, proof, only=()):
    unlike = " OR ".join(
        f"NOT ({as_bytes(f'n.{column}')} <=> {as_bytes(f'x.{column}')})"
        for column in READ_BY_DOVECOT
    )
    some, params = _among(key_of("x.username"), only)
    for (name,) in both.source.rows(
        f"SELECT {key_of('x.username')} FROM {both.of_old('mailbox')} x LEFT JOIN {both.of_new('mailbox')} n"
        f" ON n.username = {key_of('x.username')} WHERE (n.username IS NULL OR {unlike}){some} LIMIT {MOST}",
        params,
    ):
        proof.differences.append((DOVECOT, name, "as it was", "something else"))


def _ask_ours(both, proof, only=()):
    names = [name for (name,) in _mailboxes_on(both, only)]
    names += [name for (name,) in _aliases_to_elsewhere(both, only)]
    with in_database(both.new):
        for start in range(0, len(names), 1_000):
            for name, match in Lookup().answers(names[start : start + 1_000]).items():
                proof.questions += 1
                if match is None:
                    proof.differences.append((OURS, name, "delivered", None))


def _mailboxes_on(both, only):
    # without those with the delimiter in their name: who accepts them keeps PostfixAdmin's map for
    # them
    some, params = _among("m.username", only)
    return both.source.rows(
        f"SELECT m.username FROM {both.of_new('mailbox')} m JOIN {both.of_new('domain')} d ON d.domain = m.domain"
        " WHERE m.active = 1 AND d.active = 1 AND m.username LIKE '_%%@_%%'"
        f" AND INSTR(SUBSTRING_INDEX(m.username, '@', 1), %s) < 2{some}"
        f" ORDER BY MD5(m.username) LIMIT {SAMPLE}",
        [settings.RECIPIENT_DELIMITER, *params],
    )


def _aliases_to_elsewhere(both, only):
    some, params = _among("a.address", only)
    return both.source.rows(
        f"SELECT DISTINCT a.address FROM {both.of_new('alias_target')} t"
        f" JOIN {both.of_new('alias')} a ON a.address = t.alias JOIN {both.of_new('domain')} d ON d.domain = a.domain"
        f" LEFT JOIN {both.of_new('domain')} there ON there.domain = t.domain"
        f" WHERE there.domain IS NULL AND a.active = 1 AND d.active = 1 AND a.address LIKE '%%@_%%'{some}"
        f" ORDER BY MD5(a.address) LIMIT {SAMPLE}",
        params,
    )


def _among(column, names):
    return (f" AND {column} IN %s", [tuple(names)]) if names else ("", [])


def files_in(paths):
    found = []
    for path in map(Path, paths):
        try:
            query_of(path.read_text())
        except (OSError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error
        found.append(path)
    return found
