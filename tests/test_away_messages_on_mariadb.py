from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from aliases.models import Alias
from mailboxes import sieve
from mailboxes.models import Mailbox, Vacation
from mailboxes.renaming import rename_mailbox
from mailboxes.vacations import end_vacation, set_vacation

pytestmark = pytest.mark.django_db(transaction=True)
GRACE, JOE = "grace@example.org", "joe@example.org"


@pytest.fixture
def people(example_org, add_mailbox):
    return {address: add_mailbox(address) for address in (GRACE, JOE)}


@pytest.fixture(params=["", "pfa_"])
def vacation(request, people):
    """PostfixAdmin's tables, with or without a prefix; without one, ``vacation`` is this panel's too."""
    name = f"{request.param}vacation"
    key = "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"
    if request.param:
        run(f"CREATE TABLE {name} (email {key} PRIMARY KEY, active tinyint(1) NOT NULL DEFAULT 1)")
    run(
        f"CREATE TABLE {name}_notification (on_vacation {key}, notified {key}, PRIMARY KEY (on_vacation, notified),"
        f" FOREIGN KEY (on_vacation) REFERENCES {name} (email) ON DELETE CASCADE)",
        f"INSERT INTO {name} (email) VALUES ('{GRACE}'), ('{JOE}')",
        f"INSERT INTO {name}_notification VALUES ('{GRACE}', 'x@elsewhere.example'), ('{JOE}', 'x@y.example')",
    )
    yield name
    run(f"DROP TABLE {name}_notification")
    run(f"DROP TABLE {name}" if request.param else "DELETE FROM vacation")


def run(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else ()


def test_its_message_is_off_and_whom_it_answered_is_forgotten(vacation, people):
    Alias.objects.filter(pk=GRACE).update(goto=f"{GRACE},grace#example.org@autoreply.example.com")

    assert end_vacation(actor=None, mailbox=people[GRACE]) is True

    assert Alias.objects.get(pk=GRACE).goto == GRACE
    assert run(f"SELECT email, active FROM {vacation} ORDER BY email") == ((GRACE, 0), (JOE, 1))
    assert run(f"SELECT on_vacation FROM {vacation}_notification") == ((JOE,),)


@pytest.mark.parametrize("vacation", [""], indirect=True)
def test_a_mailbox_whose_answers_postfixadmin_noted_gets_another_name(vacation, people):
    rename_mailbox(actor=None, mailbox=people[JOE], local_part="joseph")

    assert run("SELECT email FROM vacation ORDER BY email") == ((GRACE,), ("joseph@example.org",))


def test_every_mailbox_has_a_script_and_only_who_is_away_answers(people):
    set_vacation(actor=None, mailbox=people[GRACE], subject="Away", body="x")

    rows = dict(run("SELECT username, script FROM sieve_vacation"))

    assert rows[JOE] == "# Nobody is away.\r\n"
    assert rows[GRACE].startswith('require ["vacation"];\r\nvacation :days 60 :handle "')
    assert rows[GRACE].endswith(f':subject "Away" :addresses ["{GRACE}"] "x";\r\n')
    assert run("SELECT COUNT(DISTINCT id) FROM sieve_vacation") == ((2,),)


@pytest.mark.parametrize("zone", ["", "Asia/Tokyo", "America/New_York"])
def test_the_answer_says_the_days_that_the_preview_says(zone, people):
    Mailbox.objects.update(time_zone=zone)
    grace = Mailbox.objects.get(pk=GRACE)
    today = timezone.localdate(timezone=grace.zone)
    text = "From <%From_Date> until <%Until_Date>."

    set_vacation(
        actor=None, mailbox=grace, subject="Away", body=text, first_day=today, last_day=today
    )

    script = dict(run("SELECT username, script FROM sieve_vacation"))[GRACE]
    assert f'"From {today} until {today}."' in script


def test_views_that_are_gone_or_of_another_release_are_noticed_and_made_anew(people):
    assert sieve.are_complete(connection) is True
    run("CREATE OR REPLACE VIEW sieve_vacation AS SELECT username FROM sieve_vacation_text")
    assert sieve.are_complete(connection) is False
    sieve.drop(connection)
    assert sieve.are_complete(connection) is False

    sieve.create(connection)

    assert sieve.are_complete(connection) is True


def test_postfixadmin_writes_its_columns_and_dovecot_answers(people):
    """As its page of release 3.3 does, and public/vacation.php of later ones."""
    run(
        "INSERT INTO vacation (email, interval_time, subject, body, domain, active, activefrom, activeuntil, created, modified)"
        f" VALUES ('{GRACE}', 604800, 'Weg', 'Bis bald', 'example.org', 1, NOW(), NOW() + INTERVAL 1 DAY, NOW(), NOW())"
    )

    [[script]] = run(f"SELECT script FROM sieve_vacation WHERE username = '{GRACE}'")

    assert "vacation :days 7 " in script
    assert Vacation.objects.get().state == "on"


OF_POSTFIXADMIN = (
    "CREATE TABLE vacation (email varchar(255) NOT NULL PRIMARY KEY, subject varchar(255) CHARACTER SET utf8mb4 NOT NULL,"
    " body text CHARACTER SET utf8mb4 NOT NULL, cache text NOT NULL, domain varchar(255) NOT NULL,"
    " created datetime NOT NULL DEFAULT '2000-01-01 00:00:00', active tinyint(1) NOT NULL DEFAULT 1,"
    " modified timestamp NOT NULL DEFAULT current_timestamp(), activefrom timestamp NOT NULL DEFAULT '2000-01-01 00:00:00',"
    " activeuntil timestamp NOT NULL DEFAULT '2038-01-18 00:00:00', interval_time int(11) NOT NULL DEFAULT 0,"
    " KEY email (email)) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_general_ci",
    "CREATE TABLE vacation_notification (on_vacation varchar(255) NOT NULL, notified varchar(255) NOT NULL DEFAULT '',"
    " notified_at timestamp NOT NULL DEFAULT current_timestamp(), PRIMARY KEY (on_vacation, notified),"
    " CONSTRAINT vacation_notification_pkey FOREIGN KEY (on_vacation) REFERENCES vacation (email) ON DELETE CASCADE)"
    " ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_general_ci",
    "INSERT INTO vacation (email, subject, body, cache, domain) VALUES ('Grace@example.org ', 'Weg 🌴', 'Grüße', '', 'example.org')",
    "INSERT INTO vacation_notification (on_vacation, notified) VALUES ('grace@example.org', 'x@y.example')",
)


def structure():
    return run(
        "SELECT COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, COLUMN_DEFAULT FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'vacation' AND COLUMN_NAME <> 'subject' ORDER BY COLUMN_NAME"
    )


def test_the_table_of_a_postfixadmin_that_is_there_is_taken_over_with_its_rows(people):
    wanted = structure()
    [[_name, as_it_was]] = run("SHOW CREATE TABLE vacation")
    run("DROP TABLE vacation", *OF_POSTFIXADMIN)
    migration = import_module("mailboxes.migrations.0030_vacation")
    try:
        with connection.schema_editor() as editor:
            migration.create(apps, editor)

        assert structure() == wanted
        row = Vacation.objects.get()
        assert (row.pk, row.subject, row.body, row.state) == (GRACE, "Weg 🌴", "Grüße", "on")
        assert run("SELECT on_vacation FROM vacation_notification") == ((GRACE,),)
        row.delete()
        assert run("SELECT on_vacation FROM vacation_notification") == ()
    finally:
        run("DROP TABLE vacation_notification", "DROP TABLE vacation", as_it_was)
