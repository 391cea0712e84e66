"""A table of app passwords that PostfixAdmin made beside the panel, or before it, becomes ours with its rows."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from mailboxes.models import AppPassword
from tests.adoption.postfixadmin import LATER, run

pytestmark = pytest.mark.django_db(transaction=True)

THEIRS = next(one for one in LATER.split(";\n") if "mailbox_app_password" in one).format(p="")


def ask(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def structure():
    here = "TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'mailbox_app_password'"
    columns = ask(
        "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, COLLATION_NAME"
        f" FROM information_schema.COLUMNS WHERE {here} AND COLUMN_NAME <> 'description' ORDER BY 1"
    )
    indexes = ask(
        f"SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE {here} ORDER BY 1, SEQ_IN_INDEX"
    )
    return columns, indexes


def test_it_gets_our_columns_and_keeps_its_rows():
    wanted = structure()
    ask("DROP TABLE mailbox_app_password")
    run(THEIRS)
    ask(
        "INSERT INTO mailbox_app_password (username, description, password_hash)"
        " VALUES ('joe@example.org', 'Phöne', '$2y$10$x')"
    )

    migration = import_module("mailboxes.migrations.0022_app_passwords")
    with connection.schema_editor() as editor:
        migration.create(apps, editor)
        for name in ("used", "used_address", "used_protocol"):  # as a later one does
            editor.add_field(AppPassword, AppPassword._meta.get_field(name))

    assert structure() == wanted
    assert ask(
        "SELECT username, description, password_hash, protocols FROM mailbox_app_password"
    ) == (("joe@example.org", "Phöne", "$2y$10$x", ""),)
