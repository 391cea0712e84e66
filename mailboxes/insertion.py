"""Rows as the bin has them, and putting them into their tables again."""

import json

from django.db import connection

from accounts.models import Admin
from aliases.models import Alias, OwnAlias
from domains.models import AliasDomain, Copy, Domain, DomainAdmin
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


class Ends:
    """Which rows still join what they joined at the moment ``at``: who has a name since then has nothing to do with it."""

    def __init__(self, at):
        self.at = at
        self.made = {}  # {(model, name): when}

    def still_there(self, model, rows):
        test, names = TESTS[model], set()
        for row in rows:
            names |= {value for value in row.values() if isinstance(value, str)}
        names |= {split_address(name)[1] for name in names}
        for one in (Mailbox, Alias, Domain, Admin):
            found = one.objects.filter(pk__in=names).values_list("pk", "created")
            self.made |= {(one, name): made for name, made in found}
        return [row for row in rows if test(self, row)]

    def is_same(self, model, name):
        made = self.made.get((model, name))
        return made is not None and made <= self.at

    def is_address(self, name):
        """Of a mailbox or an alias, or every name in a domain, ``@example.org``."""
        if name.startswith("@"):
            return self.is_same(Domain, name[1:])
        return self.is_same(Mailbox, name) or self.is_same(Alias, name)

    def is_copied(self, name):
        # A name of an alias domain, or for a catch-all, has no row.
        has_row = (Mailbox, name) in self.made or (Alias, name) in self.made
        return self.is_address(name) if has_row else self.is_same(Domain, split_address(name)[1])

    def takes_copies(self, name):
        ours = (Domain, split_address(name)[1]) in self.made
        return not ours or self.is_same(Mailbox, name)


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
    AliasDomain: lambda ends, row: (
        ends.is_same(Domain, row["alias_domain"]) and ends.is_same(Domain, row["target_domain"])
    ),
    DomainAdmin: lambda ends, row: ends.is_same(Admin, row["username"]),
}
