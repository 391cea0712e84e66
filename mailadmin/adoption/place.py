"""The second database on the same server, and what is remembered there between two runs."""

import json
from contextlib import contextmanager

from django.db import connection

OWN_TABLE = "adoption_state"
KEYS_TABLE = "adoption_keys"
NOTES_TABLE = "adoption_notes"


@contextmanager
def in_database(name):
    """Let the panel's connection be to another database of its server: for migrations and checks that know only one."""
    settings = connection.settings_dict
    own = settings["NAME"]
    connection.close()
    settings["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        settings["NAME"] = own


class Shadow:
    """``run`` and ``rows`` are on the source's connection; ``memory`` outlives a run that was stopped."""

    def __init__(self, source, name):
        self.source = source
        self.name = name

    def run(self, statement, params=None):
        self.source.run(statement, params)

    def rows(self, query, params=None):
        return self.source.rows(query, params)

    def quoted(self, table):
        quote = self.source.connection.ops.quote_name
        return f"{quote(self.name)}.{quote(table)}"

    @property
    def is_there(self):
        return bool(
            self.rows(
                "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", [self.name]
            )
        )

    def tables(self):
        found = self.rows(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE'",
            [self.name],
        )
        return {name for (name,) in found}

    def size(self):
        [[size]] = self.rows(
            "SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
            [self.name],
        )
        return f"{int(size) / 1e6:,.0f} MB"

    def create(self):
        if self.is_there and OWN_TABLE not in self.tables():
            raise ValueError(
                f"There is a database “{self.name}” already, and not from here. Drop or rename it."
            )
        quoted = self.source.connection.ops.quote_name(self.name)
        self.run(
            f"CREATE DATABASE IF NOT EXISTS {quoted} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )
        self.run(
            f"CREATE TABLE IF NOT EXISTS {self.quoted(OWN_TABLE)}"
            " (name varchar(64) PRIMARY KEY, value longtext NOT NULL) ENGINE = InnoDB"
        )
        self.run(
            f"CREATE TABLE IF NOT EXISTS {self.quoted(KEYS_TABLE)} (kept varchar(255) PRIMARY KEY)"
            " ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )

    def drop(self):
        self.run(f"DROP DATABASE {self.source.connection.ops.quote_name(self.name)}")

    def remembered(self, name, default=None):
        if not self.is_there or OWN_TABLE not in self.tables():
            return default
        found = self.rows(f"SELECT value FROM {self.quoted(OWN_TABLE)} WHERE name = %s", [name])
        return json.loads(found[0][0]) if found else default

    def remember(self, name, value):
        self.run(
            f"INSERT INTO {self.quoted(OWN_TABLE)} VALUES (%s, %s) ON DUPLICATE KEY UPDATE value = VALUES(value)",
            [name, json.dumps(value)],
        )
