from base64 import b64encode

import pytest
from django.core.exceptions import ValidationError

from accounts import totp
from accounts.models import LogEntry
from mailboxes import fetching
from mailboxes.fetching import add_remote, change_remote, delete_remote, secret_of
from mailboxes.models import FetchedMessage, RemoteMailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox

JOE, SECRET = "joe@example.org", "s3cret of somewhere"
VALUES = {"server": "imap.example.net", "login": "joe", "password": SECRET}


@pytest.fixture
def joe(example_org, add_mailbox):
    return add_mailbox(JOE)


@pytest.fixture
def row(joe):
    return add_remote(actor=None, mailbox=joe, **VALUES)


def codes_of(error):
    return {name: [one.code for one in found] for name, found in error.value.error_dict.items()}


def test_a_row_is_as_postfixadmin_has_it_but_the_password(row):
    stored = RemoteMailbox.objects.get()

    assert (stored.mailbox_id, stored.domain, stored.src_server) == (
        JOE,
        "example.org",
        "imap.example.net",
    )
    assert (stored.src_auth, stored.protocol, stored.src_port) == ("password", "IMAP", 0)
    assert (stored.usessl, stored.sslcertck, stored.keep, stored.active) == (True, True, True, True)
    assert SECRET not in stored.src_password
    assert secret_of(stored) == SECRET


def test_the_log_says_what_changed_and_no_password(row):
    change_remote(
        actor=None, remote=row, **VALUES | {"password": "another of somewhere"}, keep=False
    )
    delete_remote(actor=None, remote=row)
    delete_remote(actor=None, remote=row)

    entries = LogEntry.objects.filter(data=JOE).exclude(action="create_mailbox").order_by("pk")
    assert [entry.action for entry in entries] == ["fetch_mail", "edit_fetching", "end_fetching"]
    assert entries[1].changes == {"keep": [True, False], "remote_password": [None, True]}
    assert {entry.domain for entry in entries} == {"example.org"}
    for entry in entries:
        assert "somewhere" not in str(entry.changes)
    assert RemoteMailbox.objects.count() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"server": "imap.thief.example"},
        {"login": "eve"},
        {"port": 1993},
        {"protocol": "POP3"},
        {"tls": "starttls"},
    ],
)
def test_another_server_is_not_told_the_stored_password(row, change):
    with pytest.raises(ValidationError) as error:
        change_remote(actor=None, remote=row, **VALUES | {"password": ""} | change)

    assert codes_of(error) == {"password": ["required"]}
    assert RemoteMailbox.objects.get().src_server == "imap.example.net"


def test_without_another_password_the_stored_one_stays(row):
    change_remote(actor=None, remote=row, **VALUES | {"password": ""}, folder="Old", poll_time=60)

    changed = RemoteMailbox.objects.get()
    assert (secret_of(changed), changed.src_folder, changed.poll_time) == (SECRET, "Old", 60)


@pytest.mark.parametrize(
    ("wrong", "codes"),
    [
        ({"server": "not a name"}, {"server": ["no_server"]}),
        ({"server": "imap.example.net:993"}, {"server": ["no_server"]}),
        ({"server": "MAIL.example.org"}, {"server": ["itself"]}),
        ({"server": "localhost"}, {"server": ["itself"]}),
        ({"login": ""}, {"login": ["required"]}),
        ({"login": "joe\r\nA2 DELETE INBOX"}, {"login": ["invalid"]}),
        ({"folder": "a\nb"}, {"folder": ["invalid"]}),
        ({"password": "a\nb"}, {"password": ["invalid"]}),
        ({"password": "ä" * 61}, {"password": ["invalid"]}),
        ({"password": ""}, {"password": ["required"]}),
        ({"protocol": "ETRN"}, {"protocol": ["invalid"]}),
        ({"tls": "none"}, {"tls": ["invalid"]}),
        ({"port": 70_000}, {"port": ["invalid"]}),
        ({"poll_time": 7}, {"poll_time": ["invalid"]}),
        (
            {"server": "", "login": "", "poll_time": 0},
            {"server": ["no_server"], "login": ["required"], "poll_time": ["invalid"]},
        ),
    ],
)
def test_what_cannot_be_is_said_at_once(joe, wrong, codes):
    with pytest.raises(ValidationError) as error:
        add_remote(actor=None, mailbox=joe, **VALUES | wrong)

    assert codes_of(error) == codes
    assert RemoteMailbox.objects.count() == 0


