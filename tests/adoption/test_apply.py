from io import StringIO

import pyotp
import pytest
from django.contrib.auth import authenticate
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import factors
from accounts.models import Admin, Adoption, FactorException
from aliases.models import Alias
from domains.models import Domain, DomainUsage
from mailadmin.adoption.copying import MADE_HERE
from mailboxes.models import Mailbox
from tests.adoption import postfixadmin
from tests.adoption.command import adopt, apply
from tests.adoption.tables import everything, rows, tables
from tests.strangers import schema

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def after(elsewhere):
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {elsewhere}_adopt")


@pytest.fixture(params=postfixadmin.RELEASES)
def site(request, elsewhere, after):
    postfixadmin.create(request.param)
    for name in ("example.org", "Second.Example", "other.example"):
        postfixadmin.add_domain(name)
    postfixadmin.add("alias_domain", alias_domain="other.example", target_domain="example.org")
    postfixadmin.add("alias_domain", alias_domain="ghost.example", target_domain="example.org")
    postfixadmin.add_mailbox("joe@example.org", name="Jöe", quota=10_240_000)
    postfixadmin.add_mailbox("Ann@Second.Example", created="0000-00-00 00:00:00")
    postfixadmin.add_mailbox("lost@gone.example")
    postfixadmin.add_mailbox("half@example.org", domain="second.example")
    postfixadmin.add_mailbox("minus@example.org", quota=-1)
    postfixadmin.add_alias("info@example.org", "Joe@Example.org, x@elsewhere.example")
    postfixadmin.add_alias("@second.example", "joe@example.org")
    postfixadmin.add_admin("root@example.org", "ALL", superadmin=1)
    postfixadmin.add_admin("Boss@Example.org", "example.org")
    postfixadmin.add("domain_admins", username="nobody@example.org", domain="example.org")
    postfixadmin.add("quota2", username="joe@example.org", bytes=5_000_000, messages=7)
    postfixadmin.add(
        "log",
        username="root@example.org (192.0.2.1)",
        domain="example.org",
        action="create_mailbox",
        data="joe@example.org",
    )
    if request.param != "3.3":
        postfixadmin.add(
            "dkim",
            domain_name="Second.Example",
            selector="mail",
            private_key="secret",
            public_key="known",
        )
        postfixadmin.add("dkim_signing", author="Second.Example", dkim_id=1)
        for whose in ("Joe@example.org", "Second.Example", None):
            postfixadmin.add("totp_exception_address", ip="192.0.2.7", username=whose)
        postfixadmin.run(f"UPDATE mailbox SET totp_secret = '{SECRET}' WHERE local_part = 'joe'")
    postfixadmin.run("ALTER TABLE mailbox ADD x_department varchar(60) NOT NULL")
    postfixadmin.run("UPDATE mailbox SET x_department = 'Sales' WHERE username = 'joe@example.org'")
    return elsewhere


def test_the_rows_come_along_as_this_panel_stores_them(site):
    apply()

    assert list(
        Mailbox.objects.order_by("pk").values_list("pk", "domain_id", "local_part", "quota")
    ) == [
        ("ann@second.example", "second.example", "ann", 0),
        ("half@example.org", "example.org", "half", 0),
        ("joe@example.org", "example.org", "joe", 10_240_000),
        ("lost@gone.example", "gone.example", "lost", 0),
        ("minus@example.org", "example.org", "minus", -1),
    ]
    assert Mailbox.objects.get(pk="joe@example.org").name == "Jöe"
    assert Mailbox.objects.get(pk="ann@second.example").created.year == 2000
    assert rows("SELECT x_department FROM mailbox WHERE username = 'joe@example.org'") == (
        ("Sales",),
    )
    assert Alias.objects.get(pk="info@example.org").goto == "Joe@Example.org, x@elsewhere.example"
    assert Alias.objects.filter(is_self_alias=True).count() == 5
    if rows("SELECT COUNT(*) FROM dkim") != ((0,),):
        assert rows(
            "SELECT domain_name, author, private_key FROM dkim k JOIN dkim_signing s ON s.dkim_id = k.id"
        ) == (("second.example", "second.example", "secret"),)
        joe = Mailbox.objects.get(pk="joe@example.org")
        assert joe.totp_secret == SECRET
        assert set(FactorException.objects.values_list("username", "domain")) == {
            ("joe@example.org", "example.org"),
            ("second.example", "second.example"),
            (None, None),
        }
        factors.use(joe, pyotp.TOTP(SECRET).now())
        assert Mailbox.objects.get(pk=joe.pk).totp_secret == SECRET  # PostfixAdmin reads it
    made = Domain.objects.filter(description=MADE_HERE).order_by("pk")
    assert list(made.values_list("pk", "active")) == [
        ("ghost.example", False),
        ("gone.example", False),
    ]


