"""Whose database this is, and what its refusals mean: nothing of ours is written among another program's tables."""

import re
from contextlib import closing

from django.apps import apps
from django.db import Error, connection
from django.db.migrations.recorder import MigrationRecorder

from panel import server

OURS = {"accounts", "domains", "mailboxes", "aliases", "panel"}
# What no other program has together. A prefix may stand before each name, as in PostfixAdmin's configuration.
POSTFIXADMIN = {
    "alias": {"address", "goto", "domain"},
    "admin": {"username", "password"},
    "domain": {"domain", "maxquota", "backupmx", "transport"},
    "domain_admins": {"username", "domain"},
    "mailbox": {"username", "password", "maildir", "quota", "local_part"},
}
DENIED = {1142, 1143, 1370}
BINARY_LOG = 1419


def owner(connection):
    """Return a sentence on whose tables these are and what to do; "" for ours, and where all ours can be created."""
    recorded = MigrationRecorder(connection).applied_migrations()
    if any(app in OURS for app, _name in recorded):
        return ""
    prefix = prefix_of_postfixadmin(connection)
    with connection.cursor() as cursor:
        if prefix is not None:
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(f'{prefix}mailbox')}")  # noqa: S608
            [count] = cursor.fetchone()
            return (
                f"This is PostfixAdmin's database ({_release(cursor, prefix)}, mailboxes: {count})."
                " Run `manage.py adopt`. Nothing was written."
            )
        taken = sorted(our_tables() & set(connection.introspection.table_names(cursor)))
    if taken:
        return (
            f"These tables are another program's: {', '.join(taken)}. Give mailadmin a database"
            " of its own in DATABASE_URL. Nothing was written."
        )
    return ""


def prefix_of_postfixadmin(connection):
    """What stands before its tables' names, often ""; None if they are not here."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        found = (prefix for prefix in _prefixes(tables) if _is_postfixadmin(cursor, tables, prefix))
        return next(found, None)


def our_tables():
    return {model._meta.db_table for model in apps.get_models() if model._meta.app_label in OURS}


def missing_tables(connection):
    return sorted(our_tables() - set(connection.introspection.table_names()))


def refusal(error):
    if server.is_about_connecting(error):
        return f"Database error: {error}. Is DATABASE_URL right?"
    return (
        f"Database error: {error}. {cure(error) or _whose() or 'Has `manage.py migrate` been run?'}"
    )


def cure(error):
    number, words = [*error.args, None, ""][:2]
    if number == BINARY_LOG:
        return server.HOW_TO_ALLOW
    found = re.match(r"([a-z ]+) command denied to user", str(words), re.IGNORECASE)
    if number not in DENIED or not found:
        return ""
    # As its rights are stored: the error names the host that it comes from.
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT CURRENT_USER()")
        user, _at, host = cursor.fetchone()[0].rpartition("@")
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    return f"Allow it as the server's root: GRANT {found[1].upper()} ON {database}.* TO '{user}'@'{host}';"


def _whose():
    try:
        return owner(connection)
    except Error:
        return ""


def _prefixes(tables):
    return sorted(name.removesuffix("alias") for name in tables if name.endswith("alias"))


def _is_postfixadmin(cursor, tables, prefix):
    return all(
        prefix + name in tables and columns <= _columns(cursor, prefix + name)
        for name, columns in POSTFIXADMIN.items()
    )


def _columns(cursor, table):
    return {column.name for column in cursor.db.introspection.get_table_description(cursor, table)}


def _release(cursor, prefix):
    return (
        "4.0 or later"
        if "totp_secret" in _columns(cursor, f"{prefix}mailbox")
        else "3.3 or earlier"
    )
