"""The database functions that deploy/postfix/alias.cf calls: aliases/sql/functions.sql, as it is.

SQLite has no Postfix and so no functions.
"""

import re
from pathlib import Path

from django.conf import settings

from panel.addresses import PLAIN

SOURCE = Path(__file__).with_name("sql") / "functions.sql"
FORMER = ["mailadmin_heard", "mailadmin_sent_on"]  # of earlier versions


def statements():
    """Return ``{function: CREATE …}`` with the settings filled in."""
    text = SOURCE.read_text()
    text = text.replace("@RECIPIENT_DELIMITER@", settings.RECIPIENT_DELIMITER)
    text = text.replace("@PLAIN@", PLAIN)
    parts = [part[part.index("CREATE") :] for part in text.split("\n//\n") if part.strip()]
    return {re.search(r"FUNCTION (\w+)", part)[1]: part for part in parts}


def bodies():
    """Return ``{function: body}`` as information_schema.ROUTINES has them."""
    return {name: text[text.index("BEGIN\n") :] for name, text in statements().items()}


def create(connection):
    """Create the functions on MariaDB or MySQL, in place of an earlier version's."""
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
