"""The database triggers: mailboxes/sql/mariadb.sql and routes_mariadb.sql, or those for SQLite, with the settings filled in."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import reduce
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, ProgrammingError, connections

from domains.models import RoutingLock
from mailboxes.models import NEARLY_FULL
from panel import server
from panel.addresses import BETWEEN_TARGETS, PLAIN_IN_SQL
from panel.transactions import in_transaction

SOURCES = Path(__file__).with_name("sql")
ATTEMPTS = 10
TOGETHER = 10_000  # rows of a table whose words are written in one transaction
WRITERS = 2  # connections that write words at a time, but on SQLite: one keeps one core busy
LAST = "\U0010ffff"
# For SQLite, which has no regular expressions: these and the comma stand between words.
BETWEEN_WORDS = (" .-_@;", ":<>()\n\r\t", "\"'+&/=")


def _parts(vendor):
    kind = "mariadb" if vendor == "mysql" else vendor
    sources = [SOURCES / f"{kind}.sql", SOURCES / f"routes_{kind}.sql"]
    text = "".join(source.read_text() for source in sources)
    # Without comments: what restores a dump may leave them out.
    text = re.sub(r"(?m)^ *--.*\n|^\n", "", text)
    for marker, value in {
        "@RECIPIENT_DELIMITER@": settings.RECIPIENT_DELIMITER,
        "@BETWEEN_TARGETS@": BETWEEN_TARGETS,
        "@PLAIN@": PLAIN_IN_SQL,
        "@NEARLY_FULL@": str(NEARLY_FULL),
    }.items():
        text = text.replace(marker, value)
    text = re.sub(r"@WORDS_OF\((.*)\)@", lambda found: _words_of(vendor, found[1]), text)
    return text.removesuffix("\n//\n").split("\n//\n")


def _words_of(vendor, text):
    if vendor == "mysql":
        array = f"""REGEXP_REPLACE({text}, '[^[:alnum:]]+', '","')"""
        return f"""JSON_TABLE(CONCAT('["', {array}, '"]'), '$[*]' COLUMNS (word VARCHAR(255) PATH '$'))"""
    # In steps, for SQLite's parser takes no deep nesting.
    steps = [_split_at(BETWEEN_WORDS[0], f"lower({text})")]
    for number, signs in enumerate(BETWEEN_WORDS[1:]):
        steps[-1] += f" AS part{number}"
        steps.append(_split_at(signs, f"part{number}.value"))
    return ", ".join(steps)


def _split_at(signs, text):
    apart = reduce(lambda sql, sign: f"replace({sql}, char({ord(sign)}), ',')", signs, text)
    return f"""json_each('[' || replace(json_quote({apart}), ',', '","') || ']')"""


def statements(vendor):
    created = [part for part in _parts(vendor) if _is_trigger(part)]
    return {part.split()[2]: part for part in created}


def stored(connection, *, own=False):
    """``own``: only those that have the rights of this connection's SQL user."""
    if connection.vendor == "mysql":
        query = (
            "SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE 'mailadmin\\_%'"
        )
        query += " AND DEFINER = CURRENT_USER()" if own else ""
    else:
        query = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'mailadmin%'"
        )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name: body_of(text) for name, text in cursor.fetchall()}


def body_of(statement):
    return server.as_shown(statement.rpartition(" FOR EACH ROW ")[2])


def are_complete(connection):
    wanted = {name: body_of(text) for name, text in statements(connection.vendor).items()}
    return stored(connection) == wanted


@contextmanager
def created(connection, *, anew=False):
    """Create the triggers on all nodes, then run the block; nobody saves meanwhile.

    If they cannot be created nobody saves until this succeeds: what is not counted would not be held to the limits.
    """
    RoutingLock.set_upgrading(True)
    _create_on_all_nodes(connection, anew=anew)
    try:
        yield
    finally:
        RoutingLock.set_upgrading(False)


def _create_on_all_nodes(connection, *, anew):
    # Galera passes over a change that fails on one node, so each node is asked afterwards.
    lacking = []
    for again in range(ATTEMPTS):
        if again:
            with suppress(DatabaseError):
                server.read_triggers_anew(connection)
        create(connection, anew=anew or again > 0)
        asked = server.ask_nodes(connection, are_complete)
        lacking = [node for node, complete in asked.items() if complete is False]
        if not lacking:
            return
    places = ", ".join(lacking)
    raise DatabaseError(f"after {ATTEMPTS} attempts triggers are missing: {places}")


def create(connection, *, anew=False, again=False):
    """Create the triggers in this database, in place of an earlier version's.

    Those that are as wanted are left alone, but ``anew``: a node of a cluster may lack one that this node has.
    No trigger is missing meanwhile, except on MySQL, which cannot replace one. ``again``: the second attempt.
    """
    wanted = statements(connection.vendor)
    there = {} if anew else stored(connection, own=True)
    drop(connection, set(stored(connection)) - set(wanted))
    with connection.cursor() as cursor:
        for name, statement in wanted.items():
            if there.get(name) == body_of(statement):
                continue
            if getattr(connection, "mysql_is_mariadb", False):
                statement = statement.replace("CREATE ", "CREATE OR REPLACE ", 1)
            else:
                drop(connection, [name])
            try:
                cursor.execute(statement)
            except ProgrammingError as error:
                if again or not server.has_unread_trigger(error):
                    raise
                # Beside one that it does not understand MariaDB replaces none.
                drop(connection)
                create(connection, anew=anew, again=True)
                return


def drop(connection, names=None):
    names = stored(connection) if names is None else names
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def rebuild(connection, track=iter):
    """Compute the derived tables anew from the base tables, for rows older than the triggers.

    In a block of ``created()``. ``track`` wraps the list of statements, for a progress bar.
    """
    parts = _parts(connection.vendor)
    with connection.cursor() as cursor:
        for statement in track(
            [part for part in parts if not _is_trigger(part) and "%s" not in part]
        ):
            cursor.execute(statement)


def empty_words(connection):
    """Make room for rebuild_words(): to write over what is there takes it three times as long.

    A search by words finds only a part meanwhile. Call it in no transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"{'TRUNCATE' if connection.vendor == 'mysql' else 'DELETE FROM'} word")


def rebuild_words(connection, track=iter):
    """Write the words anew, in many transactions, of which WRITERS at a time, each with rows of its own.

    Within a transaction it is a part of that one.
    """
    statements = [part for part in _parts(connection.vendor) if "%s" in part]
    groups = _groups(connection)
    if connection.vendor == "sqlite" or connection.in_atomic_block or WRITERS == 1:
        for group in track(groups):
            _write_words(connection, statements, *group)
        return
    pool = ThreadPoolExecutor(WRITERS)
    try:
        for one in track([pool.submit(_write_in_thread, statements, *group) for group in groups]):
            one.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _write_in_thread(statements, first, last):
    connection = connections[DEFAULT_DB_ALIAS]  # this thread's own
    try:
        _write_words(connection, statements, first, last)
    finally:
        connection.close()


@in_transaction
def _write_words(connection, statements, first, last):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, [first, last])


def _groups(connection):
    """(the key before, the last key) of each group: TOGETHER aliases, of which each mailbox has one, and what is between."""
    groups, first = [], ""
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT address FROM alias WHERE address > %s ORDER BY address LIMIT 1 OFFSET %s",
                [first, TOGETHER - 1],
            )
            found = cursor.fetchone()
            if not found:
                return [*groups, (first, LAST)]
            groups.append((first, found[0]))
            first = found[0]


def _is_trigger(part):
    return part.startswith("CREATE TRIGGER ")
