"""The records of a source, on disk until they are written: however many they are, memory stays flat."""

import sqlite3
from contextlib import contextmanager

TABLES = """
CREATE TABLE domain (name TEXT PRIMARY KEY, active INT, description TEXT, aliases INT, mailboxes INT, maxquota INT,
    quota INT, transport TEXT, backupmx INT) WITHOUT ROWID;
CREATE TABLE mailbox (address TEXT PRIMARY KEY, domain TEXT, hash TEXT, name TEXT, quota INT, home TEXT, mail TEXT,
    active INT, may_send INT, may_sign_in INT, maildir TEXT DEFAULT '') WITHOUT ROWID;
CREATE INDEX mailbox_of_domain ON mailbox (domain, address);
CREATE TABLE target (address TEXT, domain TEXT, target TEXT, active INT, description TEXT);
CREATE INDEX target_of_alias ON target (domain, address);
CREATE TABLE alias_domain (name TEXT PRIMARY KEY, target TEXT, active INT) WITHOUT ROWID;
CREATE TABLE admin (login TEXT PRIMARY KEY, hash TEXT, superadmin INT, active INT) WITHOUT ROWID;
CREATE TABLE admin_domain (login TEXT, domain TEXT, PRIMARY KEY (login, domain)) WITHOUT ROWID;
CREATE TABLE use (address TEXT PRIMARY KEY, bytes INT, messages INT) WITHOUT ROWID;
"""
SWITCHES = {"active", "may_send", "may_sign_in"}


class Spool:
    """A private database of SQLite: a file without a name, which is gone when the connection
    closes. It holds hashes."""

    def __init__(self):
        self.connection = sqlite3.connect("", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.executescript(TABLES)
        self.run("PRAGMA journal_mode = OFF")
        self.run("PRAGMA synchronous = OFF")
        self.run("PRAGMA temp_store = FILE")

    def close(self):
        self.connection.close()

    def run(self, statement, *params):
        return self.connection.execute(statement, params)

    def rows(self, query, *params):
        """One at a time; what they are asked of must not be changed meanwhile."""
        yield from self.connection.execute(query, params)

    def one(self, query, *params):
        return self.connection.execute(query, params).fetchone()[0]

    @contextmanager
    def many(self):
        self.run("BEGIN")
        yield
        self.run("COMMIT")

    def merge(self, table, key, **values):
        """Insert a row; one that is there gets what is empty in it, and is off if one of both is."""
        filled = ", ".join(
            f"{name} = MIN({name}, excluded.{name})"
            if name in SWITCHES
            else f"{name} = CASE WHEN {name} IN ('', 0, 'virtual') THEN excluded.{name} ELSE {name} END"
            for name in values
            if name != key
        )
        self.run(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
            f" ON CONFLICT ({key}) DO UPDATE SET {filled}",
            *values.values(),
        )

    def counts(self):
        tables = {
            "domains": "SELECT COUNT(*) FROM domain",
            "mailboxes": "SELECT COUNT(*) FROM mailbox",
            "aliases": "SELECT COUNT(DISTINCT address) FROM target WHERE address NOT IN (SELECT address FROM mailbox)",
            "forwardings": "SELECT COUNT(DISTINCT address) FROM target WHERE address IN (SELECT address FROM mailbox)",
            "alias domains": "SELECT COUNT(*) FROM alias_domain",
            "administrators": "SELECT COUNT(*) FROM admin",
        }
        return {name: self.one(query) for name, query in tables.items()}
