"""`manage.py doctor`: settings, database and rows, all at once."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from mailboxes import triggers

pytestmark = pytest.mark.django_db


def doctor(*arguments):
    """(status, what it says)"""
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_it_says_that_all_is_well(example_org, add_mailbox):
    add_mailbox("joe@example.org")

    assert doctor() == (0, "All is well.\n")
    assert doctor("--json") == (0, "[]\n")


def test_it_names_rows_with_examples(example_org, add_mailbox, add_alias):
    add_mailbox("joe@example.org")
    add_alias("team@example.org", "joe@example.org", "gone@example.org")

    status, said = doctor()

    assert status == 1
    assert said.splitlines() == [
        "rows: Recipients that do not exist (1)   recipients-that-do-not-exist",
        "    team@example.org to gone@example.org",
    ]


@pytest.mark.django_db(transaction=True)
def test_it_names_what_the_checks_of_the_database_find_and_what_mends_it(example_org):
    try:
        triggers.drop(connection)
        status, said = doctor("--json")
    finally:
        call_command("recount", stdout=StringIO())

    [record] = json.loads(said)
    assert status == 1
    assert (record["level"], record["name"]) == ("warning", "mailadmin.W001")
    assert record["mend"] == "Run `manage.py recount`."
