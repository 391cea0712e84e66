"""What an adoption reads: each row a few times, never each for each."""

from contextlib import closing

import pytest
from django.db import connection

from mailadmin.adoption import configuration, shadow
from mailadmin.adoption.place import Shadow
from mailadmin.adoption.source import Source
from mailadmin.findings import asking, rows
from tests.adoption import postfixadmin

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 2_000


@pytest.fixture
def source(site):
    postfixadmin.run(
        "INSERT INTO mailbox (username, password, name, maildir, local_part, domain)"
        " SELECT CONCAT('u', seq, '@example.org'), '', '', CONCAT('example.org/u', seq, '/'), CONCAT('u', seq),"
        f" 'example.org' FROM seq_1_to_{ROWS};\n"
        "INSERT INTO alias (address, goto, domain) SELECT username, username, domain FROM mailbox"
        " WHERE username LIKE 'u%'"
    )
    with closing(connection.copy()) as own:
        yield Source(own, configuration.read([]))


@pytest.fixture
def place(source):
    place = Shadow(source, f"{connection.settings_dict['NAME']}_adopt")
    shadow.begin(source, place)
    yield place
    place.drop()


def rows_read(source):
    return sum(
        int(number) for _name, number in source.rows("SHOW SESSION STATUS LIKE 'Handler_read%'")
    )


def test_to_bring_the_copy_up_to_date(source, place):
    shadow.copy(source, place, lambda groups, table: groups)
    postfixadmin.run("DELETE FROM alias WHERE address = 'u1@example.org'")
    before = rows_read(source)

    shadow.synchronise(source, place)

    assert source.one(f"SELECT COUNT(*) FROM {place.quoted('alias')}") == ROWS + 1
    assert rows_read(source) - before < 20 * ROWS


def test_to_find_what_is_wrong_with_rows(source):
    found = {}
    for check in rows.CHECKS:
        before = rows_read(source)
        list(asking.answers(source, [check]))
        found[check.name] = rows_read(source) - before

    assert {name: read for name, read in found.items() if read > 50 * ROWS} == {}
