"""The database functions that deploy/postfix/alias.cf calls, from aliases/sql/functions.sql.

SQLite has none: no Postfix reads it.
"""

import re
from pathlib import Path

from django.conf import settings

from panel import server
from panel.addresses import PLAIN_IN_SQL

SOURCE = Path(__file__).with_name("sql") / "functions.sql"
FORMER = ["mailadmin_heard", "mailadmin_sent_on"]  # of earlier versions


def statements():
    # Without comments: what restores a dump may leave them out.
    text = re.sub(r"(?m)^ *--.*\n|^\n", "", SOURCE.read_text())
    text = text.replace("@RECIPIENT_DELIMITER@", settings.RECIPIENT_DELIMITER)
    text = text.replace("@PLAIN@", PLAIN_IN_SQL)
    parts = text.removesuffix("\n//\n").split("\n//\n")
    return {re.search(r"FUNCTION (\w+)", part)[1]: part for part in parts}


def bodies():
    return {
        name: server.as_shown(text[text.index("BEGIN\n") :]) for name, text in statements().items()
    }


def stored(connection):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES"
            " WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_NAME IN %s",
            [list(statements())],
        )
        return {name: server.as_shown(body) for name, body in cursor.fetchall()}


def create(connection):
    if connection.vendor != "mysql":
        return
    with connection.cursor() as cursor:
        for name, text in statements().items():
            if not connection.mysql_is_mariadb:
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}")
                text = text.replace("CREATE OR REPLACE", "CREATE", 1)
            cursor.execute(text)


def drop(connection, names=None):
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            for name in names or statements():
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}")
