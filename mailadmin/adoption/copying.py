"""What of PostfixAdmin's rows goes into which column, as SQL: for the copy, and for what was written since."""

from mailadmin.adoption.place import KEYS_TABLE
from mailadmin.adoption.source import SHARED
from mailadmin.findings.asking import key_of
from mailadmin.findings.names import MADE_HERE

UNKNOWN = "2000-01-01 00:00:00"
TOGETHER = 20_000  # rows of a table that are copied in one transaction
# The primary key of each table, and its columns that are addresses, names or domains.
KEYS = {
    "domain": ("domain", {"domain"}),
    "admin": ("username", {"username"}),
    "domain_admins": ("id", {"username", "domain"}),
    "alias_domain": ("alias_domain", {"alias_domain", "target_domain"}),
    "mailbox": ("username", {"username"}),
    "alias": ("address", {"address"}),
    "quota2": ("username", {"username"}),
    "log": ("id", set()),
    "dkim": ("id", {"domain_name"}),
    "dkim_signing": ("id", {"author"}),
    "totp_exception_address": ("id", {"username"}),
    "mailbox_app_password": ("id", {"username"}),
    "vacation": ("email", {"email"}),
    "fetchmail": ("id", {"mailbox", "domain"}),
}
# What only people read: on the way back a sign that the old column does not know becomes a question mark there.
READ_BY_PEOPLE = {"name", "description", "phone", "data", "subject", "body"}
UNKNOWN_THERE = {
    "utf8mb3": r"[^\\x{0}-\\x{FFFF}]",
    # It is Windows' in MariaDB and MySQL.
    "latin1": r"[^\\x{0}-\\x{7F}\\x{A0}-\\x{FF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]",
}
SESSION = (
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",  # else INSERT … SELECT locks what it reads
    "SET SESSION sql_mode = 'STRICT_TRANS_TABLES', foreign_key_checks = 0, unique_checks = 0, lock_wait_timeout = 30",
)


def as_bytes(expression):
    """What a client is sent, whatever character set the column has."""
    return f"BINARY CONVERT({expression} USING utf8mb4)"


