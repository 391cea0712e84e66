"""Another program at the same database, and what the database says no to."""

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


def fail_once(number):
    """Return a function that raises the error ``number`` at its first call."""
    errors = [OperationalError(number, "first")]

    def fail():
        if errors:
            raise errors.pop()

    return fail
