import re

import pytest
from django.db import connection, transaction

from aliases.models import AliasTarget
from domains.services import create_alias_domain
from mailboxes import triggers
from mailboxes.models import NEARLY_FULL, Mailbox
from mailboxes.services import delete_mailbox
from panel.addresses import without_extension
from tests.mailboxes.test_triggers import (
    OtherPrograms,
    counted,
    kept,
    rows,
)
from tests.refusals import refused


@pytest.mark.django_db
@pytest.mark.parametrize("first", ["catch-all", "link"])
def test_a_target_with_a_catch_all_in_an_alias_domain_dangles_only_when_both_are_gone(
    first, example_org, other_net, add_alias
):
    add_alias("sales@other.net", "gone@example.org")
    add_alias("@example.org", "x@elsewhere.example")
    create_alias_domain(actor=None, alias_domain=example_org, target_domain=other_net)
    cut = {
        "catch-all": "DELETE FROM alias WHERE address = '@example.org'",
        "link": "DELETE FROM alias_domain WHERE alias_domain = 'example.org'",
    }
    with connection.cursor() as cursor:
        cursor.execute(cut.pop(first))
        assert dangling() == []
        cursor.execute(cut.popitem()[1])
        assert dangling() == ["gone@example.org"]


@pytest.mark.django_db
def test_a_catch_all_does_not_answer_for_its_own_targets(example_org, add_alias):
    add_alias("@example.org", "gone@example.org", "x@elsewhere.example")
    add_alias("sales@example.org", "lost@example.org")

    assert dangling() == ["gone@example.org"]


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["backupmx = TRUE", "transport = 'smtp:[192.0.2.7]:25'"])
def test_a_target_in_a_domain_that_is_handed_on_does_not_dangle(change, example_org, add_alias):
    add_alias("sales@example.org", "gone@example.org")
    assert dangling() == ["gone@example.org"]

    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE domain SET {change}")
        assert dangling() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO alias (address, goto, domain) VALUES ('@example.org', 'x@e.example', 'example.org')",
        "UPDATE alias SET active = FALSE WHERE address = '@example.org'",
        "DELETE FROM alias WHERE address = '@example.org'",
        "INSERT INTO alias_domain (alias_domain, target_domain) VALUES ('example.org', 'other.net')",
        "DELETE FROM alias_domain WHERE alias_domain = 'example.org'",
        "UPDATE domain SET backupmx = TRUE WHERE domain = 'example.org'",
    ],
)
def test_what_a_whole_domain_does_with_mail_changes_at_the_same_cost_for_any_number_of_targets_there(
    statement, example_org, other_net, add_alias
):
    if "DELETE FROM alias_domain" in statement:
        create_alias_domain(actor=None, alias_domain=example_org, target_domain=other_net)
    if "'@example.org'" in statement and "INSERT" not in statement:
        add_alias("@example.org", "x@elsewhere.example")

    costs = []
    for name in ("few", "more"):
        add_alias(f"{name}@other.net", *(f"{name}{n}@example.org" for n in range(20)))
        with transaction.atomic():
            costs.append(cost(statement))
            transaction.set_rollback(True)  # as it was, for the next

    assert AliasTarget.objects.filter(domain="example.org", unmatched=True).count() == 40
    assert costs[0] == costs[1] > 0


def cost(statement):
    """Rows read and written on MariaDB, rows written on SQLite, by ``statement`` and its triggers."""
    with connection.cursor() as cursor:

        def count():
            if connection.vendor == "sqlite":
                return rows(cursor, "SELECT total_changes()")[0][0]
            names = "'^Handler_(read_|update|write|delete)'"
            found = rows(cursor, f"SHOW SESSION STATUS WHERE Variable_name REGEXP {names}")
            return sum(int(value) for _name, value in found)

        before = count()
        cursor.execute(statement)
        return count() - before


def dangling():
    return sorted(AliasTarget.objects.dangling().values_list("target", flat=True))


@pytest.mark.django_db(transaction=True)  # MariaDB commits before it drops a trigger
@pytest.mark.parametrize("delimiter", ["+", "-", "="])
def test_the_triggers_cut_extensions_as_python_does(delimiter, settings, transactional_db):
    mark = delimiter
    texts = [
        *("joe@a.example", f"joe{mark}x@a.example", f"joe{mark}x{mark}y@a.example", "root"),
        *(f"{mark}x@a.example", f"{mark}x{mark}y@a.example", f"joe{mark}@a.example", "@a.example"),
        *(f"root{mark}x", f"joe@a{mark}b.example", f"joe{mark}x@a{mark}b.example"),
        f"{mark}@a.example",
    ]
    usual = settings.RECIPIENT_DELIMITER
    try:
        settings.RECIPIENT_DELIMITER = delimiter
        triggers.create(connection)
        with connection.cursor() as cursor:
            for text in texts:
                cursor.execute(
                    "INSERT INTO alias_target (alias, owner, target, bare, domain)"
                    " VALUES ('', '', %s, '', '')",
                    [text],
                )
            found = dict(rows(cursor, "SELECT target, bare FROM alias_target"))
        assert found == {text: without_extension(text) for text in texts}
    finally:
        settings.RECIPIENT_DELIMITER = usual
        triggers.create(connection)


