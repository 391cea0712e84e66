from contextlib import closing

import MySQLdb
import pytest
from django.core.management import CommandError
from django.db import Error, connection

from mailadmin.adoption.source import Source
from tests.adoption import postfixadmin
from tests.adoption.command import adopt, apply
from tests.adoption.tables import rows, tables
from tests.strangers import connect, own_user

pytestmark = pytest.mark.django_db(transaction=True)

NO_PARENT, HAS_CHILDREN, IS_REFERRED_TO = 1452, 1451, 1701


@pytest.fixture
def site(site):
    yield site
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {site}_adopt")


@pytest.fixture
def adopted(site):
    postfixadmin.add_admin("root@example.org", "ALL", superadmin=1)
    apply()
    return site


# --- What is written


MAILBOX = (
    "INSERT INTO mailbox (username, password, name, maildir, local_part, domain)"
    " VALUES ('ann@{0}', '', '', 'ann/', 'ann', '{0}')"
)


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        (MAILBOX.format("nowhere.example"), NO_PARENT),
        (
            "INSERT INTO alias (address, goto, domain) VALUES ('a@x.example', 'joe@example.org', 'x.example')",
            NO_PARENT,
        ),
        (
            "INSERT INTO domain_admins (username, domain) VALUES ('new@example.org', 'example.org')",
            NO_PARENT,
        ),
        ("DELETE FROM domain WHERE domain = 'example.org'", HAS_CHILDREN),
        (
            "UPDATE domain SET domain = 'other.example' WHERE domain = 'example.org'",
            HAS_CHILDREN,
        ),
        (
            "UPDATE admin SET username = 'chef@example.org' WHERE username = 'boss@example.org'",
            HAS_CHILDREN,
        ),
        (
            "REPLACE INTO domain (domain, description, transport) VALUES ('example.org', '', '')",
            HAS_CHILDREN,
        ),
        ("TRUNCATE domain", IS_REFERRED_TO),
    ],
)
def test_a_script_that_would_leave_orphans_is_refused(adopted, statement, number):
    with pytest.raises(Error) as stop:
        postfixadmin.run(statement)

    assert stop.value.args[0] == number


def test_a_script_that_changes_a_row_where_there_is_one_goes_on(adopted):
    postfixadmin.run(
        "INSERT INTO domain (domain, description, transport) VALUES ('example.org', 'Ours', 'virtual')"
        " ON DUPLICATE KEY UPDATE description = VALUES(description)"
    )

    assert rows("SELECT description FROM domain WHERE domain = 'example.org'") == (("Ours",),)


def test_what_stands_for_all_domains_keeps_its_capitals(adopted):
    """Postfix would ask for "all" as a domain."""
    assert rows("SELECT domain FROM domain WHERE LOWER(domain) = 'all'") == (("ALL",),)
    assert rows("SELECT domain FROM domain_admins WHERE username = 'root@example.org'") == (
        ("ALL",),
    )


def test_while_rows_are_copied_nobody_waits(site, monkeypatch):
    """As under REPEATABLE READ, where INSERT … SELECT holds what it reads."""
    run, written = Source.run, []

    def run_and_write(self, statement, params=None):
        run(self, statement, params)
        if f"INTO `{site}_adopt`.`alias` " in statement and not written:
            with closing(connect()) as other:
                other.query("SET innodb_lock_wait_timeout = 1")
                other.query(
                    "UPDATE alias SET goto = 'ann@elsewhere.example' WHERE address = 'info@example.org'"
                )
                other.commit()
            written.append(statement)

    monkeypatch.setattr(Source, "run", run_and_write)
    apply()

    assert len(written) == 1
    assert rows("SELECT goto FROM alias WHERE address = 'info@example.org'") == (
        ("ann@elsewhere.example",),
    )


def test_who_is_refused_at_the_change_of_places_is_told_to_try_again(site, monkeypatch):
    run, said = Source.run, []

    def write_before_it(self, statement, params=None):
        if "RENAME TABLE" in statement and "`before_mailbox`" in statement and not said:
            with closing(connect()) as other, pytest.raises(MySQLdb.Error) as stop:
                other.query("UPDATE alias SET active = 0")
            said.append(stop.value.args[1])
        run(self, statement, params)

    monkeypatch.setattr(Source, "run", write_before_it)
    apply()

    assert said == ["being moved to another panel, try again in a minute"]


def test_tables_that_are_made_later_are_in_the_new_character_set(adopted):
    postfixadmin.run("CREATE TABLE x_later (name varchar(10))")

    assert rows(
        "SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'x_later'"
    ) == (("utf8mb4_bin",),)


# --- Whose


def test_its_triggers_and_functions_are_the_panels_sql_users(site):
    with closing(connect()) as root, own_user(site):
        root.query(f"GRANT ALL ON {site}_adopt.* TO {site}@'%'")
        apply()

    definers = rows(
        "SELECT DISTINCT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
        " UNION SELECT DISTINCT DEFINER FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"
    )
    assert definers == ((f"{site}@%",),)


# --- The end


@pytest.mark.parametrize("typed", ["", "no", "y"])
def test_the_old_tables_are_dropped_only_where_yes_is_typed(adopted, monkeypatch, typed):
    asked = []
    monkeypatch.setattr("builtins.input", lambda words: asked.append(words) or typed)

    with pytest.raises(CommandError, match="Nothing was dropped"):
        adopt("--finish")

    assert "before_mailbox" in tables(f"{adopted}_adopt")
    [words] = asked
    assert words.endswith(
        "MB, are dropped. There is no way back to PostfixAdmin then. Type “yes”: "
    )

    monkeypatch.setattr("builtins.input", lambda _words: "yes")
    adopt("--finish")
    assert tables(f"{adopted}_adopt") == []


def test_how_large_the_old_tables_are_is_said_when_they_are_put_away(site):
    assert f"The old tables are in “{site}_adopt” (" in apply()
