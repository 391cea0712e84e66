import pytest
from django.core.checks import run_checks
from django.core.management import CommandError
from django.db import connection

from domains.models import DomainUsage
from mailboxes.models import Mailbox
from tests.adoption import postfixadmin
from tests.adoption.command import adopt, apply
from tests.adoption.tables import everything, rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def prefixed(elsewhere):
    postfixadmin.create("4.0", prefix="pfx_")
    postfixadmin.run(
        "CREATE TABLE x_price (domain varchar(255) CHARACTER SET latin1 COLLATE latin1_general_ci NOT NULL,"
        " FOREIGN KEY (domain) REFERENCES pfx_domain (domain))"
    )
    postfixadmin.add_domain("example.org", prefix="pfx_")
    postfixadmin.add_mailbox("Joe@example.org", prefix="pfx_")
    postfixadmin.add_mailbox("lost@gone.example", prefix="pfx_")
    postfixadmin.add_admin("root@example.org", "ALL", prefix="pfx_", superadmin=1)
    postfixadmin.add("pfx_quota2", username="joe@example.org", bytes=10, messages=1)
    postfixadmin.add("pfx_dkim", domain_name="example.org", private_key="k", public_key="p")
    postfixadmin.add("x_price", domain="example.org")
    yield elsewhere
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {elsewhere}_adopt")


def test_programs_go_on_with_the_names_that_they_know(prefixed):
    apply()

    assert list(Mailbox.objects.order_by("pk").values_list("pk", flat=True)) == [
        "joe@example.org",
        "lost@gone.example",
    ]
    postfixadmin.add_mailbox("new@example.org", prefix="pfx_")
    postfixadmin.run(
        "UPDATE pfx_mailbox SET active = 0 WHERE username = 'joe@example.org';\n"
        "DELETE FROM pfx_mailbox WHERE username = 'lost@gone.example';\n"
        "INSERT INTO pfx_quota2 (username, bytes, messages) VALUES ('joe@example.org', 5, 1)"
        " ON DUPLICATE KEY UPDATE bytes = bytes + 5, messages = messages + 1;\n"
        "INSERT INTO pfx_domain_admins (username, domain) VALUES ('root@example.org', 'example.org');\n"
        "INSERT INTO pfx_log (username, domain, action, data) VALUES ('', '', '', '')"
    )
    assert DomainUsage.objects.get(pk="example.org").mailboxes == 2
    assert rows("SELECT maildir FROM retired_maildir") == (("gone.example/lost/",),)
    assert rows("SELECT bytes, messages FROM pfx_quota2") == ((15, 2),)
    assert rows("SELECT username, active FROM mailbox ORDER BY 1") == (
        ("joe@example.org", 0),
        ("new@example.org", 1),
    )
    assert [found.id for found in run_checks(databases=["default"])] == ["mailadmin.W008"]
    assert apply() == "Adopted.\n"


def test_undo_gives_them_back_as_they_were(prefixed):
    before = everything(prefixed)

    apply()
    adopt("--undo")

    assert everything(prefixed) == before


def test_undo_keeps_what_was_written_under_either_name(prefixed):
    apply()
    postfixadmin.add_mailbox("new@example.org", prefix="pfx_")
    Mailbox.objects.filter(pk="joe@example.org").update(name="Joseph")

    adopt("--undo")

    assert rows("SELECT username, name FROM pfx_mailbox ORDER BY 1") == (
        ("joe@example.org", "Joseph"),
        ("lost@gone.example", ""),
        ("new@example.org", ""),
    )


@pytest.fixture
def renamed(elsewhere, tmp_path):
    postfixadmin.create()
    postfixadmin.add_domain("example.org")
    postfixadmin.add_mailbox("Joe@example.org")
    postfixadmin.run("RENAME TABLE mailbox TO people, alias TO leads_to")
    config = tmp_path / "config.local.php"
    config.write_text(
        "<?php $CONF['database_tables'] = array('mailbox' => 'people', 'alias' => 'leads_to');"
    )
    yield elsewhere, ("--config", str(config))
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {elsewhere}_adopt")


def test_tables_that_only_its_configuration_knows_become_ours_and_go_back(renamed):
    name, config = renamed
    before = everything(name)

    apply(*config)

    assert Mailbox.objects.get().pk == "joe@example.org"
    postfixadmin.run(
        "UPDATE people SET active = 0 WHERE username = 'joe@example.org';\n"
        "UPDATE leads_to SET goto = 'x@elsewhere.example' WHERE address = 'joe@example.org'"
    )
    assert rows("SELECT active FROM mailbox") == ((0,),)
    assert rows("SELECT alias, target FROM alias_target") == (
        ("joe@example.org", "x@elsewhere.example"),
    )
    adopt("--undo", *config)
    after = everything(name)
    assert {table: text for table, (text, *_rows) in after.items() if table} == {
        table: text for table, (text, *_rows) in before.items() if table
    }
    assert rows("SELECT goto FROM leads_to") == (("x@elsewhere.example",),)


def test_without_that_configuration_it_says_that_it_does_not_know_them(renamed):
    with pytest.raises(CommandError, match="is not PostfixAdmin's"):
        apply()
