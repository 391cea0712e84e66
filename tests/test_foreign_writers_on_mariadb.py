import MySQLdb
import pytest
from django.db import connection

from accounts.models import Admin
from accounts.services import delete_admin, set_admin_password, update_admin
from aliases.models import Alias
from aliases.services import delete_alias, update_alias
from domains.models import AliasDomain, Word
from domains.services import create_alias_domain, delete_alias_domain, update_alias_domain
from mailboxes import triggers
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from mailboxes.services import delete_mailbox, set_mailbox_password, update_mailbox
from panel import transactions

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "seven-8-bicycles"


@pytest.fixture
def stranger():
    database = connection.settings_dict
    stranger = MySQLdb.connect(
        host=database["HOST"],
        port=int(database["PORT"]),
        user=database["USER"],
        password=database["PASSWORD"],
        database=database["NAME"],
    )
    yield stranger
    stranger.close()


@pytest.fixture
def world(add_domain, add_mailbox, add_alias, make_admin):
    domain = add_domain("example.org")
    add_mailbox("joe@example.org")
    add_alias("info@example.org", "joe@example.org", "boss@elsewhere.example")
    source = add_domain("source.example")
    create_alias_domain(actor=None, alias_domain=source, target_domain=domain)
    make_admin("ann@example.org", domains=["example.org"])


@pytest.mark.parametrize(
    ("model", "key", "change"),
    [
        (Alias, "info@example.org", lambda row: update_alias(actor=None, alias=row, active=False)),
        (Alias, "info@example.org", lambda row: delete_alias(actor=None, alias=row)),
        (
            Alias,
            "info@example.org",
            lambda _row: delete_mailbox(
                actor=None, mailbox=Mailbox.objects.get(), clean=Alias.objects.all()
            ),
        ),
        (
            Alias,
            "joe@example.org",
            lambda _row: set_forwarding(
                actor=None, mailbox=Mailbox.objects.get(), targets="boss@elsewhere.example"
            ),
        ),
        (Mailbox, "joe@example.org", lambda row: update_mailbox(actor=None, mailbox=row, name="J")),
        (Mailbox, "joe@example.org", lambda row: delete_mailbox(actor=None, mailbox=row)),
        (
            Mailbox,
            "joe@example.org",
            lambda row: set_mailbox_password(actor=None, mailbox=row, password=NEW),
        ),
        (
            AliasDomain,
            "source.example",
            lambda row: update_alias_domain(actor=None, link=row, active=False),
        ),
        (AliasDomain, "source.example", lambda row: delete_alias_domain(actor=None, link=row)),
        (Admin, "ann@example.org", lambda row: update_admin(actor=None, admin=row, phone="112")),
        (
            Admin,
            "ann@example.org",
            lambda row: set_admin_password(actor=None, admin=row, password=NEW),
        ),
        (Admin, "ann@example.org", lambda row: delete_admin(actor=None, admin=row)),
    ],
)
def test_nobody_else_changes_a_row_while_a_service_decides(world, stranger, model, key, change):
    row = model.objects.get(pk=key)
    table, column = model._meta.db_table, model._meta.pk.column
    tried = []

    def try_before_the_first_write(execute, sql, params, many, context):
        writes = sql.startswith((f"UPDATE `{table}`", f"DELETE FROM `{table}`"))
        if writes and key in params and not tried:
            with stranger.cursor() as cursor, pytest.raises(MySQLdb.OperationalError) as refusal:
                cursor.execute(
                    f"SELECT 1 FROM {table} WHERE {column} = %s FOR UPDATE NOWAIT",
                    [key],
                )
            tried.append(refusal.value.args[0])
            stranger.rollback()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(try_before_the_first_write):
        change(row)

    assert tried in ([1205], [3572])  # MariaDB's and MySQL's number for a row that is locked


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("mailbox", "joe@example.org"),
        ("alias", "info@example.org"),
        ("domain", "example.org"),
        ("domain_admins", "example.org"),
        ("admin", "ann@example.org"),
    ],
)
def test_a_row_that_somebody_deletes_meanwhile_leaves_no_words_behind(
    world, stranger, monkeypatch, table, key
):
    column = {"alias": "address", "domain": "domain", "domain_admins": "domain"}
    triggers.empty_words(connection)
    with stranger.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(f"DELETE FROM {table} WHERE {column.get(table, 'username')} = %s", [key])

    monkeypatch.setattr(transactions, "GIVE_UP_SECONDS", 0)
    monkeypatch.setattr(triggers, "WRITERS", 1)
    with connection.cursor() as cursor:
        cursor.execute("SET innodb_lock_wait_timeout = 1")
    with pytest.raises(transactions.Unavailable):  # it waits for the other program
        triggers.rebuild_words(connection)
    connection.close()


@pytest.mark.parametrize("writers", [1, 2])
def test_the_words_are_written_anew(world, monkeypatch, writers):
    monkeypatch.setattr(triggers, "TOGETHER", 2)  # so that there are several groups
    monkeypatch.setattr(triggers, "WRITERS", writers)
    before = set(Word.objects.values_list("row_key", "kind", "word", "domain"))

    triggers.empty_words(connection)
    assert not Word.objects.exists()
    triggers.rebuild_words(connection)

    assert set(Word.objects.values_list("row_key", "kind", "word", "domain")) == before
