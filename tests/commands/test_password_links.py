"""Invitations, and passwords that must be changed, from the command line."""

import json
import re

import pytest
from django.core import mail
from django.core.management.base import CommandError

from accounts.models import Admin
from accounts.password_links import find
from mailboxes.models import Mailbox

NEW = {
    "mailbox": ("mailbox", "add", "joe@example.org", "--invite"),
    "admin": ("admin", "add", "joe@example.org", "--domains", "example.org", "--invite"),
}


@pytest.fixture(autouse=True)
def panel(settings, example_org):
    settings.PANEL_URL = "https://panel.example.org/"


def row(kind):
    return {"mailbox": Mailbox, "admin": Admin}[kind].objects.get(pk="joe@example.org")


def token_in(said):
    return re.search(r"https://panel\.example\.org/login/link/([\w-]+)/", said)[1]


@pytest.mark.parametrize("kind", NEW)
def test_a_new_account_is_invited_in_place_of_a_password(kind, run):
    said = run(*NEW[kind])

    assert "Password:" not in said
    assert find(token_in(said))[1] == row(kind)


@pytest.mark.parametrize("kind", NEW)
def test_a_new_link_ends_the_former_one(kind, run):
    first = token_in(run(*NEW[kind]))

    second = json.loads(run(kind, "invite", "joe@example.org", "--json"))["link"]

    assert find(first) is None
    assert find(token_in(second))[1] == row(kind)


def test_it_is_sent_and_not_printed(run, add_mailbox, django_capture_on_commit_callbacks):
    joe = add_mailbox("joe@example.org", email_other="joe@elsewhere.test")

    with django_capture_on_commit_callbacks(execute=True):
        said = run("mailbox", "invite", "joe@example.org", "--send")

    assert "login/link" not in said
    assert mail.outbox[0].to == ["joe@elsewhere.test"]
    assert find(token_in(mail.outbox[0].body))[1] == joe


@pytest.mark.parametrize("kind", NEW)
def test_without_the_panels_address_there_is_no_link_and_no_account(kind, run, settings):
    settings.PANEL_URL = ""

    with pytest.raises(CommandError, match="Set PANEL_URL first"):
        run(*NEW[kind])

    assert not Mailbox.objects.exists()
    assert not Admin.objects.exists()


def test_who_has_no_other_address_is_sent_nothing(run, add_mailbox):
    add_mailbox("joe@example.org")

    with pytest.raises(CommandError, match="Enter an address that the person reads now"):
        run("mailbox", "invite", "joe@example.org", "--send")


def test_a_password_must_be_changed_if_one_says_so(run, add_mailbox):
    joe = add_mailbox("joe@example.org")

    def must(*arguments):
        run("mailbox", *arguments)
        joe.refresh_from_db()
        shown = json.loads(run("mailbox", "show", joe.pk, "--json"))["must_change_password"]
        assert shown is joe.must_change
        return joe.must_change

    assert must("edit", joe.pk, "--must-change") is True
    assert must("edit", joe.pk, "--name", "Joe") is True
    assert must("edit", joe.pk, "--no-must-change") is False
    assert must("password", joe.pk, "--generate", "--must-change") is True
    assert must("password", joe.pk, "--generate") is False
