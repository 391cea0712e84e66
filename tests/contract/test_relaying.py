"""Backup MX and transports: a server whose main.cf has the two optional blocks."""

import os

import pytest
from django.db import connection

from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.mail import MailServer
from tests.servers.processes import wait_until

JOE = "joe@outside.test"


@pytest.fixture(scope="module")
def relay(empty_world):
    worker = f"{os.getpid()}{os.environ.get('PYTEST_XDIST_WORKER', '')}_relay"
    server = MailServer(connection.settings_dict, worker=worker, blocks={"backup-mx", "transport"})
    with server:
        inner = f"smtp:[127.0.0.1]:{server.outside.port}"
        empty_world.domain("example.org")
        empty_world.mailbox("ann@example.org")
        empty_world.domain("backup.example", backupmx=True)
        empty_world.domain("asleep.example", backupmx=True, active=False)
        empty_world.domain("inner.example", transport=inner)
        empty_world.mailbox("bob@inner.example")
        empty_world.alias("eve@inner.example", "eve@inner.example")
        empty_world.alias("old@inner.example", "old@inner.example", active=False)
        yield server


@pytest.mark.parametrize(
    "recipient",
    [
        "anybody@backup.example",
        "bob@inner.example",
        "bob+tag@inner.example",
        "eve@inner.example",
        "eve+tag@inner.example",
    ],
)
def test_mail_is_handed_on(relay, recipient):
    subject = clients.send(relay, JOE, recipient)

    [mail] = wait_until(lambda: [m for m in relay.outside.received if subject in m.text], "mail")
    assert mail.recipients == [recipient]
    assert mail.sender == JOE


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("nobody@inner.example", 550),
        ("old@inner.example", 550),
        ("anybody@sub.backup.example", 554),
        ("anybody@asleep.example", 554),
        ("anybody@elsewhere.test", 554),
        ("nobody@example.org", 550),
    ],
)
def test_mail_for_nobody_is_refused(relay, recipient, code):
    assert clients.refusal(relay, JOE, recipient)[0] == code


def test_our_own_mailboxes_stay_ours(relay):
    subject = clients.send(relay, JOE, "ann@example.org")

    clients.wait_for(relay, "ann@example.org", PASSWORD, subject)
