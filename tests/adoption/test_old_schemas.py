from contextlib import suppress
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import Admin
from domains.models import DomainAdmin, DomainUsage
from mailboxes.models import Mailbox
from tests.adoption import postfixadmin
from tests.adoption.tables import everything, rows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(elsewhere):
    postfixadmin.create()
    postfixadmin.run(
        "ALTER TABLE domain_admins DROP COLUMN id;\n"
        "ALTER TABLE admin DROP COLUMN superadmin, DROP COLUMN phone, DROP COLUMN email_other, DROP COLUMN token,"
        " DROP COLUMN token_validity;\n"
        "ALTER TABLE mailbox DROP COLUMN phone, DROP COLUMN email_other, DROP COLUMN token, DROP COLUMN token_validity,"
        " DROP COLUMN password_expiry;\n"
        "ALTER TABLE domain DROP COLUMN password_expiry"
    )
    for table in (
        "domain",
        "admin",
        "domain_admins",
        "mailbox",
        "alias",
        "alias_domain",
        "log",
        "quota2",
    ):
        postfixadmin.run(
            f"ALTER TABLE {table} CONVERT TO CHARACTER SET latin1 COLLATE latin1_swedish_ci, ENGINE = MyISAM"
        )
    postfixadmin.add_domain("example.org")
    postfixadmin.add_mailbox("joe@example.org")
    postfixadmin.add_admin("root@example.org", "ALL")
    postfixadmin.add_admin("boss@example.org", "example.org")
    postfixadmin.add("quota2", username="joe@example.org", bytes=10, messages=1)
    yield elsewhere
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {elsewhere}_adopt")


def adopt(*arguments):
    out = StringIO()
    with suppress(SystemExit):
        call_command("adopt", "--config", "/dev/null", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def rights():
    return sorted(DomainAdmin.objects.values_list("username", "domain", "active"))


def test_it_is_adopted_with_its_superadmins_and_rights(site):
    assert "Adopted." in adopt("--apply", "--no-dump")

    assert Mailbox.objects.get().pk == "joe@example.org"
    assert list(Admin.objects.order_by("pk").values_list("pk", "superadmin")) == [
        ("boss@example.org", False),
        ("root@example.org", True),
    ]
    assert rights() == [
        ("boss@example.org", "example.org", True),
        ("root@example.org", "ALL", True),
    ]
    assert DomainUsage.objects.get(pk="example.org").mailboxes == 1
    postfixadmin.add("domain_admins", username="boss@example.org", domain="ALL")
    assert len(rights()) == 3


def test_what_was_written_between_the_copy_and_the_switch_comes_along(site, monkeypatch):
    from tests.adoption.test_switch import Stopped, stop_before

    with monkeypatch.context() as patched:
        stop_before(patched, "hold_")
        with pytest.raises(Stopped):
            adopt("--apply", "--no-dump")
    postfixadmin.run("DELETE FROM domain_admins WHERE username = 'root@example.org'")
    postfixadmin.run("UPDATE domain_admins SET active = 0")
    postfixadmin.add("domain_admins", username="boss@example.org", domain="new.example")

    adopt("--apply", "--no-dump")

    assert rights() == [
        ("boss@example.org", "example.org", False),
        ("boss@example.org", "new.example", True),
    ]


def test_undo_gives_back_every_table_as_it_was(site):
    before = everything(site)

    adopt("--apply", "--no-dump")
    adopt("--undo")

    assert everything(site) == before


def test_undo_keeps_rights_that_were_given_and_taken_since(site):
    adopt("--apply", "--no-dump")
    DomainAdmin.objects.filter(domain="example.org").delete()
    DomainAdmin.objects.create(username_id="boss@example.org", domain_id="other.example")

    adopt("--undo")

    assert sorted(rows("SELECT username, domain FROM domain_admins")) == [
        ("boss@example.org", "other.example"),
        ("root@example.org", "ALL"),
    ]
