"""App passwords and switches of a mailbox from the command line."""

import json

import pytest
from django.core.management.base import CommandError

from accounts.models import LogEntry
from mailboxes.models import SWITCHES, AppPassword, Mailbox


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


def test_it_lists_and_revokes_app_passwords(run, joe, add_mailbox):
    phone = AppPassword.objects.create(
        username=joe, description="Phone", protocols="imap,smtp", networks="192.0.2.0/24"
    )
    old = AppPassword.objects.create(username=joe, description="Old", password_hash="$2y$10$x")

    assert run("mailbox", "app-passwords", "joe@example.org") == (
        f"{phone.pk}\tPhone\timap,smtp\t192.0.2.0/24\n"
        f"{old.pk}\tOld\tnothing: PostfixAdmin made it\t\n"
    )
    lines = run("mailbox", "app-passwords", "joe@example.org", "--json").splitlines()
    assert json.loads(lines[0]) == {
        "number": phone.pk,
        "name": "Phone",
        "protocols": ["imap", "smtp"],
        "networks": ["192.0.2.0/24"],
        "until": None,
        "of_postfixadmin": False,
    }

    run("mailbox", "app-password-revoke", "joe@example.org", str(phone.pk))

    assert list(AppPassword.objects.all()) == [old]
    entry = LogEntry.objects.get(action="delete_app_password")
    assert (entry.username, entry.data) == ("CLI (localhost)", "joe@example.org")


def test_it_revokes_none_of_another_mailbox(run, joe, add_mailbox):
    theirs = AppPassword.objects.create(username=add_mailbox("ann@example.org"))

    with pytest.raises(CommandError, match="has no app password"):
        run("mailbox", "app-password-revoke", "joe@example.org", str(theirs.pk))

    assert AppPassword.objects.count() == 1


def test_it_switches_what_a_mailbox_may_be_used_for(run, joe):
    options = ("--no-imap", "--no-pop3", "--no-sieve", "--no-may-send", "--no-sign-in")
    run("mailbox", "edit", "joe@example.org", *options, "--no-receives", "--app-only")

    stored = Mailbox.objects.get()
    assert ({getattr(stored, name) for name in SWITCHES}, stored.app_only) == ({False}, True)
    record = json.loads(run("mailbox", "show", "joe@example.org", "--json"))
    assert [record[name] for name in ("imap", "pop3", "sieve", "sign_in", "receives")] == [
        *(False, False, False, False, False)
    ]
    assert record["app_only"] is True

    run("mailbox", "edit", "joe@example.org", "--imap", "--sign-in")

    stored.refresh_from_db()
    assert (stored.imap_active, stored.sign_in_active, stored.pop3_active) == (True, True, False)
