"""The bin under locks: one restores once, and what is forgotten is not restored by half."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction

from domains import services
from domains.models import Domain, DomainUsage
from domains.services import delete_domain
from mailboxes import restoring
from mailboxes.models import Deleted, DeletedRow, Mailbox
from mailboxes.services import create_mailboxes, delete_mailbox
from tests.test_concurrency_on_mariadb import at_once, mailbox

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3


def restore(name):
    deletion = Deleted.objects.get(name=name)

    def act():
        try:
            restoring.restore(actor=None, deletion=deletion)
        except Deleted.DoesNotExist:
            deletion.name = "gone"

    return act


@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_two_who_restore_at_once_one_does(number, add_domain, add_mailbox):
    add_domain("example.org")
    delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))

    assert at_once(restore("joe@example.org"), restore("joe@example.org")) == ["done", "done"]

    assert (Mailbox.objects.count(), Deleted.objects.count()) == (1, 0)
    assert DomainUsage.objects.get().mailboxes == 1


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_name_is_given_once(number, add_domain, add_mailbox):
    domain = add_domain("example.org")
    delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))

    outcome = at_once(restore("joe@example.org"), mailbox(domain, "joe"))

    assert outcome == ["done", "taken"]
    assert Mailbox.objects.count() == 1


@pytest.mark.parametrize("number", range(ROUNDS))
def test_the_last_mailbox_that_is_allowed_is_given_once(number, add_domain, add_mailbox):
    domain = add_domain("example.org", mailboxes=1)
    delete_mailbox(actor=None, mailbox=add_mailbox("joe@example.org"))

    outcome = at_once(restore("joe@example.org"), mailbox(domain, "ann"))

    assert outcome == ["done", "limit_reached"]
    assert Mailbox.objects.count() == 1


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_is_removed_meanwhile_is_restored_whole_or_not_at_all(number, add_domain):
    domain = add_domain("example.org")
    rows = [{"local_part": f"m{n}", "password_hash": "{PLAIN}x"} for n in range(50)]
    create_mailboxes(actor=None, domain=domain, mailboxes=rows)
    delete_domain(actor=None, domain=domain)
    deletion = Deleted.objects.get()

    def remove():
        try:
            restoring.remove(actor=None, deletion=deletion)
        except Deleted.DoesNotExist:
            deletion.name = "gone"

    at_once(restore("example.org"), remove)

    assert Mailbox.objects.count() in {0, 50}
    assert (Deleted.objects.count(), DeletedRow.objects.count()) == (0, 0)


def is_locked(model, key):
    try:
        with transaction.atomic():
            model.objects.select_for_update(nowait=True).get(pk=key)
    except OperationalError:
        return True
    else:
        return False
    finally:
        connection.close()


def test_nobody_changes_what_is_kept_before_it_is_deleted(add_domain, add_mailbox, monkeypatch):
    domain = add_domain("example.org")
    add_mailbox("joe@example.org")
    keep, locked = services.keep, []

    def kept(**values):
        done = keep(**values)
        with ThreadPoolExecutor(1) as thread:  # a connection of its own
            for model, key in ((Domain, "example.org"), (Mailbox, "joe@example.org")):
                locked.append(thread.submit(is_locked, model, key).result())
        return done

    monkeypatch.setattr(services, "keep", kept)

    delete_domain(actor=None, domain=domain)

    assert locked == [True, True]


def test_postfixadmin_keeps_its_deletions_to_itself(add_domain, add_mailbox):
    add_domain("example.org")
    add_mailbox("joe@example.org")

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM mailbox WHERE username = 'joe@example.org'")
        cursor.execute("DELETE FROM alias WHERE address = 'joe@example.org'")

    assert Deleted.objects.count() == 0


def test_many_rows_of_a_domain_come_back_in_batches(add_domain, monkeypatch):
    monkeypatch.setattr(restoring, "TOGETHER", 7)
    domain = add_domain("example.org")
    rows = [{"local_part": f"m{n}", "password_hash": "{PLAIN}x"} for n in range(50)]
    create_mailboxes(actor=None, domain=domain, mailboxes=rows)
    delete_domain(actor=None, domain=domain)

    restoring.restore(actor=None, deletion=Deleted.objects.get())

    usage = DomainUsage.objects.get()
    assert (usage.mailboxes, usage.alias_rows, Mailbox.objects.count()) == (50, 50, 50)
    assert Deleted.objects.count() == 0
