import re

from django.db import connection


def rows(query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def tables(database):
    found = rows(
        f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{database}'"
        " AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME"
    )
    return [name for (name,) in found]


def everything(database):
    """How each table was created, but for the next number, and all of its rows."""
    found = {}
    for name in tables(database):
        [[_name, text]] = rows(f"SHOW CREATE TABLE `{database}`.`{name}`")
        text = re.sub(r" AUTO_INCREMENT=\d+", "", text)
        found[name] = (text, sorted(map(repr, rows(f"SELECT * FROM `{database}`.`{name}`"))))
    [[_name, text]] = rows(f"SHOW CREATE DATABASE `{database}`")
    return found | {"": text}
