"""Second factors from the command line: taking them away, and how their secrets are stored."""

import json

import pyotp
import pytest
from django.core.management.base import CommandError

from accounts import totp
from accounts.models import Admin, LogEntry
from mailboxes.models import Mailbox


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


def test_it_takes_them_away_and_the_log_names_the_command_line(run, joe, make_admin, shows):
    admin = make_admin("it@example.org")
    for account in (joe, admin):
        shows(account)

    said = run("mailbox", "factor-reset", "joe@example.org")
    run("admin", "factor-reset", "it@example.org")

    assert said == "Took the second factor away from mailbox joe@example.org.\n"
    assert (Mailbox.objects.get().totp_secret, Admin.objects.get().totp_secret) == (None, None)
    entries = LogEntry.objects.filter(action="end_factor").order_by("pk")
    assert [(entry.username, entry.data) for entry in entries] == [
        ("CLI (localhost)", "joe@example.org"),
        ("CLI (localhost)", "it@example.org"),
    ]


def test_where_there_is_none_it_says_so(run, joe):
    with pytest.raises(CommandError, match=r"There is no second factor\."):
        run("mailbox", "factor-reset", "joe@example.org")


def test_show_says_whether_there_is_one(run, joe, shows):
    assert json.loads(run("mailbox", "show", "joe@example.org", "--json"))["second_factor"] is False

    shows(joe)

    assert json.loads(run("mailbox", "show", "joe@example.org", "--json"))["second_factor"] is True


def test_it_counts_how_secrets_are_stored_and_encrypts_them(
    run, joe, add_mailbox, make_admin, settings
):
    plain, older, lost = pyotp.random_base32(), pyotp.random_base32(), pyotp.random_base32()
    make_admin("it@example.org")
    add_mailbox("ann@example.org")
    Admin.objects.update(totp_secret=plain)
    Mailbox.objects.filter(pk=joe.pk).update(totp_secret=totp.encrypted(older))
    settings.FACTOR_KEYS = ["a-third-key-0123456789-abc" * 2]
    Mailbox.objects.exclude(pk=joe.pk).update(totp_secret=totp.encrypted(lost))
    settings.FACTOR_KEYS = ["another-key-0123456789-abc" * 2, settings.SECRET_KEY]

    before = json.loads(run("secondfactors", "--json"))
    after = json.loads(run("secondfactors", "--encrypt", "--json"))

    assert before == {
        "as now": 0,
        "in clear": 1,
        "under an older key": 1,
        "unreadable": 1,
        "webhooks": 0,
        "stored": 0,
    }
    assert after == {
        "as now": 2,
        "in clear": 0,
        "under an older key": 0,
        "unreadable": 1,
        "webhooks": 0,
        "stored": 2,
    }
    settings.FACTOR_KEYS = settings.FACTOR_KEYS[:1]
    assert totp.decrypted(Admin.objects.get().totp_secret) == plain
    assert totp.decrypted(Mailbox.objects.get(pk=joe.pk).totp_secret) == older


def test_beside_postfixadmin_clear_text_is_as_it_shall_be(run, make_admin, settings):
    settings.POSTFIXADMIN_BESIDE = True
    make_admin("it@example.org")
    Admin.objects.update(totp_secret="JBSWY3DPEHPK3PXP")

    assert json.loads(run("secondfactors", "--encrypt", "--json"))["as now"] == 1
    assert Admin.objects.get().totp_secret == "JBSWY3DPEHPK3PXP"
