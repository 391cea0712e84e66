from contextlib import contextmanager, suppress
from threading import Event, Thread

import MySQLdb
import pytest
from django.core.management import CommandError
from django.db import IntegrityError, OperationalError, connection

from domains.models import Domain, RoutingLock
from mailadmin.adoption.source import Source
from mailboxes import triggers
from mailboxes.models import Mailbox, QuotaUsage
from tests.adoption import postfixadmin
from tests.adoption.command import adopt, apply
from tests.strangers import connect

pytestmark = pytest.mark.django_db(transaction=True)

BEING_MOVED = 1644
WRITERS = 3
PAUSE = 0.05  # seconds between two statements of one program


class Stopped(BaseException):
    """As if the program was killed: nothing that it would do afterwards is done."""


@pytest.fixture
def site(elsewhere):
    postfixadmin.create("4.0")
    postfixadmin.add_domain("example.org")
    postfixadmin.run(
        "ALTER TABLE mailbox ADD x_department varchar(60) NOT NULL DEFAULT '';\n"
        "CREATE TABLE x_price (domain varchar(255) CHARACTER SET latin1 COLLATE latin1_general_ci NOT NULL,"
        " FOREIGN KEY (domain) REFERENCES domain (domain))"
    )
    for number in range(50):
        postfixadmin.add_mailbox(f"user{number}@example.org")
        postfixadmin.add("quota2", username=f"user{number}@example.org", bytes=0, messages=0)
    yield elsewhere
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {elsewhere}_adopt")


class Traffic:
    def __init__(self):
        self.over = Event()
        self.acknowledged, self.delivered, self.errors = [], [0] * WRITERS, []
        works = [self._create, self._count, self._read]
        self.threads = [
            Thread(target=work, args=[number]) for number in range(WRITERS) for work in works
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exception):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _create(self, number):
        """PostfixAdmin's new mailbox: its alias first, both in one transaction or none."""
        database, count = connect(), 0
        database.autocommit(False)
        while not self.over.wait(PAUSE):
            count += 1
            address = f"new{number}-{count}@example.org"
            try:
                database.query(
                    "INSERT INTO alias (address, goto, domain, created, modified)"
                    f" VALUES ('{address}', '{address}', 'example.org', NOW(), NOW())"
                )
                database.query(
                    "INSERT INTO mailbox (username, password, name, maildir, local_part, domain, created, modified)"
                    f" VALUES ('{address}', '', '', 'x/', '{address.partition('@')[0]}', 'example.org', NOW(), NOW())"
                )
                database.commit()
            except MySQLdb.Error as error:
                database.rollback()
                self._note(error)
            else:
                self.acknowledged.append(address)
        database.close()

    def _count(self, number):
        """Dovecot's quota: never refused."""
        database = connect()
        database.autocommit(True)
        while not self.over.wait(PAUSE):
            try:
                database.query(
                    f"INSERT INTO quota2 (username, bytes, messages) VALUES ('user{number}@example.org', 10, 1)"
                    " ON DUPLICATE KEY UPDATE bytes = bytes + 10, messages = messages + 1"
                )
            except MySQLdb.Error as error:
                self.errors.append(error)
            else:
                self.delivered[number] += 1
        database.close()

    def _read(self, number):
        """Postfix: every look-up is answered."""
        database = connect()
        database.autocommit(True)
        while not self.over.wait(PAUSE):
            try:
                database.query(
                    f"SELECT goto FROM alias WHERE address='user{number}@example.org' AND active='1'"
                )
                found = database.store_result().fetch_row(0)
            except MySQLdb.Error as error:
                self.errors.append(error)
            else:
                if len(found) != 1:
                    self.errors.append(found)
        database.close()

    def _note(self, error):
        # Another transaction was in the way: nothing was acknowledged.
        if error.args[0] not in {BEING_MOVED, 1213, 1205, 1412}:
            self.errors.append(error)


def test_while_it_is_half_done_that_is_said(site, monkeypatch):
    with monkeypatch.context() as patched:
        stop_before(patched, "RENAME TABLE", 2)
        with pytest.raises(Stopped):
            apply()

    with pytest.raises(CommandError, match="stopped half-way"):
        adopt()


def test_nothing_that_was_acknowledged_is_lost_and_no_reader_sees_an_error(site):
    with Traffic() as traffic:
        apply()

    assert traffic.errors == []
    stored = set(Mailbox.objects.values_list("pk", flat=True))
    assert [name for name in traffic.acknowledged if name not in stored] == []
    assert len(stored) == 50 + len(traffic.acknowledged)
    counted = QuotaUsage.objects.filter(pk__in=[f"user{n}@example.org" for n in range(WRITERS)])
    assert list(counted.order_by("pk").values_list("messages", flat=True)) == traffic.delivered


def test_nothing_is_lost_on_the_way_back(site):
    apply()

    with Traffic() as traffic:
        adopt("--undo")

    assert traffic.errors == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT username FROM mailbox")
        stored = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT messages FROM quota2 WHERE username REGEXP '^user[0-2]@' ORDER BY username"
        )
        counted = [number for (number,) in cursor.fetchall()]
    assert [name for name in traffic.acknowledged if name not in stored] == []
    assert counted == traffic.delivered