def test_without_tls_where_the_settings_allow_it(joe, settings):
    settings.FETCHMAIL_PLAIN = True

    row = add_remote(actor=None, mailbox=joe, tls="none", **VALUES)

    assert (row.tls, row.usessl, row.sslcertck, row.port) == ("none", False, False, 143)


def test_a_mailbox_has_so_many_at_most(joe, monkeypatch):
    monkeypatch.setattr(fetching, "MOST", 1)
    add_remote(actor=None, mailbox=joe, **VALUES)

    with pytest.raises(ValidationError) as error:
        add_remote(actor=None, mailbox=joe, **VALUES)
    assert codes_of(error) == {"server": ["too_many"]}


def test_a_row_follows_its_mailbox_and_ends_with_it(row, joe, add_domain):
    add_domain("second.example")
    other = rename_mailbox(
        actor=None,
        mailbox=joe,
        local_part="jo",
        domain=type(joe.domain).objects.get(pk="second.example"),
    )
    moved = RemoteMailbox.objects.get()
    assert (moved.mailbox_id, moved.domain, moved.pk) == (
        "jo@second.example",
        "second.example",
        row.pk,
    )

    delete_mailbox(actor=None, mailbox=other)
    assert RemoteMailbox.objects.count() == 0


def test_what_was_remembered_of_a_row_goes_with_it(row):
    for remote in (row.pk, row.pk + 1):
        FetchedMessage.objects.create(remote=remote, key="a")
    delete_remote(actor=None, remote=row)

    assert [one.remote for one in FetchedMessage.objects.all()] == [row.pk + 1]


def test_a_password_that_no_key_opens_is_asked_for_again(row, settings):
    settings.SECRET_KEY = "another-key-another-key-another-key-another-key-another"

    assert secret_of(row) is None
    settings.FACTOR_KEYS = ["only-for-tests-only-for-tests-only-for-tests-only-for-tests"]
    assert secret_of(row) == SECRET
    assert fetching.store_secrets_as_now() == 0


def test_a_new_key_is_used_for_all_that_is_stored(row, settings):
    settings.FACTOR_KEYS = ["a-new-key-" * 6]

    assert (fetching.store_secrets_as_now(), fetching.store_secrets_as_now()) == (1, 0)
    settings.SECRET_KEY = "another-key-another-key-another-key-another-key-another"
    assert secret_of(RemoteMailbox.objects.get()) == SECRET


def test_no_password_that_is_taken_is_too_long_to_be_encrypted(row):
    longest = "ä" * (fetching.SECRET_BYTES // 2)
    assert fetching.SECRET_BYTES <= totp.LONGEST

    change_remote(actor=None, remote=row, **VALUES | {"password": longest})

    stored = RemoteMailbox.objects.get()
    assert (totp.is_encrypted(stored.src_password), secret_of(stored)) == (True, longest)


def test_what_postfixadmin_stored_and_is_too_long_stays_and_is_read(row):
    encoded = b64encode(b"x" * 180).decode()
    RemoteMailbox.objects.update(src_password=encoded)

    assert fetching.store_secrets_as_now() == 0
    stored = RemoteMailbox.objects.get()
    assert (stored.src_password, secret_of(stored)) == (encoded, "x" * 180)
    with pytest.raises(ValueError, match="too long"):
        fetching.stored_secret("x" * 180)
