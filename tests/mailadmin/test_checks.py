from datetime import timedelta
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from aliases import functions
from aliases.models import Alias
from domains.models import Domain
from mailadmin import checks
from mailboxes import migrations, triggers
from mailboxes.models import Mailbox, UsageDay
from panel import server


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("trigger", ["mailadmin_alias_insert", None])
def test_triggers_that_are_missing_are_found(trigger):
    """One, or all of them: as after a dump that was made without them."""
    names = [trigger] if trigger else list(triggers.statements(connection.vendor))
    try:
        with connection.cursor() as cursor:
            for name in names:
                cursor.execute(f"DROP TRIGGER {name}")
        assert "mailadmin.W001" in findings()
    finally:
        call_command("recount", stdout=StringIO())
    assert findings() == ""


@pytest.mark.django_db(transaction=True)
def test_functions_that_are_missing_are_found():
    try:
        functions.drop(connection)
        assert "mailadmin.W002" in findings()
    finally:
        call_command("recount", stdout=StringIO())
    assert findings() == ""


def test_nothing_is_created_with_comments_which_a_client_leaves_out_when_it_restores_a_dump():
    created = functions.statements() | triggers.statements("mysql") | triggers.statements("sqlite")

    assert [name for name, text in created.items() if "--" in text or "/*" in text] == []


@pytest.mark.django_db
def test_snapshots_that_nobody_takes_are_told_after_some_days(example_org):
    assert findings() == ""

    now = timezone.now()
    Domain.objects.update(created=now - checks.DAYS_WITHOUT_SNAPSHOT - timedelta(hours=1))
    assert "mailadmin.W008" in findings()

    call_command("snapshot", stdout=StringIO())
    assert findings() == ""

    UsageDay.objects.update(day=now - checks.DAYS_WITHOUT_SNAPSHOT - timedelta(days=1))
    assert "mailadmin.W008" in findings()


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_is_not_applied_is_named():
    recorder = MigrationRecorder(connection)
    last = max(path.stem for path in Path(migrations.__file__).parent.glob("0*.py"))
    recorder.record_unapplied("mailboxes", last)
    try:
        assert "mailadmin.W003" in findings()
        assert f"mailboxes.{last}" in findings()
    finally:
        recorder.record_applied("mailboxes", last)


def test_a_row_that_no_look_up_finds_is_named(add_mailbox, add_alias, example_org):
    add_mailbox("joe@example.org")
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "joe@example.org")
    assert findings() == ""

    Mailbox.objects.filter(pk="joe@example.org").update(username=" joe@example.org")
    Alias.objects.filter(pk="sales@example.org").update(address=" sales@example.org")

    assert "mailadmin.W004" in findings()
    assert "such as ' joe@example.org', ' sales@example.org'." in findings()


def test_a_quota_that_was_meant_in_megabytes_is_named(add_mailbox, example_org):
    small = add_mailbox("small@example.org", quota=1_024_000)
    add_mailbox("joe@example.org")
    assert findings() == ""

    Mailbox.objects.filter(pk=small.pk).update(quota=2048)

    assert "mailadmin.W005" in findings()
    assert "such as small@example.org:" in findings()


@pytest.mark.parametrize(
    ("variables", "grant", "may"),
    [
        ({"log_bin": "OFF", "wsrep_on": "OFF"}, "GRANT USAGE ON *.* TO x", True),
        ({"log_bin": "ON"}, "GRANT USAGE ON *.* TO x", False),
        ({"log_bin": "OFF", "wsrep_on": "ON"}, "GRANT USAGE ON *.* TO x", False),
        ({"log_bin": "ON"}, "GRANT ALL PRIVILEGES ON `mail`.* TO x", False),
        ({"log_bin": "ON"}, "GRANT SELECT, SUPER ON *.* TO x", True),
        ({"log_bin": "ON"}, "GRANT ALL PRIVILEGES ON *.* TO x", True),
        (
            {"log_bin": "ON", "log_bin_trust_function_creators": "ON"},
            "GRANT USAGE ON *.* TO x",
            True,
        ),
    ],
)
def test_who_may_create_triggers(variables, grant, may):
    database = mock.MagicMock(vendor="mysql")
    cursor = database.cursor.return_value.__enter__.return_value
    cursor.fetchall.side_effect = [list(variables.items()), [(grant,)]]

    assert server.may_create(database) is may
