import pytest
from django.db import connection

from accounts.models import LogEntry
from domains.models import Domain
from mailadmin.findings.asking import as_sql
from mailadmin.findings.own import OwnTables
from mailadmin.findings.rows import HERE
from tests.pages.test_findings import cure, found

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(make_admin, sign_in):
    return sign_in(make_admin(superadmin=True))


def run(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def loose():
    """No strictness and no foreign keys, as in a careless import."""
    run("SET SESSION sql_mode = '', foreign_key_checks = 0")
    yield
    run("SET SESSION sql_mode = 'STRICT_TRANS_TABLES', foreign_key_checks = 1")


def test_zero_dates_become_unknown_and_other_dates_stay(root, example_org, add_mailbox, loose):
    add_mailbox("joe@example.org")
    run(
        "UPDATE mailbox SET created = '0000-00-00', modified = '2020-02-03 04:05:06'",
        "UPDATE domain SET modified = '0000-00-00'",
    )
    assert found() == {"zero-dates": ["domain example.org", "mailbox joe@example.org"]}

    cure(root, "zero-dates")

    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(created AS CHAR), CAST(modified AS CHAR) FROM mailbox")
        assert cursor.fetchall() == (("2000-01-01 00:00:00", "2020-02-03 04:05:06"),)
    assert found() == {}
    entry = LogEntry.objects.get(action="edit_mailbox", data="joe@example.org")
    assert entry.changes == {"created": ["0000-00-00 00:00:00", "2000-01-01 00:00:00"]}


def test_the_domain_of_an_orphan_is_added_switched_off(root, example_org, add_mailbox, loose):
    add_mailbox("joe@example.org")
    run(
        "UPDATE alias SET address = 'joe@ghost.example', goto = 'joe@ghost.example', domain = 'ghost.example'",
        "UPDATE mailbox SET username = 'joe@ghost.example', domain = 'ghost.example'",
    )
    assert found() == {
        "aliases-without-domain": ["joe@ghost.example"],
        "mailboxes-without-domain": ["joe@ghost.example"],
    }

    cure(root, "mailboxes-without-domain")

    assert Domain.objects.get(pk="ghost.example").active is False
    assert found() == {}


def test_both_domains_of_an_alias_domain_are_added(root, example_org, loose):
    run(
        "INSERT INTO alias_domain (alias_domain, target_domain) VALUES ('one.example', 'two.example')"
    )
    assert found() == {"alias-domains-without-domain": ["one.example", "two.example"]}

    cure(root, "alias-domains-without-domain")

    assert set(Domain.objects.filter(active=False).values_list("pk", flat=True)) == {
        "one.example",
        "two.example",
    }
    assert found() == {}


def test_the_questions_take_indexes_or_one_pass(example_org, add_mailbox):
    """None joins two tables without a key: a million rows of each would never be read."""
    add_mailbox("joe@example.org")
    source, joined = OwnTables(), {}
    for name, check in HERE.items():
        query = as_sql(source, check)
        if not isinstance(query, str) or " JOIN " not in query:
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {query}")
            names = [column[0] for column in cursor.description]
            steps = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        passes = [step["id"] for step in steps if step["type"] in {"ALL", "index"}]
        joined[name] = max(map(passes.count, passes), default=0)
    assert set(joined.values()) <= {0, 1}, joined
