import contextlib
import random
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from time import perf_counter, sleep

import MySQLdb
import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection
from django.urls import reverse

from aliases import services as aliases
from aliases.models import Alias
from domains import services as domains
from domains.models import Domain
from mailboxes import triggers
from mailboxes.models import Mailbox
from panel.transactions import Unavailable, in_transaction
from tests.strangers import connect

pytestmark = pytest.mark.django_db(transaction=True)


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
        close_tables(stranger)
        began = perf_counter()
        thread.submit(save).result()
        takes = perf_counter() - began
        for _attempt in range(5000):
            close_tables(stranger)
            saving = thread.submit(save)
            sleep(random.uniform(0, takes))  # somewhere in the statement's way
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
