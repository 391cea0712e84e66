from contextlib import suppress

import pytest
from django.db import OperationalError, transaction

from accounts.models import Admin, Adoption
from mailadmin.findings.letters import Letters
from mailboxes.models import Mailbox
from panel.models import Task
from panel.tasks import Entry
from tests.pages.reading import text
from tests.pages.test_findings import PAGE, cure, found, store
from tests.servers.processes import free_ports

WEAK = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
ONE_SALT = "$1$c9809462$fC8eUPU8lq7WtlIQpvhZ70"


@pytest.fixture
def write(django_capture_on_commit_callbacks):
    def write(client, name):
        with django_capture_on_commit_callbacks(execute=True):
            return cure(client, name)

    return write


@pytest.fixture
def joe(example_org, add_mailbox):
    mailbox = add_mailbox("joe@example.org")
    store(Mailbox, mailbox.pk, password=WEAK)
    return mailbox


def test_they_are_written_to_and_the_same_password_gets_a_better_hash_at_sign_in(
    superadmin, client, joe, mailoutbox, write
):
    assert found() == {"passwords-weak": ["mailbox joe@example.org"]}

    said = write(superadmin, "passwords-weak")

    assert "Nobody is locked out" in said
    [letter] = mailoutbox
    assert letter.to == ["joe@example.org"]
    assert "http://testserver/login/" in letter.body
    assert Mailbox.objects.get().password == WEAK
    assert found() == {"passwords-weak": ["mailbox joe@example.org"]}

    client.post("/login/", {"username": "joe@example.org", "password": "password"})

    assert Mailbox.objects.get().password.startswith("{SHA512-CRYPT}$6$")
    assert found() == {}


def test_administrators_and_those_with_the_one_salt_are_too(
    superadmin, make_admin, mailoutbox, write
):
    store(Admin, make_admin("ann@example.org").pk, password=ONE_SALT)
    assert found() == {"passwords-with-one-salt": ["admin ann@example.org"]}

    write(superadmin, "passwords-with-one-salt")

    assert [letter.to for letter in mailoutbox] == [["ann@example.org"]]


def test_for_those_who_never_sign_in_the_page_names_the_command(superadmin, joe):
    found()

    assert "mailadmin check_rows --list passwords-weak" in text(superadmin.get(PAGE))


def test_who_is_switched_off_gets_none(superadmin, joe, mailoutbox, write):
    store(Mailbox, "joe@example.org", active=False)
    found()

    write(superadmin, "passwords-weak")

    assert mailoutbox == []
    assert Task.objects.get().refusals == [["mailbox joe@example.org", "It is switched off."]]


def test_where_no_mail_server_takes_it_that_is_said(superadmin, joe, settings, write):
    found()
    [nobody] = free_ports(1)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", nobody

    write(superadmin, "passwords-weak")

    task = Task.objects.get()
    assert task.refusals == [
        ["mailbox joe@example.org", "The mail server did not take the message."]
    ]
    assert (task.done, task.refused, task.rows.count()) == (0, 1, 0)


def test_a_letter_is_written_once_though_its_transaction_is_rolled_back_and_runs_again(
    superadmin, joe, mailoutbox, django_capture_on_commit_callbacks
):
    found()
    superadmin.post(superadmin.post(PAGE, {"cure": "passwords-weak"}).url, {"do": "begin"})
    task, entry = Task.objects.get(), Entry("mailbox joe@example.org", [])
    act = Letters(Admin.objects.get(superadmin=True)).act

    with django_capture_on_commit_callbacks(execute=True):
        with suppress(OperationalError), transaction.atomic():
            act(task, entry)
            raise OperationalError(1213, "Deadlock found")
        act(task, entry)
        assert mailoutbox == []

    assert [letter.to for letter in mailoutbox] == [["joe@example.org"]]


def test_while_postfixadmin_works_on_the_same_rows_nobody_is_asked(
    superadmin, joe, mailoutbox, write
):
    found()
    Adoption.objects.create(old_tables="mail_adopt")

    page = superadmin.get(PAGE)

    assert 'value="passwords-weak"' not in page.text
    assert "check_rows --list" not in text(page)

    write(superadmin, "passwords-weak")
    assert mailoutbox == []
