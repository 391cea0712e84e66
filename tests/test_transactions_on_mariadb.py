from threading import Barrier, Thread

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.test import override_settings
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from domains.models import Domain, RoutingLock
from mailboxes.models import Mailbox
from mailboxes.services import create_mailbox
from panel import transactions
from panel.transactions import Unavailable, in_transaction
from tests.servers.processes import free_ports
from tests.strangers import fail_once

pytestmark = pytest.mark.django_db(transaction=True)


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

    assert refusal.value.code == "unsure"
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