class Copied:
    """One table on its way into ``new``; ``old`` returns the quoted name of a table of PostfixAdmin's.

    ``columns`` are those that both have, ``kinds`` the types there and ``charsets`` their character sets; ``listed`` is a
    table for keys.
    """

    def __init__(self, name, old, new, columns, kinds, charsets, listed):
        self.name, self.old, self.new = name, old(name), new
        self.accounts, self.rights = old("admin"), old("domain_admins")
        self.key, self.keys = KEYS[name]
        self.kinds, self.charsets, self.listed = kinds, charsets, listed
        self.values = {column: self._value(column, kinds.get(column)) for column in columns}

    def _value(self, column, kind):
        """The expression of ``column`` over a row ``x`` of the old table; ``kind`` is None if that has no such column."""
        old, key = f"x.`{column}`", key_of(f"x.`{self.key}`")
        domain = f"SUBSTRING_INDEX({key}, '@', -1)"
        match self.name, column:
            case "admin", "superadmin" if kind is None:
                # An old release without it: who has the row ALL is a superadmin.
                return f"EXISTS (SELECT 1 FROM {self.rights} r WHERE r.username = x.username AND r.domain = 'ALL')"
            # The address says what these columns say again.
            case "mailbox" | "alias", "domain":
                return domain
            case "mailbox", "local_part":
                return f"LEFT({key}, CHAR_LENGTH({key}) - CHAR_LENGTH({domain}) - 1)"
            case "alias", "goto":
                return f"IF({key_of(old)} = {key}, {key}, {old})"
            case _, "domain" if column in self.keys:
                # Postfix asks for "all" as a domain, for "ALL" never.
                return f"IF({old} = 'ALL', 'ALL', {key_of(old)})"
        if column in self.keys:
            return key_of(old)
        if kind.startswith(("datetime", "timestamp")):
            return f"IF(CAST({old} AS CHAR) LIKE '0000%%', TIMESTAMP'{UNKNOWN}', {old})"
        return old

    @property
    def only(self):
        # rights of an administrator without an account stay behind
        if self.name != "domain_admins":
            return "TRUE"
        same = f"{key_of('a.username')} = {key_of('x.username')}"
        return f"EXISTS (SELECT 1 FROM {self.accounts} a WHERE {same})"

    def copy(self, first, last):
        conditions, params = [self.only], []
        for sign, bound in ((">", first), ("<=", last)):
            if bound is not None:
                conditions.append(f"x.`{self.key}` {sign} %s")
                params.append(bound)
        values = ", ".join(self.values.values())
        statement = (
            f"INSERT INTO {self.new} ({self._names()}) SELECT {values} FROM {self.old} x WHERE "
        )
        return statement + " AND ".join(conditions), params

    def bound(self, first):
        after = f"WHERE `{self.key}` > %s" if first is not None else ""
        return (
            f"SELECT `{self.key}` FROM {self.old} {after} ORDER BY `{self.key}` LIMIT 1 OFFSET {TOGETHER - 1}",
            [first] if first is not None else [],
        )

    def rows_too_many(self):
        return (
            f"SELECT (SELECT COUNT(*) FROM {self.new} n WHERE TRUE{self._not_made_here()})"
            f" - (SELECT COUNT(*) FROM {self.old} x WHERE {self.only})"
        )

    def removals(self):
        """Delete what is no longer in the old table; what an adoption added stays."""
        yield from self._list_old_keys()
        yield (
            f"DELETE n FROM {self.new} n LEFT JOIN {self._listed} WHERE o.kept IS NULL{self._not_made_here()}"
        )

    def changes(self, keys=None):
        """Write what is new or different in the old table, of the old ``keys`` or all; (statement, parameters) of each."""
        some = f" AND x.`{self.key}` IN %s" if keys else ""
        statement = (
            f"INSERT INTO {self.new} ({self._names()}) SELECT {', '.join(self.values.values())}"
            f" FROM {self.old} x LEFT JOIN {self.new} n ON {self._same()}"
            f" WHERE {self.only} AND (n.`{self.key}` IS NULL OR {self._unlike()}){some}"
            f" ON DUPLICATE KEY UPDATE {', '.join(f'`{column}` = VALUES(`{column}`)' for column in self.values)}"
        )
        yield statement, [tuple(keys)] if keys else None

    def as_copied(self, notes):
        return (
            f"SELECT {self.values[self.key]} FROM (SELECT kept AS `{self.key}` FROM {notes} WHERE of_table = %s) x",
            [self.name],
        )

    def there(self, keys):
        return (
            f"SELECT {self.values[self.key]} FROM {self.old} x WHERE x.`{self.key}` IN %s",
            [tuple(keys)],
        )

    def removal(self, keys):
        return f"DELETE FROM {self.new} WHERE `{self.key}` IN %s", [tuple(keys)]

    def back(self):
        """Statements that bring what was written since into the old table: a row that nobody
        touched stays as it was, byte by byte."""
        unlike = self._unlike()
        columns = [column for column in self.values if column in self.kinds]
        yield (
            f"DELETE x FROM {self.old} x LEFT JOIN {self.new} n ON {self._same()}"
            f" WHERE {self.only} AND n.`{self.key}` IS NULL"
        )
        yield (
            f"UPDATE {self.old} x JOIN {self.new} n ON {self._same()}"
            f" SET {', '.join(f'x.`{column}` = {self._there(column)}' for column in columns)} WHERE {self.only} AND ({unlike})"
        )
        names = ", ".join(f"`{column}`" for column in columns)
        yield from self._list_old_keys()
        yield (
            f"INSERT INTO {self.old} ({names}) SELECT {', '.join(map(self._there, columns))}"
            f" FROM {self.new} n LEFT JOIN {self._listed} WHERE o.kept IS NULL{self._not_made_here()}"
        )

    def _there(self, column):
        unknown = UNKNOWN_THERE.get(self.charsets.get(column))
        if unknown and column in READ_BY_PEOPLE:
            return f"REGEXP_REPLACE(n.`{column}`, '{unknown}', '?')"
        return f"n.`{column}`"

    def _list_old_keys(self):
        # With an index: joined by an expression, each row would be compared with each.
        if self.key in self.keys:
            yield f"TRUNCATE {self.listed}"
            yield f"INSERT IGNORE INTO {self.listed} SELECT {self.values[self.key]} FROM {self.old} x"

    @property
    def _listed(self):
        if self.key in self.keys:
            return f"{self.listed} o ON o.kept = n.`{self.key}`"
        return f"(SELECT {self.key} AS kept FROM {self.old}) o ON o.kept = n.`{self.key}`"

    def _not_made_here(self):
        return (
            f" AND NOT (n.description = '{MADE_HERE}' AND n.active = 0)"
            if self.name == "domain"
            else ""
        )

    def _unlike(self):
        return " OR ".join(
            f"NOT ({as_bytes(f'n.`{column}`')} <=> {as_bytes(value)})"
            for column, value in self.values.items()
        )

    def _same(self):
        return f"n.`{self.key}` = {self.values[self.key]}"

    def _names(self):
        return ", ".join(f"`{column}`" for column in self.values)


