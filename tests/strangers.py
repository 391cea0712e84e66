import secrets
from contextlib import contextmanager

import MySQLdb
from django.db import OperationalError, connection


def connect():
    database = connection.settings_dict
    return MySQLdb.connect(
        host=database["HOST"],
        port=int(database["PORT"]),
        user=database["USER"],
        password=database["PASSWORD"],
        database=database["NAME"],
    )


@contextmanager
def another_database():
    settings, name = connection.settings_dict, f"other_{secrets.token_hex(4)}"
    own = settings["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    settings["NAME"] = name
    try:
        yield name
    finally:
        connection.close()
        settings["NAME"] = own
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


@contextmanager
def own_user(name, *, database="", without=""):
    """Let the panel's SQL user be ``name``, who may do everything in the ``database`` of that name alone, but for the right ``without``."""
    database = database or name
    settings = connection.settings_dict
    own = {name: settings[name] for name in ("USER", "PASSWORD")}
    root = connect()
    root.query(f"CREATE USER {name}@'%' IDENTIFIED BY 'few'")
    root.query(f"GRANT ALL ON {database}.* TO {name}@'%'")
    if without:
        root.query(f"REVOKE {without} ON {database}.* FROM {name}@'%'")
    connection.close()
    settings.update(USER=name, PASSWORD="few")
    try:
        yield
    finally:
        connection.close()
        settings.update(own)
        root.query(f"DROP USER {name}@'%'")
        root.close()


def schema():
    found = []
    with connection.cursor() as cursor:
        for question in (
            "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2",
            "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
            "SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()",
        ):
            cursor.execute(question)
            found += cursor.fetchall()
    return found


def fail_once(number):
    """Return a function that raises the error ``number`` at its first call."""
    errors = [OperationalError(number, "first")]

    def fail():
        if errors:
            raise errors.pop()

    return fail
