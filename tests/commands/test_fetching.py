import json

import pytest
from django.core.management.base import CommandError

from mailboxes import fetch_runs
from mailboxes.fetching import secret_of
from mailboxes.local_delivery import NotTaken
from mailboxes.models import RemoteMailbox

JOE, SERVER = "joe@example.org", "imap.example.net"


@pytest.fixture(autouse=True)
def joe(example_org, add_mailbox):
    return add_mailbox(JOE)


@pytest.fixture
def number(run):
    run("mailbox", "fetch-add", JOE, SERVER, "old", stdin="s3cret of somewhere\n")
    return RemoteMailbox.objects.get().pk


def test_mail_is_fetched_from_elsewhere_listed_changed_and_that_is_ended(run, number):
    row = RemoteMailbox.objects.get()
    assert (secret_of(row), row.keep, row.protocol) == ("s3cret of somewhere", True, "IMAP")
    assert run("mailbox", "fetch-list", JOE) == f"{number}\tIMAP\t{SERVER}\told\ton\t\n"

    run("mailbox", "fetch-edit", JOE, str(number), "--delete", "--minutes", "60", "--off")
    record = json.loads(run("mailbox", "fetch-list", JOE, "--json"))
    assert (record["keep"], record["poll_time"], record["active"]) == (False, 60, False)
    assert (record["login"], record["port"], record["last_run"]) == ("old", 993, None)
    assert "somewhere" not in str(record)

    run("mailbox", "fetch-edit", JOE, str(number), "--password", stdin="another\n")
    assert secret_of(RemoteMailbox.objects.get()) == "another"
    run("mailbox", "fetch-end", JOE, str(number))
    assert run("mailbox", "fetch-list", JOE) == ""
    with pytest.raises(CommandError, match="fetches nothing by the number"):
        run("mailbox", "fetch-end", JOE, str(number))


@pytest.mark.parametrize("columns", [{"protocol": "AUTO"}, {"protocol": None}, {"usessl": False, "plain": True}, {"src_server": "no server"}])  # fmt: skip
def test_what_is_not_allowed_any_more_is_switched_off_as_it_is(run, number, columns):
    RemoteMailbox.objects.update(**columns)

    run("mailbox", "fetch-edit", JOE, str(number), "--off")

    row = RemoteMailbox.objects.get()
    assert row.active is False
    assert {name: getattr(row, name) or None for name in columns} == {
        name: value or None for name, value in columns.items()
    }


def test_what_is_wrong_is_said(run, number):
    with pytest.raises(CommandError, match=r"Server: “here:25” is no server"):
        run("mailbox", "fetch-add", JOE, "here:25", "old", stdin="x\n")
    with pytest.raises(CommandError, match="Password: Enter the password of this login"):
        run("mailbox", "fetch-edit", JOE, str(number), "--server", "imap.thief.example")
    assert RemoteMailbox.objects.get().src_server == SERVER


def test_trying_says_what_is_wrong(run, number, monkeypatch):
    def refuse():
        raise NotTaken("no_door", "Connection refused")

    monkeypatch.setattr(fetch_runs.local_delivery, "check", refuse)
    with pytest.raises(CommandError, match="does not take fetched mail now"):
        run("mailbox", "fetch-try", JOE, str(number))


def test_where_nothing_is_fetched_the_runner_says_so(run, settings):
    settings.FETCHMAIL_TO = ""
    with pytest.raises(CommandError, match="FETCHMAIL_TO is empty"):
        run("fetchmail")