class Keyless(Copied):
    """A table that had no such key before, as domain_admins before 3.0: its rows are told apart by
    all their columns."""

    def bound(self, _first):
        return "SELECT 1 FROM DUAL WHERE FALSE", []

    def rows_too_many(self):
        return "SELECT 0"

    def changes(self, _keys=None):
        yield (f"DELETE n FROM {self.new} n WHERE {self._not_in(f'{self.old} x', self.only)}",)
        insert = f"INSERT INTO {self.new} ({self._names()}) SELECT {', '.join(self.values.values())} FROM {self.old} x"
        yield (f"{insert} WHERE {self.only} AND {self._not_in(f'{self.new} n')}",)

    def back(self):
        columns = ", ".join(map(self._there, self.values))
        yield f"DELETE x FROM {self.old} x WHERE {self.only} AND {self._not_in(f'{self.new} n')}"
        yield (
            f"INSERT INTO {self.old} ({self._names()}) SELECT {columns} FROM {self.new} n"
            f" WHERE {self._not_in(f'{self.old} x')}"
        )

    def _not_in(self, table, only="TRUE"):
        return f"NOT EXISTS (SELECT 1 FROM {table} WHERE {only} AND NOT ({self._unlike()}))"


def tables(source, shadow):
    """From PostfixAdmin's tables into the copy, in the order in which rows refer to each other."""
    names = [name for name in SHARED if source.has(name)]
    own = source.connection.settings_dict["NAME"]
    return _copied(source, shadow, names, (own, source.tables), (shadow.name, {}))


def tables_back(source, shadow, names):
    own = source.connection.settings_dict["NAME"]
    return _copied(
        source, shadow, names, (shadow.name, {name: f"before_{name}" for name in names}), (own, {})
    )


def _copied(source, shadow, names, old, new):
    quote = source.connection.ops.quote_name
    (old_database, old_names), (new_database, new_names) = old, new
    found = []
    for name in names:
        kinds = _kinds(source, old_database, old_names.get(name, name))
        charsets = _kinds(
            source, old_database, old_names.get(name, name), what="CHARACTER_SET_NAME"
        )
        columns = [
            column
            for column in _kinds(source, new_database, new_names.get(name, name))
            if column in kinds
        ]
        if name == "admin" and "superadmin" not in kinds:
            columns.append("superadmin")
        kind = Copied if KEYS[name][0] in kinds else Keyless
        found.append(
            kind(
                name,
                lambda table: f"{quote(old_database)}.{quote(old_names.get(table, table))}",
                f"{quote(new_database)}.{quote(new_names.get(name, name))}",
                columns,
                kinds,
                charsets,
                shadow.quoted(KEYS_TABLE),
            )
        )
    return found


def _kinds(source, database, table, what="COLUMN_TYPE"):
    return dict(
        source.rows(
            f"SELECT COLUMN_NAME, {what} FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
            " AND EXTRA NOT LIKE '%%GENERATED%%' ORDER BY ORDINAL_POSITION",
            [database, table],
        )
    )