def test_counters_triggers_and_checks_are_complete(site, settings):
    settings.SRS = False
    apply()

    assert DomainUsage.objects.get(pk="example.org").mailboxes == 3
    assert rows(
        "SELECT word FROM word WHERE row_key = 'joe@example.org' AND kind = 'mailbox' AND word LIKE 'j%'"
    )
    # Nothing but that no snapshot was taken yet.
    assert [found.id for found in run_checks(databases=["default"])] == ["mailadmin.W008"]
    out = StringIO()
    call_command("migrate", stdout=out)
    assert "No migrations to apply" in out.getvalue()
    before = schema()
    call_command("recount", stdout=StringIO())
    assert schema() == before


def test_postfixadmins_own_statements_go_on_and_are_counted(site):
    apply()

    postfixadmin.add_mailbox("new@example.org")
    postfixadmin.run("DELETE FROM mailbox WHERE username = 'half@example.org'")

    assert DomainUsage.objects.get(pk="example.org").mailboxes == 3
    assert rows("SELECT maildir FROM retired_maildir") == (("example.org/half/",),)


def test_a_second_run_changes_nothing(site):
    apply()
    before = everything(site)

    assert apply() == "Adopted.\n"

    assert everything(site) == before


def test_undo_gives_back_every_table_as_it_was(site):
    before = everything(site)

    apply()
    adopt("--undo")

    assert everything(site) == before


def test_undo_keeps_what_was_written_since(site):
    apply()

    postfixadmin.add_mailbox("new@example.org")
    Mailbox.objects.filter(pk="joe@example.org").update(name="Joseph")
    Mailbox.objects.get(pk="ann@second.example").delete()
    Domain.objects.filter(pk="gone.example").update(active=True)
    Domain.objects.create(pk="fresh.example")
    adopt("--undo")

    assert rows("SELECT username, name FROM mailbox ORDER BY username") == (
        ("half@example.org", ""),
        ("joe@example.org", "Joseph"),
        ("lost@gone.example", ""),
        ("minus@example.org", ""),
        ("new@example.org", ""),
    )
    assert rows("SELECT domain FROM domain WHERE domain LIKE '%.example' ORDER BY domain") == (
        ("fresh.example",),
        ("gone.example",),
        ("other.example",),
        ("Second.Example",),
    )
    assert rows("SELECT username FROM domain_admins WHERE username LIKE 'nobody%'") == (
        ("nobody@example.org",),
    )


def test_after_undo_it_can_be_adopted_again(site):
    apply()
    adopt("--undo")
    postfixadmin.add_mailbox("new@example.org")

    apply()

    assert Mailbox.objects.filter(pk="new@example.org").exists()
    assert Adoption.objects.get().old_tables == f"{site}_adopt"


def test_finish_drops_the_old_tables_and_there_is_no_way_back(site):
    apply()

    adopt("--finish", "--yes")

    assert not rows(f"SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{site}_adopt'")
    assert not Adoption.objects.exists()
    with pytest.raises(CommandError, match="nothing to go back to"):
        adopt("--undo")


def test_hashes_stay_as_postfixadmin_wrote_them_until_the_end(site):
    apply()
    stored = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
    Admin.objects.filter(pk="root@example.org").update(password=stored)

    assert authenticate(username="root@example.org", password="password").pk == "root@example.org"
    assert Admin.objects.get(pk="root@example.org").password == stored

    adopt("--finish", "--yes")
    authenticate(username="root@example.org", password="password")
    assert Admin.objects.get(pk="root@example.org").password.startswith("{SHA512-CRYPT}")


# --- One release


@pytest.fixture
def small(elsewhere, after):
    postfixadmin.create()
    postfixadmin.add_domain("example.org")
    postfixadmin.add_mailbox("joe@example.org")
    return elsewhere


def test_what_stands_in_the_way_stops_it_before_anything_is_written(small):
    postfixadmin.add_mailbox("joe+list@example.org")
    before = schema()

    with pytest.raises(SystemExit):
        apply()

    assert schema() == before
    assert tables(f"{small}_adopt") == []


def test_a_copy_that_was_refused_leaves_nothing_to_go_back_to(small, tmp_path):
    (tmp_path / "bad.cf").write_text(
        "query = SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA=DATABASE() AND '%s'<>''\n"
    )
    before = everything(small)
    with pytest.raises(CommandError, match="Nothing was switched"):
        apply("--map", str(tmp_path / "bad.cf"))

    with pytest.raises(CommandError, match="nothing to go back to"):
        adopt("--undo")

    assert everything(small) == before


