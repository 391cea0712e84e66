import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Admin
from mailboxes.models import Mailbox
from tests.adoption.beside.conftest import NEW
from tests.adoption.evening import CONF, READS_OURS, SECRET, new_mailbox
from tests.servers.clients import may_imap

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("evening")]


def test_who_signed_in_here_still_signs_in_there(evening):
    stored = Admin.objects.get(pk="boss@example.org").password

    assert Client().login(username="boss@example.org", password=SECRET)

    assert Admin.objects.get(pk="boss@example.org").password == stored
    assert evening.visitor("boss@example.org")


def test_a_password_changed_here_is_read_there_with_the_line_of_the_report(evening, root, ours):
    new_mailbox(root, "changed")
    new_mailbox(root, "unchanged")
    ours.post(reverse("mailbox-password", args=["changed@example.org"]), {"password": NEW})

    assert may_imap(evening, "changed@example.org", NEW)
    assert not may_imap(evening, "changed@example.org", SECRET)
    assert not evening.visitor("changed@example.org", of="user", password=NEW)
    evening.pages.configure(CONF + READS_OURS)
    assert evening.visitor("changed@example.org", of="user", password=NEW)
    assert evening.visitor("unchanged@example.org", of="user")
    evening.pages.configure(CONF)


def test_a_password_changed_there_with_that_line_is_read_here(evening, root):
    new_mailbox(root, "back")
    evening.pages.configure(CONF + READS_OURS)
    user = evening.visitor("back@example.org", of="user")

    user.send(
        "/users/password.php",
        {"fPassword_current": SECRET, "fPassword": NEW, "fPassword2": NEW, "submit": "1"},
    )
    new_mailbox(root, "since")
    evening.pages.configure(CONF)

    stored = dict(
        Mailbox.objects.filter(pk__in=["back@example.org", "since@example.org"]).values_list(
            "pk", "password"
        )
    )
    assert [text[:17] for text in stored.values()] == ["{SHA512-CRYPT}$6$"] * 2
    assert Client().login(username="back@example.org", password=NEW)
    assert not Client().login(username="back@example.org", password=SECRET)
    assert Client().login(username="since@example.org", password=SECRET)
    assert may_imap(evening, "back@example.org", NEW)


def test_names_are_typed_in_small_letters_there_now(evening):
    assert evening.visitor("Boss@example.org") is None
