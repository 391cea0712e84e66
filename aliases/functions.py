"""The database routines that deploy/postfix/alias.cf calls, from aliases/sql/functions.sql.

SQLite has none: no Postfix reads it.
"""

import re
from pathlib import Path

from django.conf import settings

from panel import server
from panel.addresses import PLAIN_IN_SQL

SOURCE = Path(__file__).with_name("sql") / "functions.sql"
FORMER = [  # of earlier versions
    ("FUNCTION", "mailadmin_heard"),
    ("FUNCTION", "mailadmin_sent_on"),
    ("FUNCTION", "mailadmin_lookup"),
]


def statements():
    """``{(kind, name): CREATE …}``; kind is PROCEDURE or FUNCTION."""
    # Without comments: what restores a dump may leave them out.
    text = re.sub(r"(?m)^ *--.*\n", "", SOURCE.read_text())
    text = text.replace("@RECIPIENT_DELIMITER@", settings.RECIPIENT_DELIMITER)
    text = text.replace("@PLAIN@", PLAIN_IN_SQL)
    parts = [part.strip() for part in text.split("\n//\n") if part.strip()]
    return {re.match(r"CREATE OR REPLACE (\w+) (\w+)", part).groups(): part for part in parts}


def bodies():
    return {
        routine: server.as_shown(text[text.index("BEGIN\n") :])
        for routine, text in statements().items()
    }


def stored(connection):
    """``{(kind, name): body}`` of the routines in this database that have the names of ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ROUTINE_TYPE, ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES"
            " WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_NAME IN %s",
            [[name for _kind, name in statements()]],
        )
        found = {(kind, name): server.as_shown(body) for kind, name, body in cursor.fetchall()}
    return {routine: body for routine, body in found.items() if routine not in FORMER}


def are_complete(connection):
    return connection.vendor != "mysql" or stored(connection) == bodies()


def create(connection):
    if connection.vendor != "mysql":
        return
    with connection.cursor() as cursor:
        for (kind, name), text in statements().items():
            if not connection.mysql_is_mariadb:
                cursor.execute(f"DROP {kind} IF EXISTS {name}")
                text = text.replace("CREATE OR REPLACE", "CREATE", 1)
            cursor.execute(text)


def drop(connection, routines=None):
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            for kind, name in routines or statements():
                cursor.execute(f"DROP {kind} IF EXISTS {name}")
