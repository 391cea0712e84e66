"""The database triggers: mailboxes/sql/mariadb.sql and sqlite.sql, with the settings filled in."""

import re
from pathlib import Path

from django.conf import settings

from mailboxes.models import NEARLY_FULL
from panel.addresses import BETWEEN_TARGETS, PLAIN_IN_SQL

SOURCES = Path(__file__).with_name("sql")


def _parts(vendor):
    source = SOURCES / ("mariadb.sql" if vendor == "mysql" else f"{vendor}.sql")
    # Without comments: what restores a dump may leave them out.
    text = re.sub(r"(?m)^ *--.*\n|^\n", "", source.read_text())
    for marker, value in {
        "@RECIPIENT_DELIMITER@": settings.RECIPIENT_DELIMITER,
        "@BETWEEN_TARGETS@": BETWEEN_TARGETS,
        "@PLAIN@": PLAIN_IN_SQL,
        "@NEARLY_FULL@": str(NEARLY_FULL),
    }.items():
        text = text.replace(marker, value)
    return text.removesuffix("\n//\n").split("\n//\n")


def statements(vendor):
    created = [part for part in _parts(vendor) if part.startswith("CREATE TRIGGER ")]
    return {part.split()[2]: part for part in created}


def stored(connection):
    if connection.vendor == "mysql":
        query = (
            "SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE 'mailadmin\\_%'"
        )
    else:
        query = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'mailadmin%'"
        )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name: text.rpartition(" FOR EACH ROW ")[2] for name, text in cursor.fetchall()}


def create(connection):
    drop(connection)
    with connection.cursor() as cursor:
        for statement in statements(connection.vendor).values():
            cursor.execute(statement)


def drop(connection):
    names = stored(connection)
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def rebuild(connection, track=iter):
    """Compute the derived tables anew from the base tables, for rows older than the triggers.

    ``track`` wraps the list of statements, for a progress bar.
    """
    parts = _parts(connection.vendor)
    with connection.cursor() as cursor:
        for statement in track([part for part in parts if not part.startswith("CREATE TRIGGER ")]):
            cursor.execute(statement)
