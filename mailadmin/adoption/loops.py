"""Mail loops that PostfixAdmin's tables hold: what leads where is asked of aliases/lookup.py, with rows from there."""

from types import SimpleNamespace

from aliases.lookup import Lookup
from aliases.loops import all_hops, loop_through
from aliases.models import Alias
from mailadmin.findings.asking import key_of
from mailadmin.findings.found import KEEP, SHOWN, Finding
from panel.addresses import split_address

TOGETHER = 1_000  # aliases that are followed with one Lookup: what it has read is let go then


class OldRows(Lookup):
    """Reads by the old tables' own index, which knows no capitals."""

    def __init__(self, source):
        super().__init__()
        self.source = source

    def _read(self, addresses):
        names = {split_address(address)[1] for address in addresses} - self._domains.keys()
        self._domains |= dict.fromkeys(names)
        links = self._links(names)
        for name, active in self._found("domain", "domain", ("active",), names):
            self._domains[name] = SimpleNamespace(active=active, alias_of=links.get(name))
        unread = set(addresses)
        self._aliases |= dict.fromkeys(unread)
        self._mailboxes |= dict.fromkeys(unread)
        for name, goto, active in self._found("alias", "address", ("goto", "active"), unread):
            self._aliases[name] = Alias(address=name, goto=goto, active=active)
        self._mailboxes |= dict(self._found("mailbox", "username", ("active",), unread))

    def _links(self, names):
        if not self.source.has("alias_domain"):
            return {}
        rows = self._found("alias_domain", "alias_domain", ("target_domain", "active"), names)
        return {
            name: SimpleNamespace(target_domain_id=target.strip().lower(), active=active)
            for name, target, active in rows
        }

    def _found(self, table, key, columns, names):
        # What latin1 does not have is in none of its columns.
        asked = sorted(name for name in names if name.isascii())
        if not asked:
            return []
        return self.source.rows(
            f"SELECT {key_of(key)}, {', '.join(columns)} FROM {self.source.quoted(table)} WHERE {key} IN %s",
            [asked],
        )


def find(source):
    count, examples = 0, []
    for path in _loops(source):
        count += 1
        if len(examples) < SHOWN:
            examples.append(" → ".join(path))
    if not count:
        return None
    return Finding(
        "mail-loops",
        KEEP,
        "Aliases in a mail loop",
        "Kept. Postfix gives up such mail: it reaches nobody. This panel stores no new loops.",
        count,
        examples,
    )


def _loops(source):
    last = ""
    while True:
        # In the order of the table's own index.
        some = source.rows(
            f"SELECT address, {key_of('address')} FROM {source.quoted('alias')} WHERE address > %s AND active = 1"
            f" AND goto <> address ORDER BY address LIMIT {TOGETHER}",
            [last],
        )
        if not some:
            return
        last = some[-1][0]
        starts = [name for _stored, name in some]
        hops = all_hops(starts, OldRows(source))
        for start in starts:
            if path := loop_through(start, hops):
                yield path
