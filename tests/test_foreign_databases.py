from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, connection

from accounts.models import Admin
from panel import foreign
from tests.adoption import postfixadmin
from tests.adoption.tables import everything
from tests.strangers import another_database, own_user, schema

# The columns by which it is known, and what a mailbox of release 3.3 has besides.
POSTFIXADMIN = """
CREATE TABLE {0}admin (username varchar(255) PRIMARY KEY, password varchar(255), superadmin tinyint(1));
CREATE TABLE {0}domain (domain varchar(255) PRIMARY KEY, description varchar(255), aliases int, mailboxes int,
  maxquota bigint, quota bigint, transport varchar(255), backupmx tinyint(1), active tinyint(1));
CREATE TABLE {0}domain_admins (id int PRIMARY KEY, username varchar(255), domain varchar(255));
CREATE TABLE {0}alias (address varchar(255) PRIMARY KEY, goto text, domain varchar(255), active tinyint(1));
CREATE TABLE {0}mailbox (username varchar(255) PRIMARY KEY, password varchar(255), name varchar(255),
  maildir varchar(255), quota bigint, local_part varchar(255), domain varchar(255), active tinyint(1));
INSERT INTO {0}mailbox VALUES ('joe@example.org', 'x', 'Joe', 'example.org/joe/', 0, 'joe', 'example.org', 1);
INSERT INTO {0}mailbox VALUES ('ann@example.org', 'x', 'Ann', 'example.org/ann/', 0, 'ann', 'example.org', 1);
"""
COMMANDS = {
    "migrate": (SystemCheckError, ["migrate"], {"skip_checks": False}),
    "check": (SystemCheckError, ["check", "--database", "default"], {}),
    "recount": (CommandError, ["recount"], {}),
    "firstrun": (CommandError, ["firstrun"], {}),
    "snapshot": (CommandError, ["snapshot"], {}),
    "list": (CommandError, ["domain", "list"], {}),
}

OTHERS = [
    ["admin", "list"],
    ["admin", "add", "new@example.org", "--superadmin", "--generate"],
    ["mailbox", "list"],
    ["mailbox", "off", "joe@example.org"],
    ["mailbox", "password", "joe@example.org", "--generate"],
    ["alias", "list"],
    ["alias", "add", "new@example.org", "joe@example.org"],
    ["alias", "delete", "info@example.org", "--yes"],
    ["aliasdomain", "list"],
    ["dkim", "list"],
    ["trace", "info@example.org"],
    ["log"],
    ["check_rows"],
    ["doctor"],
    ["directories"],
    ["checkdns"],
    ["certnames"],
]


@pytest.fixture
def elsewhere(db):
    with another_database() as name:
        yield name


def create(script):
    with connection.cursor() as cursor:
        for statement in filter(str.strip, script.split(";")):
            cursor.execute(statement)


def said(command):
    kind, arguments, options = COMMANDS[command]
    with pytest.raises(kind) as stop:
        call_command(*arguments, stdout=StringIO(), stderr=StringIO(), **options)
    return str(stop.value)


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("prefix", ["", "pfx_"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_knows_postfixadmins_database_and_leaves_it_as_it_is(
    elsewhere, command, prefix
):
    create(POSTFIXADMIN.format(prefix))
    before = schema()

    words = said(command)

    assert "This is PostfixAdmin's database (3.3 or earlier, mailboxes: 2)." in words
    assert "manage.py adopt" in words
    assert "cannot be opened" not in words
    assert schema() == before


@pytest.mark.parametrize("release", postfixadmin.RELEASES)
def test_so_do_all_others_with_each_release(elsewhere, release):
    postfixadmin.create(release)
    postfixadmin.add_domain("example.org")
    postfixadmin.add_mailbox("joe@example.org")
    postfixadmin.add_alias("info@example.org", "joe@example.org")
    before = everything(elsewhere)

    silent = []
    for arguments in OTHERS:
        out = StringIO()
        try:
            call_command(*arguments, stdout=out, stderr=out)
        except (CommandError, SystemExit) as stop:
            out.write(str(stop))
        if "This is PostfixAdmin's database" not in out.getvalue():
            silent.append((arguments, out.getvalue()))

    assert silent == []
    assert everything(elsewhere) == before


def test_the_release_is_told_by_the_columns(elsewhere):
    create(POSTFIXADMIN.format(""))
    create("ALTER TABLE mailbox ADD totp_secret varchar(255)")

    assert "(4.0 or later, mailboxes: 2)" in foreign.owner(connection)


@pytest.mark.parametrize("command", ["migrate", "check", "recount"])
def test_tables_of_our_names_that_are_not_ours_are_left_alone(elsewhere, command):
    create("CREATE TABLE log (id int PRIMARY KEY); CREATE TABLE posts (id int PRIMARY KEY)")
    before = schema()

    assert "These tables are another program's: log." in said(command)
    assert schema() == before


def test_other_tables_beside_ours_are_no_hindrance(elsewhere):
    create("CREATE TABLE posts (id int PRIMARY KEY)")

    call_command("migrate", "-v", "0")

    assert foreign.owner(connection) == ""
    assert Admin.objects.count() == 0


def test_recount_needs_all_tables_and_makes_nothing_half(elsewhere):
    call_command("migrate", "domains", "-v", "0")
    before = schema()

    assert "These tables are missing: " in said("recount")
    assert schema() == before


def test_an_empty_database_is_told_to_migrate(elsewhere):
    assert "Has `manage.py migrate` been run?" in said("list")


@pytest.fixture
def few(elsewhere):
    with own_user(elsewhere, without="TRIGGER"):
        yield elsewhere


def test_a_right_that_is_missing_is_told_with_the_statement_that_gives_it(few):
    with pytest.raises(OperationalError) as stop:
        call_command("migrate", "-v", "0")

    assert foreign.cure(stop.value) == (
        f"Allow it as the server's root: GRANT TRIGGER ON `{few}`.* TO '{few}'@'%';"
    )


@pytest.mark.parametrize("error", [OperationalError(1205, "Lock wait"), OperationalError()])
def test_other_errors_have_no_statement(error):
    assert foreign.cure(error) == ""
