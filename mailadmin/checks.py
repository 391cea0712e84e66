"""System checks: the database is one whose behaviour the mail rules rely on."""

from django.core.checks import Error, Tags, Warning, register
from django.db import connections

from aliases import functions
from mailboxes import triggers

MARIADB_MINIMUM = (10, 6)
MYSQL_MINIMUM = (8, 4)


@register(Tags.database)
def check_server(databases=None, **kwargs):
    """MariaDB 10.6 or MySQL 8.4, or later (JSON_TABLE in triggers), where nothing is cut silently."""
    errors = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "mysql":
            continue
        minimum = MARIADB_MINIMUM if connection.mysql_is_mariadb else MYSQL_MINIMUM
        if connection.mysql_version < minimum:
            errors.append(
                Error(
                    "The database server is neither MariaDB 10.6 or later nor MySQL 8.4 or later.",
                    hint="Debian 12 and later ship a suitable mariadb-server.",
                    id="mailadmin.E001",
                )
            )
        if "STRICT_TRANS_TABLES" not in connection.sql_mode:
            errors.append(
                Error("The database connection is not in strict mode.", id="mailadmin.E002")
            )
    return errors


@register(Tags.database)
def check_triggers(databases=None, **kwargs):
    """The triggers are those of this release and these settings (RECIPIENT_DELIMITER is in them)."""
    warnings = []
    for alias in databases or []:
        connection = connections[alias]
        stored = triggers.stored(connection)
        wanted = {
            name: text.partition(" FOR EACH ROW ")[2]
            for name, text in triggers.statements(connection.vendor).items()
        }
        if stored and stored != wanted:
            warnings.append(
                Warning(
                    "The database triggers are not those of this release and its settings.",
                    hint="Run `manage.py migrate`, then `manage.py recount`.",
                    id="mailadmin.W001",
                )
            )
    return warnings


@register(Tags.database)
def check_functions(databases=None, **kwargs):
    """The functions that deploy/postfix/alias.cf calls are there, and those of this release."""
    warnings = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "mysql" or not triggers.stored(connection):
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES"
                " WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_NAME IN %s",
                [list(functions.statements())],
            )
            stored = dict(cursor.fetchall())
        if stored != functions.bodies():
            warnings.append(
                Warning(
                    "The database functions of Postfix's alias map are missing, or not those of this"
                    " release and its settings. Without them Postfix defers all mail.",
                    hint="Run `manage.py recount`.",
                    id="mailadmin.W002",
                )
            )
    return warnings
