from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from domains.models import DomainUsage
from tests.adoption import postfixadmin
from tests.adoption.command import adopt, apply
from tests.adoption.tables import everything, rows
from tests.adoption.test_switch import Stopped, stop_before

pytestmark = pytest.mark.django_db(transaction=True)


APPLY = ["--apply", "--no-dump", "--config", "/dev/null", "--report", "/dev/null"]


def refused():
    out = StringIO()
    with pytest.raises(CommandError, match="not answered as before"):
        call_command("adopt", *APPLY, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture(autouse=True)
def _dropped(elsewhere):
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {elsewhere}_adopt")


@pytest.fixture
def changed(site, monkeypatch):
    with monkeypatch.context() as patched:
        stop_before(patched, "INSERT IGNORE INTO adoption")
        with pytest.raises(Stopped):
            apply()
    return site


def views(database):
    return rows(
        f"SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '{database}'"
    )


def test_it_is_asked_once_and_leaves_nothing(changed):
    assert "answered the same by both" in apply()

    assert views(f"{changed}_adopt") == ()
    before = everything(changed)
    assert apply() == "Adopted.\n"
    assert everything(changed) == before


def test_what_somebody_wrote_since_is_counted_and_nothing_else(changed):
    postfixadmin.run(
        "UPDATE alias SET goto = 'ann@elsewhere.example', modified = NOW() WHERE address = 'info@example.org'"
    )

    said = apply()

    assert "1 answer otherwise because somebody wrote since." in said
    assert "info@example.org" not in said


def test_what_the_log_tells_of_is_no_difference(changed):
    postfixadmin.run("DELETE FROM alias WHERE address = 'info@example.org'")
    postfixadmin.add(
        "log",
        username="root@example.org (192.0.2.1)",
        domain="example.org",
        action="delete_alias",
        data="info@example.org",
    )

    assert "1 answer otherwise because somebody wrote since." in apply()


def test_what_nobody_says_to_have_written_is_named(changed):
    postfixadmin.run("UPDATE mailbox SET maildir = 'lost/' WHERE username = 'joe@example.org'")

    assert "mailbox: joe@example.org: example.org/joe/ before, lost/ now" in refused()


def test_a_mailbox_that_dovecot_reads_otherwise_is_named(changed):
    postfixadmin.run("UPDATE mailbox SET password = 'lost' WHERE username = 'joe@example.org'")

    assert "Dovecot: joe@example.org: as it was before, something else now" in refused()


def test_what_the_old_tables_cannot_be_asked_is_counted_apart(changed):
    postfixadmin.run(
        "INSERT INTO alias (address, goto, domain, created, modified)"
        " VALUES ('поль@example.org', 'joe@example.org', 'example.org', NOW(), NOW())"
    )

    assert "could not be asked of the old tables, which hold no such letters" in apply()


def test_counters_that_are_wrong_are_counted_anew(changed):
    DomainUsage.objects.filter(pk="example.org").update(mailboxes=7)

    assert "Counted anew, for it was not right: example.org" in apply()

    assert DomainUsage.objects.get(pk="example.org").mailboxes == 1


def test_stopped_in_the_midst_it_goes_on_or_goes_back(changed, monkeypatch):
    for nth in (2, 5):
        with monkeypatch.context() as patched:
            stop_before(patched, "CREATE OR REPLACE VIEW", nth)
            with pytest.raises(Stopped):
                apply()

    apply()
    adopt("--undo")

    assert rows("SELECT username FROM mailbox") == (("joe@example.org",),)


def test_a_map_may_join_a_table_that_only_the_site_has(site, tmp_path):
    postfixadmin.run(
        "CREATE TABLE x_blocked (address varchar(255) CHARACTER SET latin1 PRIMARY KEY);\n"
        "INSERT INTO x_blocked VALUES ('joe@example.org')"
    )
    (tmp_path / "blocked.cf").write_text(
        "query = SELECT 'REJECT' FROM mailbox m JOIN x_blocked b ON b.address = m.username WHERE m.username = '%s'\n"
    )

    assert "Adopted." in apply("--map", str(tmp_path / "blocked.cf"))


def test_a_mailbox_with_the_delimiter_does_not_stop_it_once_that_is_accepted(site):
    postfixadmin.add_mailbox("plus+tag@example.org")

    assert "Adopted." in apply("--accept", "names-with-the-delimiter")

    assert rows("SELECT maildir FROM mailbox WHERE username = 'plus+tag@example.org'") == (
        ("example.org/plus+tag/",),
    )
