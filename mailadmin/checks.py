"""System checks: the database is one whose behaviour the mail rules rely on."""

from django.core.checks import Error, Tags, register
from django.db import connections

MARIADB_MINIMUM = (10, 6)


@register(Tags.database)
def check_mariadb(databases=None, **kwargs):
    """MariaDB 10.6 or later (JSON_TABLE in triggers), in strict mode (nothing cut silently)."""
    errors = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "mysql":
            continue
        if not connection.mysql_is_mariadb or connection.mysql_version < MARIADB_MINIMUM:
            errors.append(
                Error(
                    "The database server is not MariaDB 10.6 or later.",
                    hint="Debian 12 and later ship a suitable mariadb-server.",
                    id="mailadmin.E001",
                )
            )
        if "STRICT_TRANS_TABLES" not in connection.sql_mode:
            errors.append(
                Error("The database connection is not in strict mode.", id="mailadmin.E002")
            )
    return errors
