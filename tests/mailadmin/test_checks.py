"""System checks of the database."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from mailboxes import triggers


def findings():
    errors = StringIO()
    call_command("check", "--database", "default", stderr=errors, stdout=StringIO())
    return errors.getvalue()


@pytest.mark.django_db
def test_a_freshly_migrated_database_is_as_it_should_be():
    assert findings() == ""


@pytest.mark.django_db(transaction=True)
def test_another_recipient_delimiter_needs_new_triggers(settings):
    settings.RECIPIENT_DELIMITER = "-"
    try:
        assert "mailadmin.W001" in findings()
        call_command("recount", stdout=StringIO())
        assert findings() == ""
    finally:
        settings.RECIPIENT_DELIMITER = "+"
        triggers.create(connection)
