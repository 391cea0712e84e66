import re
from contextlib import contextmanager

import pytest
from django.db import connection

from aliases.models import Alias
from domains.models import Domain, DomainUsage
from mailadmin.adoption import noting
from mailadmin.adoption.copying import MADE_HERE
from mailadmin.adoption.source import Source
from mailboxes.models import Mailbox
from tests.adoption import postfixadmin
from tests.adoption.command import apply
from tests.adoption.tables import rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(site):
    postfixadmin.add_mailbox("Ann@example.org")
    postfixadmin.add_mailbox("bob@example.org")
    yield site
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {site}_adopt")


@contextmanager
def just_before_they_are_refused(monkeypatch, *statements):
    """Somebody writes at the last moment; the list is of the rows of mailbox and alias that are compared after it."""
    run, compared, done = Source.run, [], []

    def write_first(self, statement, params=None):
        if "`hold_domain_insert`" in statement and not done:
            done.append(True)
            postfixadmin.run(";\n".join(statements))
        if (
            done
            and "IS NULL OR NOT (" in statement
            and re.search(r"FROM \S+\.`(mailbox|alias)` x ", statement)
        ):
            compared.append(params)
        return run(self, statement, params)

    with monkeypatch.context() as patched:
        patched.setattr(Source, "run", write_first)
        yield compared
    assert done


def test_rows_that_are_new_changed_renamed_and_gone(site, monkeypatch):
    with just_before_they_are_refused(
        monkeypatch,
        "INSERT INTO alias (address, goto, domain) VALUES ('New@example.org', 'joe@example.org', 'example.org')",
        "UPDATE alias SET goto = 'ann@example.org' WHERE address = 'info@example.org'",
        "UPDATE mailbox SET name = 'Joe' WHERE username = 'joe@example.org'",
        "UPDATE mailbox SET username = 'anna@example.org', local_part = 'anna' WHERE username = 'ann@example.org'",
        "DELETE FROM alias WHERE address = 'Ann@example.org'",
        "DELETE FROM mailbox WHERE username = 'bob@example.org'",
    ) as compared:
        apply()

    assert list(Mailbox.objects.order_by("pk").values_list("pk", "name")) == [
        ("anna@example.org", ""),
        ("joe@example.org", "Joe"),
    ]
    assert dict(Alias.objects.values_list("pk", "goto")) == {
        "bob@example.org": "bob@example.org",
        "info@example.org": "ann@example.org",
        "joe@example.org": "joe@example.org",
        "new@example.org": "joe@example.org",
    }
    assert DomainUsage.objects.get(pk="example.org").mailboxes == 2
    assert [set(*params) for params in compared] == [
        {"Ann@example.org", "anna@example.org", "bob@example.org", "joe@example.org"},
        {"Ann@example.org", "New@example.org", "info@example.org"},
    ]


def test_what_dovecot_counts_and_somebody_logs_then(site, monkeypatch):
    postfixadmin.add("quota2", username="joe@example.org", bytes=10, messages=1)
    with just_before_they_are_refused(
        monkeypatch,
        "UPDATE quota2 SET bytes = bytes + 5, messages = messages + 1 WHERE username = 'joe@example.org'",
        "INSERT INTO quota2 (username, bytes, messages) VALUES ('bob@example.org', 7, 1)",
        "INSERT INTO log (username, domain, action, data) VALUES ('root', 'example.org', 'x', 'at the last moment')",
    ):
        apply()

    assert rows("SELECT username, bytes, messages FROM quota2 ORDER BY 1") == (
        ("bob@example.org", 7, 1),
        ("joe@example.org", 15, 2),
    )
    assert rows("SELECT action, data FROM log") == (("x", "at the last moment"),)


def test_where_nothing_was_written_no_row_is_compared(site, monkeypatch):
    with just_before_they_are_refused(monkeypatch) as compared:
        apply()

    assert compared == []
    assert Mailbox.objects.count() == 3


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("TRUNCATE alias", []),
        (
            "UPDATE alias SET goto = 'x@elsewhere.example'",
            ["ann@example.org", "bob@example.org", "info@example.org", "joe@example.org"],
        ),
    ],
)
def test_what_was_written_to_all_rows_comes_along_too(site, monkeypatch, statement, left):
    monkeypatch.setattr(noting, "MOST", 2)
    with just_before_they_are_refused(monkeypatch, statement):
        apply()

    assert list(Alias.objects.order_by("pk").values_list("pk", flat=True)) == left
    assert {alias.goto for alias in Alias.objects.all()} <= {"x@elsewhere.example"}


def test_a_domain_that_a_script_deleted_alone_is_off_for_its_rows(site, monkeypatch):
    with just_before_they_are_refused(
        monkeypatch, "DELETE FROM domain WHERE domain = 'example.org'"
    ):
        apply()

    domain = Domain.objects.get(pk="example.org")
    assert (domain.description, domain.active) == (MADE_HERE, False)


def test_nothing_that_notes_is_left(site, monkeypatch):
    apply()

    # Of the same server's other databases, another worker's run may stand in the middle.
    found = rows(
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS"
        f" WHERE TRIGGER_NAME LIKE 'hold%' AND TRIGGER_SCHEMA LIKE '{site}%'"
    )
    assert found == ()
    postfixadmin.add_mailbox("later@example.org")
