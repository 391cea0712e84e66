"""System checks of the database."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from mailadmin import checks


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
        call_command("recount", stdout=StringIO())


@pytest.mark.django_db
def test_a_server_that_is_too_old_is_an_error(monkeypatch):
    monkeypatch.setattr(checks, "MARIADB_MINIMUM", (99, 0))
    monkeypatch.setattr(checks, "MYSQL_MINIMUM", (99, 0))

    with pytest.raises(SystemCheckError, match=r"mailadmin\.E001.*neither MariaDB 10\.6"):
        findings()