def stop_before(monkeypatch, text, nth=1):
    """Let the program end before it runs the ``nth`` statement with ``text`` in it."""
    run, seen = Source.run, []

    def run_or_stop(self, statement, params=None):
        if text in statement:
            seen.append(statement)
            if len(seen) == nth:
                raise Stopped
        return run(self, statement, params)

    monkeypatch.setattr(Source, "run", run_or_stop)


@contextmanager
def waiting_in_vain(monkeypatch, nth):
    """The ``nth`` change of places finds a table that somebody holds."""
    run, renamed = Source.run, []

    def run_or_wait_in_vain(self, statement, params=None):
        if "RENAME TABLE" in statement:
            renamed.append(statement)
            if len(renamed) == nth:
                raise OperationalError(1205, "Lock wait timeout exceeded")
        return run(self, statement, params)

    with monkeypatch.context() as patched:
        patched.setattr(Source, "run", run_or_wait_in_vain)
        with pytest.raises(CommandError, match="nothing was switched"):
            yield


def test_an_error_at_the_change_of_places_lets_the_writers_go_on(site, monkeypatch):
    with waiting_in_vain(monkeypatch, 2):
        apply()

    assert not schema_has_left_overs()
    postfixadmin.add_mailbox("new@example.org")
    apply()
    assert Mailbox.objects.count() == 51


def test_an_error_on_the_way_back_lets_the_writers_go_on(site, monkeypatch):
    apply()
    with waiting_in_vain(monkeypatch, 1):
        adopt("--undo")

    assert not schema_has_left_overs()
    assert triggers.are_complete(connection)
    postfixadmin.add_mailbox("new@example.org")
    assert Domain.objects.get(pk="example.org").usage.mailboxes == 51
    with pytest.raises(IntegrityError):
        postfixadmin.run("INSERT INTO x_price (domain) VALUES ('nowhere.example')")
    assert not RoutingLock.objects.filter(upgrading=True).exists()

    adopt("--undo")
    assert trigger_tables() == set()


SWITCH = [
    ("CREATE DATABASE", 1),
    ("ADD COLUMN", 1),
    ("INSERT INTO", 5),
    ("hold_mailbox_update", 1),
    ("IS NULL OR NOT (", 12),
    ("RENAME TABLE", 1),
    ("RENAME TABLE", 2),
    ("DROP TRIGGER", 3),
    ("RENAME TABLE", 3),
    ("INSERT INTO quota2 ", 1),
    ("INSERT INTO log", 1),
    ("ALTER DATABASE", 1),
    ("ADD CONSTRAINT", 1),
    ("INSERT IGNORE INTO adoption", 1),
]


@pytest.mark.parametrize(("text", "nth"), SWITCH)
def test_it_goes_on_where_it_was_stopped(site, monkeypatch, text, nth):
    with monkeypatch.context() as patched:
        stop_before(patched, text, nth)
        with pytest.raises(Stopped):
            apply()
    with suppress(OperationalError):  # refused, where it was stopped while it held the writers back
        postfixadmin.run(
            "INSERT INTO alias (address, goto, domain, created, modified)"
            " VALUES ('later@example.org', 'user1@example.org', 'example.org', NOW(), NOW())"
        )

    apply()

    assert Mailbox.objects.count() == 50
    assert not schema_has_left_overs()
    assert triggers.are_complete(connection)
    postfixadmin.add_mailbox("new@example.org")
    assert (
        Mailbox.objects.select_related("domain__usage")
        .get(pk="new@example.org")
        .domain.usage.mailboxes
        == 51
    )


UNDO = [
    ("hold_mailbox_update", 1),
    ("UPDATE", 4),
    ("DROP FOREIGN KEY", 1),
    ("RENAME TABLE", 1),
    ("DROP TRIGGER", 2),
    ("RENAME TABLE", 2),
    ("ADD CONSTRAINT", 1),
    ("ALTER DATABASE", 1),
]


@pytest.mark.parametrize(("text", "nth"), UNDO)
def test_the_way_back_goes_on_where_it_was_stopped(site, monkeypatch, text, nth):
    apply()
    with monkeypatch.context() as patched:
        stop_before(patched, text, nth)
        with pytest.raises(Stopped):
            adopt("--undo")

    adopt("--undo")

    assert not schema_has_left_overs()
    assert trigger_tables() == set()
    with connection.cursor() as cursor:
        cursor.execute("SHOW TABLES LIKE 'word'")
        assert cursor.fetchall() == ()
        cursor.execute("SELECT COUNT(*) FROM mailbox")
        assert cursor.fetchall() == ((50,),)
        cursor.execute(
            "SELECT CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()"
            " AND TABLE_NAME = 'mailbox' AND COLUMN_NAME = 'username'"
        )
        assert cursor.fetchall() == (("latin1",),)


def schema_has_left_overs():
    with connection.cursor() as cursor:
        cursor.execute(
            "SHOW TABLES WHERE Tables_in_{} REGEXP '^(before|next)_'".format(
                connection.settings_dict["NAME"]
            )
        )
        tables = cursor.fetchall()
        cursor.execute("SHOW TRIGGERS WHERE `Trigger` LIKE 'hold%'")
        return tables + cursor.fetchall()


def trigger_tables():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
        )
        return {name for (name,) in cursor.fetchall()}
