import os

import pytest
from django.db import connection

from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.mail import MailServer
from tests.servers.processes import wait_until

JOE = "joe@outside.test"
BLOCKS = {"backup-mx", "transport", "verify-recipients"}
NOBODY = 9  # a port of this machine where no server is


@pytest.fixture(scope="module")
def relay(empty_world):
    worker = f"{os.getpid()}{os.environ.get('PYTEST_XDIST_WORKER', '')}_relay"
    server = MailServer(connection.settings_dict, worker=worker, blocks=BLOCKS)
    with server:
        server.postfix.set(address_verify_poll_delay="1s")
        server.postfix.reload()
        inner = f"smtp:[127.0.0.1]:{server.outside.port}"
        empty_world.domain("example.org")
        empty_world.mailbox("ann@example.org")
        empty_world.domain("backup.example", backupmx=True)
        empty_world.domain("asleep.example", backupmx=True, active=False)
        empty_world.domain("asked.example", backupmx=True, verify_recipients=True)
        empty_world.domain("named.example", backupmx=True, verify_recipients=True, transport=inner)
        empty_world.domain(
            "away.example", backupmx=True, verify_recipients=True, transport=f"127.0.0.1:{NOBODY}"
        )
        server.outside.unknown |= {"nobody@asked.example", "nobody@named.example"}
        server.outside.unknown |= {"nobody@backup.example"}
        empty_world.domain("inner.example", transport=inner)
        empty_world.mailbox("bob@inner.example")
        empty_world.alias("eve@inner.example", "eve@inner.example")
        empty_world.alias("old@inner.example", "old@inner.example", active=False)
        yield server


@pytest.mark.parametrize(
    "recipient",
    [
        "anybody@backup.example",
        "anybody@asked.example",
        "anybody@named.example",
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
        ("nobody@asked.example", 550),
        ("nobody@named.example", 550),
        ("anybody@away.example", 450),
    ],
)
def test_mail_for_nobody_is_refused(relay, recipient, code):
    assert clients.refusal(relay, JOE, recipient)[0] == code


def test_without_the_question_mail_for_anybody_is_taken(relay):
    assert clients.refusal(relay, JOE, "nobody@backup.example") is None


def test_what_the_primary_server_confirmed_is_taken_while_it_is_away(relay):
    clients.send(relay, JOE, "known@asked.example")
    relay.postfix.set(relay_transport=f"relay:[127.0.0.1]:{NOBODY}")
    relay.postfix.reload()

    assert clients.refusal(relay, JOE, "known@asked.example") is None
    assert clients.refusal(relay, JOE, "new@asked.example")[0] == 450

    relay.postfix.set(relay_transport=f"relay:[127.0.0.1]:{relay.outside.port}")
    relay.postfix.reload()
    relay.postfix.wait_until_delivered()


def test_a_recipient_here_costs_one_statement_more(relay):
    with relay.statements_of(relay.postfix_sql_user) as statements:
        clients.send(relay, JOE, "ann@example.org")

    assert sum("reject_unverified_recipient" in text for text in statements) == 1


def test_our_own_mailboxes_stay_ours(relay):
    subject = clients.send(relay, JOE, "ann@example.org")

    clients.wait_for(relay, "ann@example.org", PASSWORD, subject)