def test_triggers_that_an_earlier_attempt_left_are_dropped(small):
    postfixadmin.run(
        "CREATE TRIGGER mailadmin_alias_insert AFTER INSERT ON alias FOR EACH ROW INSERT INTO nowhere VALUES (1)"
    )

    apply()

    postfixadmin.add_mailbox("new@example.org")
    assert DomainUsage.objects.get(pk="example.org").mailboxes == 2


def test_what_the_checks_of_the_database_find_is_said(small):
    assert "(mailadmin.W008)" in apply()


def test_after_undo_a_table_that_postfixadmin_makes_then_is_its_own(small):
    apply()
    adopt("--undo")
    postfixadmin.run("CREATE TABLE dkim (id int PRIMARY KEY)")

    adopt()

    assert "dkim" in tables(small)


def test_a_later_release_finds_the_tables_that_it_would_make(small):
    """Its own would refer to latin1, and be refused; and where quota2 is 255 wide it makes everything latin1 again."""
    apply()
    before = schema()

    postfixadmin.run(
        postfixadmin.LATER.format(p="").replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")
    )

    added = {row[0] for row in schema() if row not in before}
    assert added == set()
    assert rows(
        "SELECT CHARACTER_MAXIMUM_LENGTH FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
        " AND TABLE_NAME = 'quota2' AND COLUMN_NAME = 'username'"
    ) == ((254,),)


def test_a_key_that_began_with_a_blank_is_found_now_and_that_is_no_difference(small):
    postfixadmin.add_domain("other.example")
    postfixadmin.add("alias_domain", alias_domain="other.example", target_domain="example.org")
    postfixadmin.add_alias(" lead@example.org", "joe@example.org")

    said = apply()

    assert "2 of them but for capitals and blanks" in said
    assert Alias.objects.get(pk="lead@example.org").goto == "joe@example.org"


def test_on_the_way_back_an_emoji_becomes_a_question_mark_where_the_column_knows_none(small):
    apply()
    Domain.objects.filter(pk="example.org").update(description="Post 📬")
    Mailbox.objects.filter(pk="joe@example.org").update(name="Jöe 😀")

    adopt("--undo")

    assert rows("SELECT description FROM domain WHERE domain = 'example.org'") == (("Post ?",),)
    assert rows("SELECT name FROM mailbox") == (("Jöe 😀",),)


def test_an_address_that_the_old_column_cannot_hold_stops_the_way_back_and_is_named(small):
    apply()
    postfixadmin.add_alias("поль@example.org", "joe@example.org")

    with pytest.raises(CommandError, match=r"before_alias`.`address`.*nothing was switched"):
        adopt("--undo")

    Alias.objects.filter(pk="поль@example.org").delete()
    adopt("--undo")
    assert rows("SELECT address FROM alias") == (("joe@example.org",),)


def test_another_database_of_that_name_is_left_alone(small):
    postfixadmin.run(f"CREATE DATABASE {small}_adopt;\nCREATE TABLE {small}_adopt.mine (id int)")

    with pytest.raises(CommandError, match="not from here"):
        apply()

    assert tables(f"{small}_adopt") == ["mine"]


def test_the_database_is_dumped_first_for_its_owners_eyes_only(small, tmp_path):
    dump = tmp_path / "before.sql"

    adopt("--apply", "--dump", str(dump))

    assert "joe@example.org" in dump.read_text()
    assert dump.stat().st_mode & 0o777 == 0o600


def test_the_sites_own_maps_must_answer_as_before(small, tmp_path):
    good, bad = tmp_path / "good.cf", tmp_path / "bad.cf"
    good.write_text(
        "dbname = mail\nquery = SELECT maildir FROM mailbox\n  WHERE username='%s' AND active='1'\n"
    )
    bad.write_text(
        "query = SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA=DATABASE() AND '%s'<>''\n"
    )
    before = everything(small)

    with pytest.raises(CommandError, match="Nothing was switched"):
        apply("--map", str(good), "--map", str(bad))
    assert everything(small) == before

    assert "Adopted." in apply("--map", str(good))


def test_a_file_that_is_no_map_is_named_before_anything_is_written(small, tmp_path):
    (tmp_path / "main.cf").write_text("myhostname = mail.example.org\n")

    with pytest.raises(CommandError, match=r"main\.cf: no “query =” in it"):
        apply("--map", str(tmp_path / "main.cf"))

    assert tables(f"{small}_adopt") == []
