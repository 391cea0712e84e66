from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from aliases import functions


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    world = empty_world
    world.domain("example.org")
    world.mailbox("ann@example.org")
    world.alias("sales@example.org", "ann@example.org")
    return world


@pytest.fixture
def without_functions(world):
    functions.drop(connection)
    yield
    functions.create(connection)


def findings():
    errors = StringIO()
    call_command("check", "--database", "default", stderr=errors, stdout=StringIO())
    return errors.getvalue()


def test_without_them_a_look_up_is_an_error_and_mail_is_deferred(postfix, without_functions):
    with pytest.raises(RuntimeError, match=r"(?s)mailadmin_lookup does not exist.*query error"):
        postfix.lookup("alias", "nobody@example.org")


def test_the_check_says_that_they_are_missing_and_recount_creates_them(postfix, without_functions):
    assert "mailadmin.W002" in findings()

    call_command("recount", stdout=StringIO())

    assert findings() == ""
    assert postfix.lookup("alias", "sales@example.org") == "ann@example.org"


def test_the_recipient_delimiter_is_part_of_them(settings):
    settings.RECIPIENT_DELIMITER = "-"

    assert "mailadmin.W002" in findings()


@pytest.fixture
def server_that_cuts_lists(mail_server):
    """As MySQL does unless it is told otherwise."""
    [[before]] = mail_server.execute("SELECT @@GLOBAL.group_concat_max_len")
    mail_server.execute("SET GLOBAL group_concat_max_len = 1024")
    yield
    mail_server.execute(f"SET GLOBAL group_concat_max_len = {before}")


def test_long_lists_are_followed_whatever_the_server_cuts(world, postfix, server_that_cuts_lists):
    outside = [f"someone-with-a-long-name-{n}@elsewhere.test" for n in range(100)]
    world.domain("off.example", active=False)
    world.alias("long@example.org", *outside, "x@off.example")

    assert set(postfix.lookup("alias", "long@example.org").split(",")) == set(outside)


def test_a_look_up_does_not_wait_for_somebody_who_writes(mail_server, postfix):
    writer = mail_server.connect()
    writer.autocommit(False)
    with writer.cursor() as cursor:
        for table in ("alias", "alias_target", "mailbox", "domain"):
            cursor.execute(f"SELECT * FROM {table} FOR UPDATE")
        assert postfix.lookup("alias", "sales@example.org") == "ann@example.org"
    writer.rollback()
    writer.close()
