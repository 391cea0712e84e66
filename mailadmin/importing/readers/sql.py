import os
import re
import sqlite3
import sys
import warnings
from contextlib import closing
from pathlib import Path

import environ

from mailadmin.importing.plan import in_groups
from mailadmin.importing.reader import Reader, Unreadable
from panel.addresses import split_address

VARIABLE = "IMPORT_DATABASE_URL"
TOGETHER = 100  # questions in one statement
MARK = re.compile(r"\{([sud])\}")


class SqlReader(Reader):
    """``tables`` must be there. The queries are those of its documented maps, with {s}, {u} and {d} for Postfix's variables.

    ``alias_queries`` are asked in their order; each row of an answer may be a list.
    """

    tables = ()
    alias_queries = ()
    mailbox_query = ""
    domain_query = ""

    @classmethod
    def options(cls, parser):
        parser.add_argument(
            "--url-file",
            metavar="FILE",
            help=f"A file with the database's URL, mysql://user:password@host:port/name or sqlite:////path; “-” for standard"
            f" input. Without it the URL is read from the environment, {VARIABLE}.",
        )

    def __init__(self, *, url_file=None, **options):
        self.connect = _connector(_url(url_file))
        self._connection = self.connect()
        there = {name.lower() for name in self._names()}
        if missing := sorted(set(self.tables) - there):
            raise Unreadable(f"This is no database of {self.title}: it has no table {missing[0]}.")
        self.there = there

    @property
    def title(self):
        return self.name

    # --- Reading

    def rows(self, query):
        with closing(self.connect()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(query)
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, map(_text, row), strict=True))

    def rows_of(self, table, query=None):
        return self.rows(query or f"SELECT * FROM {table}") if table in self.there else iter(())

    def _names(self):
        query = (
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            if isinstance(self._connection, sqlite3.Connection)
            else "SHOW TABLES"
        )
        return [row[0] for row in self._ask(query, [])]

    # --- What its maps answer

    def answers(self, keys):
        found = {}
        for query in self.alias_queries:
            left = [key for key in keys if key not in found]
            for key, rows in self._each(query, left).items():
                targets = [part.strip() for row in rows for part in str(row or "").split(",")]
                found[key] = [target for target in targets if target]
        return {key: targets for key, targets in found.items() if targets}

    def mailboxes(self, keys):
        return set(self._each(self.mailbox_query, keys))

    def is_here(self, domain):
        return bool(self._each(self.domain_query, [domain]))

    def _each(self, query, keys):
        found = {}
        asked = [key for key in keys if _may_ask(query, key)]
        mark = "?" if isinstance(self._connection, sqlite3.Connection) else "%s"
        names = MARK.findall(query)
        text = MARK.sub(mark, query.replace("%", "%%") if mark == "%s" else query)
        for group in in_groups(asked, TOGETHER):
            params = [value for key in group for value in _values(names, key)]
            together = " UNION ALL ".join(
                f"SELECT {number} AS n, q.* FROM ({text}) q" for number in range(len(group))
            )
            for number, answer, *_rest in self._ask(together, params):
                found.setdefault(group[number], []).append(_text(answer))
        return found

    def _ask(self, query, params):
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(query, params)
            return cursor.fetchall()


def _may_ask(query, key):
    # Postfix does not ask a query with %u or %d for a key that lacks that part.
    local_part, domain = split_address(key)
    return not ("{u}" in query and not local_part) and not ("{d}" in query and not domain)


def _values(names, key):
    local_part, domain = split_address(key)
    return [{"s": key, "u": local_part, "d": domain}[name] for name in names]


def _text(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _url(file):
    if file == "-":
        text = sys.stdin.readline()
    elif file:
        text = Path(file).read_text()
    else:
        text = os.environ.get(VARIABLE, "")
    if not text.strip():
        raise Unreadable(
            f"Say which database: its URL in a file with --url-file, or in the environment as {VARIABLE}."
        )
    return text.strip()


def _connector(url):
    """A function that opens a connection: only reading, a snapshot, rows as they come. The URL is in no error."""
    try:
        # An unknown scheme is a warning there, with the password in it.
        with warnings.catch_warnings(action="error", category=UserWarning):
            found = environ.Env.db_url_config(url)
    except (ValueError, TypeError, LookupError, UserWarning):
        found = {}
    kind = found.get("ENGINE", "").rpartition(".")[2]
    if kind == "sqlite3":
        return lambda: _sqlite(found["NAME"])
    if kind == "mysql":
        return lambda: _mysql(found)
    raise Unreadable(
        "The database's URL is not understood, or of a kind that cannot be read here: mysql:// or sqlite://. For PostgreSQL"
        " see docs/importing.md."
    )


def _sqlite(path):
    if not Path(path).is_file():
        raise Unreadable(f"{path}: there is no such file")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.create_function("CONCAT", -1, lambda *parts: "".join(map(str, parts)))
    return connection


def _mysql(found):
    host = found.get("HOST") or "localhost"
    where = {"unix_socket": host} if host.startswith("/") else {"host": host}
    if found.get("PORT"):
        where["port"] = int(found["PORT"])
    import MySQLdb.cursors  # a panel on SQLite has none

    try:
        connection = MySQLdb.connect(
            user=found.get("USER") or "",
            password=found.get("PASSWORD") or "",
            database=found["NAME"],
            charset="utf8mb4",
            cursorclass=MySQLdb.cursors.SSCursor,
            **where,
        )
    except MySQLdb.Error as error:
        raise Unreadable(f"The source's database cannot be opened: {error.args[-1]}") from None
    connection.query("SET SESSION TRANSACTION READ ONLY")
    connection.query("SET SESSION net_write_timeout = 3600")  # between two rows: others are written
    return connection
