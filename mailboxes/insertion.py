"""Rows as the bin has them, and putting them into their tables again."""

import json

from django.db import connection

from accounts.models import Admin, DomainRole, LogEntry
from aliases.models import Alias, Ending, OwnAlias
from domains.models import AliasDomain, Copy, Domain, DomainAdmin
from mailboxes.deleted_rows import DOMAIN
from mailboxes.endings import today
from mailboxes.keeping import columns_of
from mailboxes.models import Mailbox, SendAs, Share
from panel.addresses import split_address


def insert_stored(model, rows, *, ignore):
    """``ignore``: pass over a row whose key is taken. A column that came later gets its default."""
    if not rows:
        return
    quote = connection.ops.quote_name
    columns = [column for column in columns_of(model) if column in rows[0]]
    names, marks = ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
    word = {"mysql": " IGNORE", "sqlite": " OR IGNORE"}[connection.vendor] if ignore else ""
    sql = f"INSERT{word} INTO {quote(model._meta.db_table)} ({names}) VALUES ({marks})"
    values = [[_text_of(row[column]) for column in columns] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(sql, values)


def _text_of(value):
    # MariaDB puts a column of JSON into the other JSON as it is.
    return json.dumps(value) if isinstance(value, dict | list) else value


def renamed_since(moment, names):
    """Those of ``names`` that were given to a mailbox or an alias since then, which kept its ``created``."""
    entries = LogEntry.objects.filter(
        action__in=["rename_mailbox", "rename_alias"], about__in=names, timestamp__gte=moment
    )
    renames = entries.values_list("changes", flat=True)
    fields = ("username", "address")
    given = {changes[field][1] for changes in renames for field in fields if field in changes}
    return given & set(names)


class Ends:
    """Which rows still join what they joined at the moment of ``deletion``: who has a name since then has nothing to do with it."""

    def __init__(self, deletion):
        self.deletion, self.at = deletion, deletion.at
        self.made = {}  # {(model, name): when}
        self.links = {}  # {alias domain: target domain}
        self.renamed = set()
        self.left_out = set()  # aliases that did not come back with it

    def still_there(self, model, rows):
        test, names = TESTS[model], set()
        for row in rows:
            names |= {value for value in row.values() if isinstance(value, str)}
        self._look_for(names | {split_address(name)[1] for name in names})
        if model in {AliasDomain, Copy}:
            self._look_for_links(names)
        return [row for row in rows if test(self, row)]

    def there(self, addresses):
        self._look_for(addresses)
        return {address for address in addresses if self.is_address(address)}

    def _look_for(self, names):
        self.made = {}
        for one in (Mailbox, Alias, Domain, Admin):
            found = one.objects.filter(pk__in=names).values_list("pk", "created")
            self.made |= {(one, name): made for name, made in found}
        others = [name for name in names if not self.is_own(name)]
        self.renamed = renamed_since(self.at, others)

    def _look_for_links(self, names):
        names |= {split_address(name)[1] for name in names}
        found = AliasDomain.objects.filter(pk__in=names) | AliasDomain.objects.filter(
            target_domain__in=names
        )
        self.links = dict(found.values_list("pk", "target_domain_id"))

    def is_own(self, name):
        """Was it deleted then? It is the same one, whoever had its name meanwhile."""
        own = self.deletion.name
        return own in {name, split_address(name)[1] if self.deletion.kind == DOMAIN else name}

    def is_same(self, model, name):
        made = self.made.get((model, name))
        new = name in self.renamed or (model is Alias and name in self.left_out)
        return made is not None and made <= self.at and not new

    def is_address(self, name):
        """Of a mailbox or an alias, or every name in a domain, ``@example.org``."""
        if name.startswith("@"):
            return self.is_same(Domain, name[1:])
        return self.has_row(name)

    def has_row(self, name):
        return self.is_same(Mailbox, name) or self.is_same(Alias, name)

    def is_copied(self, name):
        local_part, domain = split_address(name)
        if f"{local_part}@{self.links.get(domain, domain)}" in self.left_out:
            return False
        # A name of an alias domain, or for a catch-all, has no row.
        has_row = (Mailbox, name) in self.made or (Alias, name) in self.made
        return self.is_address(name) if has_row else self.is_same(Domain, domain)

    def takes_copies(self, name):
        ours = (Domain, split_address(name)[1]) in self.made
        return not ours or self.is_same(Mailbox, name)

    def makes_no_chain(self, source, target):
        return source not in self.links.values() and target not in self.links


TESTS = {
    SendAs: lambda ends, row: (
        ends.is_same(Mailbox, row["username"]) and ends.is_address(row["sender"])
    ),
    Share: lambda ends, row: (
        ends.is_same(Mailbox, row["owner"]) and ends.is_same(Mailbox, row["person"])
    ),
    OwnAlias: lambda ends, row: (
        ends.is_same(Mailbox, row["username"]) and ends.is_same(Alias, row["address"])
    ),
    Copy: lambda ends, row: ends.is_copied(row["address"]) and ends.takes_copies(row["goto"]),
    # One that is over would end it again within the hour.
    Ending: lambda ends, row: (
        row["last_day"] >= today().isoformat() and ends.has_row(row["address"])
    ),
    AliasDomain: lambda ends, row: (
        ends.is_same(Domain, row["alias_domain"])
        and ends.is_same(Domain, row["target_domain"])
        and ends.makes_no_chain(row["alias_domain"], row["target_domain"])
    ),
    DomainRole: lambda ends, row: ends.is_same(Admin, row["username"]),
    DomainAdmin: lambda ends, row: ends.is_same(Admin, row["username"]),
}
