"""PostfixAdmin's database as it is: which tables, which columns, what refers to them. The release
is known by its columns, never by its number."""

from dataclasses import dataclass, field

from panel import foreign

# Its tables, by the names of its documentation.
TABLES = (
    *("config", "admin", "domain", "domain_admins", "alias_domain", "mailbox", "alias", "log"),
    *("quota", "quota2", "fetchmail", "vacation", "vacation_notification", "dkim", "dkim_signing"),
    *("mailbox_app_password", "totp_exception_address", "admin_preferences"),
)
# The tables that both panels read and write, those that others refer to first.
SHARED = (
    *("domain", "admin", "domain_admins", "alias_domain", "mailbox", "alias", "quota2", "log"),
    *("dkim", "dkim_signing", "totp_exception_address", "mailbox_app_password", "vacation"),
    "fetchmail",
)


@dataclass
class Source:
    """``tables`` and ``columns`` go by the documentation's names; a column is (type, may be null, has a default)."""

    connection: object
    configuration: dict
    tables: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    is_ours = False

    def __post_init__(self):
        with self.connection.cursor() as cursor:
            there = set(self.connection.introspection.table_names(cursor))
        prefix = (
            self.configuration["database_prefix"]
            or foreign.prefix_of_postfixadmin(self.connection)
            or ""
        )
        renamed = self.configuration["database_tables"]
        wanted = {name: prefix + (renamed.get(name) or name) for name in TABLES}
        self.tables = {name: real for name, real in wanted.items() if real in there}
        self.others = sorted(there - set(self.tables.values()))
        for name, real in self.tables.items():
            self.columns[name] = {
                column: (kind, null == "YES", default is not None or "auto_increment" in extra)
                for column, kind, null, default, extra in self.rows(
                    "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA FROM information_schema.COLUMNS"
                    " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
                    [real],
                )
            }

    @property
    def prefix(self):
        return self.tables["mailbox"].removesuffix("mailbox")

    @property
    def is_complete(self):
        return set(foreign.POSTFIXADMIN) <= self.tables.keys()

    @property
    def release(self):
        if "description" in self.columns["alias"]:
            return "later than 4.0"
        if "dkim" in self.tables or "totp_secret" in self.columns["admin"]:
            return "4.0"
        return "3.3" if "password_expiry" in self.columns["domain"] else "older than 3.3"

    @property
    def schema_number(self):
        if "config" not in self.tables:
            return ""
        found = self.rows(f"SELECT value FROM {self.quoted('config')} WHERE name = 'version'")
        return found[0][0] if found else ""

    @property
    def renamed(self):
        return {
            name: self.tables[name]
            for name in SHARED
            if self.has(name) and self.tables[name] != name
        }

    def adopted(self):
        names = {"database_prefix": "", "database_tables": {}}
        return Source(self.connection, self.configuration | names)

    @property
    def shared_tables(self):
        return [self.tables[name] for name in SHARED if self.has(name)]

    def referring_columns(self):
        """(table, name of the foreign key, column) of what refers to the shared tables from elsewhere."""
        names = self.shared_tables
        return self.rows(
            "SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE"
            " WHERE REFERENCED_TABLE_SCHEMA = DATABASE()"
            " AND REFERENCED_TABLE_NAME IN %s AND TABLE_NAME NOT IN %s",
            [names, names],
        )

    def has(self, table, column=None):
        return table in self.tables and (column is None or column in self.columns[table])

    def quoted(self, table):
        return self.connection.ops.quote_name(self.tables[table])

    def rows(self, query, params=None):
        with self.connection.cursor() as cursor:
            cursor.execute(query, params)
            return cursor.fetchall()

    def run(self, statement, params=None):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, params)

    def one(self, query, params=None):
        return self.rows(query, params)[0][0]
