from django.core.management import call_command

from aliases import functions
from mailadmin.adoption import copying
from mailadmin.adoption.copying import MADE_HERE, SESSION
from mailadmin.adoption.place import NOTES_TABLE, in_database
from mailboxes import triggers

# How a column of the site gets a default, by the beginning of its type; other kinds need none to be left out.
DEFAULTS = {
    ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit"): "0",
    ("datetime", "timestamp"): f"'{copying.UNKNOWN}'",
    ("date",): "'2000-01-01'",
    (
        "char",
        "varchar",
        "text",
        "tinytext",
        "mediumtext",
        "longtext",
        "binary",
        "varbinary",
        "blob",
    ): "''",
}


def begin(source, shadow):
    shadow.create()
    triggers.drop(
        source.connection
    )  # ours, left by an earlier attempt: PostfixAdmin cannot write with them
    if not shadow.remembered("migrated"):
        with in_database(shadow.name):
            call_command("migrate", verbosity=0, skip_checks=True)
            from django.db import connection

            triggers.drop(connection)
        for table in source.columns:
            _add_columns(source, shadow, table)
        shadow.remember("migrated", True)
    for table, name in source.renamed.items():
        shadow.run(view_of(source, table, shadow.quoted(name), shadow.quoted(table)))
    show_others(source, shadow)


def view_of(source, table, name, base):
    columns = ", ".join(f"`{column}`" for column in source.columns[table])
    return f"CREATE OR REPLACE VIEW {name} AS SELECT {columns} FROM {base}"


def show(shadow, name, table):
    shadow.run(f"CREATE OR REPLACE VIEW {shadow.quoted(name)} AS SELECT * FROM {table}")


def show_others(source, shadow):
    """Shows the tables that are not copied in the second database: a map of the site may join one."""
    quote, there = source.connection.ops.quote_name, shadow.tables()
    own = quote(source.connection.settings_dict["NAME"])
    for name in [*source.tables.values(), *source.others]:
        if name not in there and name not in source.shared_tables:
            show(shadow, name, f"{own}.{quote(name)}")


def drop_views(shadow):
    for (name,) in shadow.rows(
        "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = %s", [shadow.name]
    ):
        shadow.run(f"DROP VIEW IF EXISTS {shadow.quoted(name)}")


def copy(source, shadow, track):
    """Copy every row, TOGETHER in one transaction. ``track(groups, of a table)`` shows how far it is."""
    for statement in SESSION:
        shadow.run(statement)
    for table in copying.tables(source, shadow):
        state = shadow.remembered(f"copied {table.name}") or {"after": None, "done": False}
        if not state["done"]:
            for _group in track(_groups(shadow, table, state), table.name):
                pass
    for query in _orphans(shadow):
        shadow.run(query)


def synchronise(source, shadow, names=None, among=None):
    """Bring what was written since into the copy, of the tables ``names`` or all: its triggers count it.

    ``among``: {table: the keys that are to be looked at}; all of the tables that it does not name.
    """
    among = among or {}
    for statement in SESSION:
        shadow.run(statement)
    tables = [
        table for table in copying.tables(source, shadow) if names is None or table.name in names
    ]
    for table in tables:
        keys = among.get(table.name)
        if keys != []:
            for statement in table.changes(keys):
                shadow.run(*statement)
    for table in reversed(tables):
        keys = among.get(table.name)
        if keys is not None:
            if gone := _gone(shadow, table, keys):
                shadow.run(*table.removal(gone))
        elif shadow.rows(table.rows_too_many())[0][0]:
            for statement in table.removals():
                shadow.run(statement)
    for query in _orphans(shadow):
        shadow.run(query)


def _gone(shadow, table, keys):
    if not keys:
        return []
    noted = {key for (key,) in shadow.rows(*table.as_copied(shadow.quoted(NOTES_TABLE)))}
    there = {key for (key,) in shadow.rows(*table.there(keys))}
    return sorted(noted - there)


def recount(shadow, stdout):
    if not shadow.remembered("recounted"):
        with in_database(shadow.name):
            call_command("recount", stdout=stdout, stderr=stdout)
        shadow.remember("recounted", True)


def checksums(source, names):
    found = {}
    for name in names:
        [[_table, number]] = source.rows(f"CHECKSUM TABLE {source.quoted(name)}")
        found[name] = number
    return found


def bare(source, shadow):
    """Drop the copy's triggers, routines and views: tables with triggers are not moved into another database."""
    drop_views(shadow)
    with in_database(shadow.name):
        from django.db import connection

        triggers.drop(connection)
        functions.drop(connection, list(functions.statements()))


def _groups(shadow, table, state):
    while not state["done"]:
        found = shadow.rows(*table.bound(state["after"]))
        last = found[0][0] if found else None
        shadow.run("START TRANSACTION")
        shadow.run(*table.copy(state["after"], last))
        state = {"after": last, "done": last is None}
        shadow.remember(f"copied {table.name}", state)
        shadow.run("COMMIT")
        yield


def _orphans(shadow):
    """Adds an inactive domain for each one that rows name and that has no row: look-ups and
    sign-ins stay as they were."""
    for table, column in (
        ("mailbox", "domain"),
        ("alias", "domain"),
        ("alias_domain", "alias_domain"),
        ("alias_domain", "target_domain"),
    ):
        yield (
            f"INSERT INTO {shadow.quoted('domain')} (domain, description, active, created, modified)"
            f" SELECT x.named, '{MADE_HERE}', 0, NOW(), NOW()"
            f" FROM (SELECT DISTINCT {column} AS named FROM {shadow.quoted(table)}) x"
            f" LEFT JOIN {shadow.quoted('domain')} d ON d.domain = x.named WHERE d.domain IS NULL"
        )


def _add_columns(source, shadow, table):
    """The site's own columns, with a default where they have none: without it this panel could store no row."""
    known = {
        column
        for (column,) in shadow.rows(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            [shadow.name, table],
        )
    }
    if not known:
        return
    for name, kind, null, default, extra, charset, collation in source.rows(
        "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, CHARACTER_SET_NAME, COLLATION_NAME"
        " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
        [source.tables[table]],
    ):
        if name in known or "GENERATED" in extra:
            continue
        if default is None and null == "NO":
            default = next(
                (value for kinds, value in DEFAULTS.items() if kind.startswith(kinds)), None
            )
        parts = [
            f"ALTER TABLE {shadow.quoted(table)} ADD COLUMN `{name}` {kind}",
            f"CHARACTER SET {charset} COLLATE {collation}" if charset else "",
            "NULL" if null == "YES" else "NOT NULL",
            f"DEFAULT {default}" if default is not None else "",
        ]
        shadow.run(" ".join(filter(None, parts)))
