"""PostfixAdmin's table fetchmail, made beside the panel or before it, becomes ours with its rows."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from tests.adoption.postfixadmin import TABLES, run
from tests.test_app_passwords_on_mariadb import ask

pytestmark = pytest.mark.django_db(transaction=True)

FETCHMAIL = next(one for one in TABLES.split(";\n") if "fetchmail" in one).format(p="")


def structure():
    here = "TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'fetchmail'"
    columns = ask(
        "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, COLLATION_NAME"
        f" FROM information_schema.COLUMNS WHERE {here} ORDER BY 1"
    )
    indexes = ask(
        f"SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE {here} ORDER BY 1, SEQ_IN_INDEX"
    )
    return columns, indexes


def test_it_gets_our_columns_and_keeps_its_rows():
    wanted = structure()
    ask("DROP TABLE fetchmail")
    run(FETCHMAIL)
    ask(
        "INSERT INTO fetchmail (mailbox, domain, src_server, src_user, src_password, src_folder, protocol, mda, keep)"
        " VALUES ('Joe@Example.org', 'example.org', 'pop.example.net', 'joe', 'c2VjcmV0', '', 'POP3', '', 1)"
    )

    migration = import_module("mailboxes.migrations.0036_fetchmail")
    with connection.schema_editor() as editor:
        migration.create(apps, editor)

    assert structure() == wanted
    kept = ask(
        "SELECT mailbox, src_server, src_auth, protocol, keep, outcome, next_run FROM fetchmail"
    )
    assert kept == (("joe@example.org", "pop.example.net", None, "POP3", 1, "", 0),)
