"""An operation that the database rolled back is begun again, and a person is told when that does not help."""

import contextlib
import random
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from threading import Barrier, Thread
from time import sleep
from types import SimpleNamespace

import MySQLdb
import pytest
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.db.models import F
from django.test import override_settings
from django.urls import reverse

from accounts import services as accounts
from accounts.models import Admin, LogEntry
from aliases import services as aliases
from aliases.models import Alias, AliasTarget
from domains import services as domains
from domains.models import AliasDomain, Domain, DomainAdmin, DomainUsage, RoutingLock
from mailboxes import services as mailboxes
from mailboxes import triggers
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from mailboxes.services import create_mailbox
from panel import transactions
from panel.transactions import Unavailable, in_transaction
from tests.servers.processes import free_ports

pytestmark = pytest.mark.django_db(transaction=True)


def connect():
    database = connection.settings_dict
    return MySQLdb.connect(
        host=database["HOST"],
        port=int(database["PORT"]),
        user=database["USER"],
        password=database["PASSWORD"],
        database=database["NAME"],
    )


@pytest.fixture
def stranger():
    """A connection of another program to the same database."""
    stranger = connect()
    yield stranger
    stranger.close()


@pytest.fixture
def impatient(monkeypatch):
    """Wait a second for a lock, once."""
    monkeypatch.setattr(transactions, "GIVE_UP_SECONDS", 0)
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SET innodb_lock_wait_timeout = 1")
    yield
    connection.close()


