"""The database functions that deploy/postfix/alias.cf calls, from aliases/sql/functions.sql.

SQLite has none: no Postfix reads it.
"""

import re
from pathlib import Path

from django.conf import settings

from panel.addresses import PLAIN_IN_SQL

SOURCE = Path(__file__).with_name("sql") / "functions.sql"
FORMER = ["mailadmin_heard", "mailadmin_sent_on"]  # of earlier versions


def statements():
    text = SOURCE.read_text()
    text = text.replace("@RECIPIENT_DELIMITER@", settings.RECIPIENT_DELIMITER)
    text = text.replace("@PLAIN@", PLAIN_IN_SQL)
    parts = [part[part.index("CREATE") :] for part in text.split("\n//\n") if part.strip()]
    return {re.search(r"FUNCTION (\w+)", part)[1]: part for part in parts}


def bodies():
    return {name: text[text.index("BEGIN\n") :] for name, text in statements().items()}


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