@pytest.mark.django_db
def test_a_mailbox_that_is_moved_by_sql_is_counted_where_it_is_and_back(
    example_org, other_net, add_mailbox, add_alias
):
    add_mailbox("joe@example.org", quota=1000)
    add_alias("sales@other.net", "joe@example.org", "joe@other.net")
    with connection.cursor() as cursor:
        others = OtherPrograms(cursor)
        others.use("joe@other.net", 900)
        before = state(cursor)

        others.move_mailbox("joe@example.org", "joe@other.net", with_alias=True)
        others.edit_alias("joe@other.net", "joe@other.net")
        assert state(cursor) == {
            "usage": [("example.org", 0, 0, 0), ("other.net", 1, 2, 1000)],
            "unmatched": [("joe@example.org", 1), ("joe@other.net", 0)],
            "full": [("joe@other.net", "other.net", 90)],
            "is_self_alias": [("joe@other.net", 1), ("sales@other.net", 0)],
        }
        assert kept(cursor) == counted(cursor)

        others.move_mailbox("joe@other.net", "joe@example.org", with_alias=True)
        others.edit_alias("joe@example.org", "joe@example.org")
        assert state(cursor) == before
        assert kept(cursor) == counted(cursor)


def state(cursor):
    statements = {
        "usage": "SELECT domain, mailboxes, alias_rows, allotted FROM domain_usage ORDER BY domain",
        "unmatched": "SELECT target, unmatched FROM alias_target ORDER BY target",
        "full": "SELECT username, domain, percent FROM full_mailbox",
        "is_self_alias": "SELECT address, is_self_alias FROM alias ORDER BY address",
    }
    return {name: rows(cursor, statement) for name, statement in statements.items()}


@pytest.mark.django_db
def test_what_was_moved_in_by_sql_counts_against_the_limits_and_never_below_nothing(
    add_domain, add_mailbox
):
    first = add_domain("a.example", mailboxes=2, quota=1000)
    second = add_domain("b.example", mailboxes=2, quota=1000)
    add_mailbox("x@a.example", quota=400 * 1_024_000)
    with connection.cursor() as cursor:
        OtherPrograms(cursor).move_mailbox("x@a.example", "x@b.example", with_alias=True)
    add_mailbox("y@b.example", quota=400 * 1_024_000)

    with refused("limit_reached"):
        add_mailbox("z@b.example", quota=100 * 1_024_000)
    for mailbox in Mailbox.objects.all():
        delete_mailbox(actor=None, mailbox=mailbox)

    found = [(d.fresh().usage.mailboxes, d.fresh().allotted_mb) for d in (first, second)]
    assert found == [(0, 0), (0, 0)]


@pytest.mark.django_db
def test_a_directory_that_a_mailbox_leaves_is_retired_until_it_comes_back(example_org, add_mailbox):
    add_mailbox("joe@example.org")
    with connection.cursor() as cursor:
        change = "UPDATE mailbox SET maildir = %s WHERE username = 'joe@example.org'"
        retired = "SELECT maildir, username FROM retired_maildir"
        cursor.execute(change, ["other.net/joe/"])
        assert rows(cursor, retired) == [("example.org/joe/", "joe@example.org")]
        cursor.execute(change, ["example.org/joe/"])
        assert rows(cursor, retired) == [("other.net/joe/", "joe@example.org")]


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["DELETE FROM mailbox", "UPDATE mailbox SET maildir = 'new/'"])
def test_a_directory_that_another_mailbox_has_too_is_not_retired(change, example_org, add_mailbox):
    add_mailbox("joe@example.org")
    add_mailbox("ann@example.org")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE mailbox SET maildir = 'both/'")
        cursor.execute("DELETE FROM retired_maildir")
        cursor.execute(f"{change} WHERE username = 'ann@example.org'")

        assert rows(cursor, "SELECT maildir FROM retired_maildir") == []


@pytest.mark.parametrize("vendor", ["mysql", "sqlite"])
def test_what_is_nearly_full_is_the_same_for_pages_and_triggers(vendor):
    sql = " ".join(triggers.statements(vendor).values())

    assert re.findall(r"\* 100 >= \w+\.quota \* (\d+)", sql) == [str(NEARLY_FULL)] * 4


@pytest.mark.django_db
def test_odd_and_endless_words_stop_no_other_program_from_saving(example_org):
    odd = [
        "y" * 300 + "@c.example",
        "\\",
        '"',
        "'",
        "\x01",
        "%_",
        "ß",
        "日本",
        "😀",
        "e\u0301",
        "\xa0",
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO alias (address, goto, domain, description) VALUES (%s, %s, %s, %s)",
            ["all@example.org", ",".join(odd), "example.org", "z" * 255],
        )
        kept = rows(cursor, "SELECT word FROM word WHERE row_key = 'all@example.org'")

    words = {word for (word,) in kept}
    assert {"all", "c", "example", "日本", "z" * 64} <= words
    assert max(map(len, words)) == 64