def run_together(*operations):
    def run(operation):
        try:
            operation()
        finally:
            connection.close()

    threads = [Thread(target=run, args=[operation]) for operation in operations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_of_two_that_wait_for_each_other_both_are_done(add_domain):
    one, two = add_domain("one.test"), add_domain("two.test")
    met, calls = Barrier(2), []

    @in_transaction
    def raise_limits(*names):
        calls.append(names)
        Domain.objects.filter(pk=names[0]).update(mailboxes=F("mailboxes") + 1)
        if len(calls) <= 2:
            met.wait(20)
        Domain.objects.filter(pk=names[1]).update(mailboxes=F("mailboxes") + 1)

    run_together(lambda: raise_limits(one.pk, two.pk), lambda: raise_limits(two.pk, one.pk))

    assert len(calls) == 3
    assert set(Domain.objects.values_list("mailboxes", flat=True)) == {2}


def fail_once(number):
    """Return a function that raises the error ``number`` at its first call."""
    errors = [OperationalError(number, "first")]

    def fail():
        if errors:
            raise errors.pop()

    return fail


def test_an_argument_that_is_read_once_is_whole_at_the_second_attempt(db):
    fail = fail_once(1213)

    @in_transaction
    def read(*, names):
        found = list(names)
        fail()
        return found

    assert read(names=(name for name in "ab")) == ["a", "b"]


def test_a_part_of_a_transaction_is_not_repeated_alone(add_domain):
    fail, calls = fail_once(1213), []

    @in_transaction
    def part():
        calls.append("part")
        fail()

    @in_transaction
    def whole():
        calls.append("whole")
        part()

    whole()

    assert calls == ["whole", "part", "whole", "part"]


def test_what_waits_for_the_commit_is_done_once(db):
    fail, sent = fail_once(1213), []

    @in_transaction
    def save():
        transaction.on_commit(lambda: sent.append("mail"))
        fail()

    save()

    assert sent == ["mail"]


def test_what_is_committed_is_not_repeated_because_of_what_comes_after(add_domain):
    domain = add_domain("one.test")

    @in_transaction
    def save():
        Domain.objects.filter(pk=domain.pk).update(mailboxes=F("mailboxes") + 1)
        transaction.on_commit(fail_once(1213))

    with pytest.raises(OperationalError):
        save()

    assert Domain.objects.get().mailboxes == 1


def test_a_connection_that_breaks_before_the_commit_is_made_anew(add_domain, stranger):
    domain, calls = add_domain("one.test"), []

    @in_transaction
    def save():
        Domain.objects.filter(pk=domain.pk).update(mailboxes=F("mailboxes") + 1)
        calls.append(connection.connection.thread_id())
        if len(calls) == 1:
            stranger.query(f"KILL {calls[0]}")
        return Domain.objects.get().mailboxes

    assert save() == 1
    assert len(set(calls)) == 2
    assert Domain.objects.get().mailboxes == 1


def test_a_connection_that_breaks_at_the_commit_is_not_taken_for_a_failure(add_domain, monkeypatch):
    domain = add_domain("one.test")
    commit = connection._commit

    def commit_and_break():
        commit()
        raise OperationalError(2013, "Lost connection to server during query")

    @in_transaction
    def save():
        Domain.objects.filter(pk=domain.pk).update(mailboxes=F("mailboxes") + 1)

    monkeypatch.setattr(connection, "_commit", commit_and_break)
    with pytest.raises(Unavailable) as refusal:
        save()
    monkeypatch.undo()

    assert refusal.value.code == "unknown"
    assert Domain.objects.get().mailboxes == 1


def test_nor_is_it_when_the_page_that_says_so_cannot_be_made(
    sign_in, make_admin, add_domain, add_mailbox, monkeypatch
):
    add_domain("one.test")
    joe = add_mailbox("joe@one.test")
    client = sign_in(make_admin(superadmin=True))
    client.raise_request_exception = False
    commit = connection._commit

    def commit_and_go_away():
        if not Mailbox.objects.get().active:
            commit()
            monkeypatch.setitem(connection.settings_dict, "PORT", free_ports(1)[0])
            connection.connection.close()
            raise OperationalError(2013, "Lost connection to server during query")
        commit()

    monkeypatch.setattr(connection, "_commit", commit_and_go_away)
    response = client.post(reverse("mailbox-state", args=[joe.pk]), {"active": "0"})
    monkeypatch.undo()
    connection.close()

    assert response.status_code == 503
    page = response.content.decode()
    assert "The database is unavailable" in page
    assert "check whether the change was saved" in page
    assert not Mailbox.objects.get().active


def test_while_triggers_are_replaced_nobody_saves(sign_in, make_admin, add_domain):
    add_domain("one.test")
    client = sign_in(make_admin(superadmin=True))
    values = {"local_part": "joe", "domain": "one.test", "targets": "x@other.test", "active": "on"}

    with triggers.created(connection):
        response = client.post(reverse("alias-create"), values)
        # A node that has the lock already is rolled back by this (tests/cluster).
        with pytest.raises(Unavailable) as refusal:
            domains.update_domain(actor=None, domain=Domain.objects.get(), mailboxes=7)

    page = response.content.decode()
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"
    assert "The database is being upgraded. Nothing was saved, try again in a minute." in page
    assert 'value="joe"' in page
    assert refusal.value.code == "upgrade"
    assert Alias.objects.count() == 0
    assert client.post(reverse("alias-create"), values).status_code == 302


def test_where_triggers_could_not_be_created_nobody_saves_until_recount_succeeds(
    add_domain, monkeypatch
):
    domain = add_domain("one.test")
    values = {"actor": None, "domain": domain, "local_part": "joe", "targets": ["x@other.test"]}

    monkeypatch.setattr(triggers, "ATTEMPTS", 0)
    with pytest.raises(CommandError, match="triggers"):
        call_command("recount", stdout=StringIO())
    monkeypatch.undo()

    assert "mailadmin.W007" in {w.id for w in run_checks(databases=["default"])}
    with pytest.raises(Unavailable):
        aliases.create_alias(**values)
    call_command("recount", stdout=StringIO())
    assert "mailadmin.W007" not in {w.id for w in run_checks(databases=["default"])}
    assert aliases.create_alias(**values).pk == "joe@one.test"


MD5_PASSWORD, MD5_CRYPT = "grün-42 apple", "$1$c9809462$9gHrd5apTpEkXg8RB0MrT."
SAVE = (
    "INSERT INTO alias (address, goto, domain) VALUES ('joe@one.test', 'x@other.test', 'one.test')"
)


def close_tables(stranger):
    """Have every table of this database read anew: of all databases, a neighbour's test would be healed."""
    stranger.query(f"FLUSH TABLES {', '.join(connection.introspection.table_names())}")


@pytest.fixture
def saver():
    """A second connection of other programs, whose statements are ended by KILL."""
    saver = connect()
    yield saver
    close_tables(saver)
    saver.close()


def break_triggers(stranger, saver, statement=SAVE):
    """Kill ``statement`` until it leaves a trigger half read for all who come after it."""
    number = saver.thread_id()

    def save():
        for ending in (statement, "ROLLBACK"):  # either may be killed
            with contextlib.suppress(MySQLdb.Error):
                saver.query(ending)

    with ThreadPoolExecutor(1) as thread:
        for _attempt in range(2000):
            close_tables(stranger)
            saving = thread.submit(save)
            sleep(random.uniform(0, 0.003))  # somewhere in the statement's way
            stranger.query(f"KILL QUERY {number}")
            saving.result()
            with contextlib.closing(connect()) as another:
                try:
                    another.query(statement)
                except MySQLdb.ProgrammingError as error:
                    if "has an error in its body" in str(error):
                        return
                    raise
    raise AssertionError("no trigger was left half read")


def test_triggers_that_a_killed_statement_left_half_read_are_read_anew(add_domain, stranger, saver):
    domain = add_domain("one.test")
    break_triggers(stranger, saver)

    aliases.create_alias(actor=None, domain=domain, local_part="ann", targets=["x@other.test"])

    assert [alias.pk for alias in Alias.objects.all()] == ["ann@one.test"]
    with contextlib.closing(connect()) as another:  # nor does anybody else meet them any more
        another.query(SAVE)


def test_sign_in_that_meets_a_half_read_trigger_may_be_tried_again(
    client, add_domain, add_mailbox, stranger, saver
):
    add_domain("one.test")
    add_mailbox("ann@one.test")
    Mailbox.objects.update(password=MD5_CRYPT)  # replaced by a better one at sign-in
    break_triggers(stranger, saver, "UPDATE mailbox SET name = 'Ann'")
    client.raise_request_exception = False
    form = {"username": "ann@one.test", "password": MD5_PASSWORD}

    assert client.post(reverse("login"), form).status_code == 503
    assert client.post(reverse("login"), form).status_code == 302

    assert Mailbox.objects.get().password != MD5_CRYPT


@pytest.fixture
def without_insert(add_domain, stranger):
    """The panel's SQL user may save, but may not have all tables read anew."""
    add_domain("one.test")
    settings = connection.settings_dict
    own = {name: settings[name] for name in ("USER", "PASSWORD")}
    stranger.query("CREATE USER few@'%' IDENTIFIED BY 'few'")
    stranger.query(f"GRANT SELECT, TRIGGER ON {settings['NAME']}.* TO few@'%'")
    stranger.query(f"GRANT INSERT ON {settings['NAME']}.alias TO few@'%'")
    connection.close()
    settings.update(USER="few", PASSWORD="few")
    yield
    connection.close()
    settings.update(own)
    stranger.query("DROP USER few@'%'")


def test_triggers_that_may_not_be_read_anew_are_not_called_busy(stranger, saver, without_insert):
    break_triggers(stranger, saver)
    calls = []

    @in_transaction
    def save():
        calls.append("save")
        with connection.cursor() as cursor:
            cursor.execute(SAVE)

    with pytest.raises(ProgrammingError, match="has an error in its body"):
        save()

    assert calls == ["save"]


@pytest.fixture
def nonsense(stranger):
    """One word in the file of the triggers of ``alias`` is none."""
    cursor = stranger.cursor()
    cursor.execute("SELECT CONCAT(@@datadir, DATABASE(), '/alias.TRG')")
    [[path]] = cursor.fetchall()
    file = Path(path)
    good = file.read_text()
    file.write_text(good.replace("FOR EACH ROW BEGIN", "FOR EACH ROW BEGINNING", 1))
    close_tables(stranger)
    yield
    file.write_text(good)
    close_tables(stranger)


def test_a_trigger_that_is_really_wrong_is_an_error_at_once(add_domain, nonsense):
    domain, calls = add_domain("one.test"), []

    @in_transaction
    def save():
        calls.append("save")
        Alias.objects.create(pk="joe@one.test", goto="x@other.test", domain=domain)

    with pytest.raises(ProgrammingError, match="has an error in its body"):
        save()

    assert calls == ["save"]


def test_recount_replaces_a_trigger_that_is_really_wrong(add_domain, nonsense):
    domain = add_domain("one.test")

    call_command("recount", stdout=StringIO())

    aliases.create_alias(actor=None, domain=domain, local_part="joe", targets=["x@other.test"])
    assert triggers.stored(connection).keys() == triggers.statements("mysql").keys()


def test_any_other_error_is_not_repeated(db):
    calls = []

    @in_transaction
    def save():
        calls.append(1)
        raise OperationalError(1054, "Unknown column")

    with pytest.raises(OperationalError, match="Unknown column"):
        save()

    assert calls == [1]


def test_the_attempts_end(db, monkeypatch):
    monkeypatch.setattr(transactions, "sleep", lambda seconds: None)
    calls = []

    @in_transaction
    def save():
        calls.append(1)
        raise OperationalError(1213, "Deadlock found")

    with pytest.raises(Unavailable) as refusal:
        save()

    assert (refusal.value.code, len(calls)) == ("busy", transactions.ATTEMPTS["busy"])


def test_a_lock_that_somebody_keeps_leaves_the_form_as_it_was(
    sign_in, make_admin, add_domain, stranger, impatient
):
    add_domain("one.test")
    client = sign_in(make_admin(superadmin=True))
    before = LogEntry.objects.count()
    stranger.query("UPDATE routing_lock SET taken = taken + 1")

    values = {"local_part": "joe", "domain": "one.test", "targets": "x@other.test", "active": "on"}
    response = client.post(reverse("alias-create"), values)
    stranger.rollback()

    page = response.content.decode()
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"
    assert "The database is busy. Nothing was saved, try again." in page
    assert 'value="joe"' in page
    assert "x@other.test" in page
    assert (Alias.objects.count(), LogEntry.objects.count()) == (0, before)

    assert client.post(reverse("alias-create"), values).status_code == 302
    assert Alias.objects.count() == 1


def test_a_connection_that_broke_between_two_pages_is_made_anew(sign_in, make_admin, stranger):
    client = sign_in(make_admin(superadmin=True))
    assert client.get(reverse("log")).status_code == 200
    broken = connection.connection.thread_id()
    stranger.query(f"KILL {broken}")

    assert client.get(reverse("log")).status_code == 200
    assert connection.connection.thread_id() != broken


def test_a_confirming_page_stays_too(
    sign_in, make_admin, add_domain, add_mailbox, stranger, impatient
):
    add_domain("one.test")
    joe = add_mailbox("joe@one.test")
    client = sign_in(make_admin(superadmin=True))
    stranger.query("UPDATE routing_lock SET taken = taken + 1")

    response = client.post(reverse("mailbox-state", args=[joe.pk]), {"active": "0"})

    assert response.status_code == 503
    assert "Nothing was saved, try again." in response.content.decode()


def test_of_many_rows_the_first_that_cannot_be_saved_is_the_last_tried(
    sign_in, make_admin, add_domain, add_mailbox, stranger, impatient
):
    add_domain("one.test")
    keys = [add_mailbox(f"m{n}@one.test").pk for n in range(3)]
    client = sign_in(make_admin(superadmin=True))
    stranger.query("UPDATE routing_lock SET taken = taken + 1")

    values = {"action": "activate", "selected": keys}
    response = client.post(reverse("mailbox-bulk"), values, follow=True)

    assert [str(message) for message in response.context["messages"]] == [
        "m0@one.test: The database is busy. Nothing was saved, try again."
    ]


def test_the_lock_is_a_row_that_changes(db):
    """A cluster replicates nothing of an UPDATE that changes nothing."""

    def hold():
        with transaction.atomic():
            RoutingLock.hold()
        return RoutingLock.objects.get().taken

    assert hold() + 1 == hold()


def test_a_refusal_of_the_rules_is_not_repeated(add_domain):
    domain = add_domain("one.test", mailboxes=-1)

    with override_settings(PASSWORD_ROUNDS=5000), pytest.raises(ValidationError) as refusal:
        create_mailbox(actor=None, domain=domain, local_part="joe", password="tangerine-7-bicycle")

    assert not isinstance(refusal.value, Unavailable)


SERVICES = {
    "create_domain": lambda w: domains.create_domain(
        actor=w.root, name="new.test", role_target="joe@one.test"
    ),
    "update_domain": lambda w: domains.update_domain(actor=w.root, domain=w.domain, mailboxes=7),
    "delete_domain": lambda w: domains.delete_domain(
        actor=w.root, domain=w.domain, others="remove", emptied="delete"
    ),
    "create_alias_domain": lambda w: domains.create_alias_domain(
        actor=w.root, alias_domain=w.other, target_domain=w.domain
    ),
    "create_alias": lambda w: aliases.create_alias(
        actor=w.root,
        domain=w.domain,
        local_part="new",
        targets=(target for target in ["joe@one.test", "x@other.test"]),
    ),
    "update_alias": lambda w: aliases.update_alias(
        actor=w.root, alias=w.alias, targets=iter(["x@other.test"]), description="new"
    ),
    "delete_alias": lambda w: aliases.delete_alias(actor=w.root, alias=w.alias),
    "create_mailbox": lambda w: mailboxes.create_mailbox(
        actor=w.root, domain=w.domain, local_part="ann", password="tangerine-7-bicycle"
    ),
    "update_mailbox": lambda w: mailboxes.update_mailbox(
        actor=w.root, mailbox=w.mailbox, name="New", active=False
    ),
    "set_mailbox_password": lambda w: mailboxes.set_mailbox_password(
        actor=w.root, mailbox=w.mailbox, password="another-password-1"
    ),
    "set_forwarding": lambda w: set_forwarding(
        actor=w.root, mailbox=w.mailbox, targets=["x@other.test"], keep_copy=True
    ),
    "delete_mailbox": lambda w: mailboxes.delete_mailbox(actor=w.root, mailbox=w.mailbox),
    "create_admin": lambda w: accounts.create_admin(
        actor=w.root,
        username="new@admins.test",
        password="tangerine-7-bicycle",
        domains=(name for name in ["one.test"]),
    ),
    "update_admin": lambda w: accounts.update_admin(
        actor=w.root, admin=w.admin, domains=iter(["one.test", "two.test"]), phone="1"
    ),
    "delete_admin": lambda w: accounts.delete_admin(actor=w.root, admin=w.admin),
}


@pytest.fixture
def world(add_domain, add_mailbox, add_alias, make_admin):
    world = SimpleNamespace(domain=add_domain("one.test"), other=add_domain("two.test"))
    world.mailbox = add_mailbox("joe@one.test")
    world.alias = add_alias("sales@one.test", "joe@one.test")
    world.root = make_admin("root@admins.test", superadmin=True)
    world.admin = make_admin("admin@admins.test", domains=["one.test"])
    return world


TABLES = (Domain, DomainUsage, Alias, AliasTarget, AliasDomain, Mailbox, Admin, DomainAdmin)
# What differs by chance or by the moment.
VARYING = {
    "id",
    "password",
    "created",
    "modified",
    "timestamp",
    "password_expiry",
    "token_validity",
}


def contents():
    rows = {}
    for model in (*TABLES, LogEntry):
        fields = [field.attname for field in model._meta.concrete_fields]
        fields = [name for name in fields if name not in VARYING]
        rows[model.__name__] = sorted(map(repr, model._base_manager.values_list(*fields)))
    return rows


@pytest.mark.parametrize("name", SERVICES)
def test_at_the_second_attempt_a_service_does_what_it_would_have_done_at_the_first(
    name, world, monkeypatch
):
    """Nothing that it was handed was used up or changed by the first."""
    with transaction.atomic():
        SERVICES[name](world)
        wanted = contents()
        transaction.set_rollback(True)
    before = contents()
    record = type(LogEntry.objects).record
    fail, calls = fail_once(1213), []

    def fail_after(*args, **kwargs):
        entry = record(*args, **kwargs)
        calls.append(1)
        fail()
        return entry

    monkeypatch.setattr(type(LogEntry.objects), "record", fail_after)
    SERVICES[name](world)

    assert len(calls) > 1
    assert contents() == wanted != before
