import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.processes import wait_until

PEOPLE, EACH = 16, 8  # Dovecot lets a mailbox have ten sessions from one address


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    for number in range(PEOPLE):
        empty_world.mailbox(f"u{number}@example.org")
    return empty_world


@pytest.mark.parametrize(("protocol", "good"), [(clients.imap, "OK"), (clients.pop, ord("+"))])
def test_more_than_a_hundred_sessions_with_tls_stay_open(mail_server, protocol, good):
    logins = [f"u{number % PEOPLE}@example.org" for number in range(PEOPLE * EACH)]
    with contextlib.ExitStack() as opened, ThreadPoolExecutor(8) as pool:
        sessions = list(
            pool.map(
                lambda login: opened.enter_context(protocol(mail_server, login, PASSWORD)), logins
            )
        )
        answers = [session.noop()[0] for session in sessions]

    assert answers == [good] * PEOPLE * EACH


def test_many_messages_at_once_to_one_mailbox_are_all_delivered(mail_server, world):
    world.mailbox("busy@example.org")
    senders = [f"joe{number}@outside.test" for number in range(100)]
    log_before = len(mail_server.postfix.log.read_text())

    with ThreadPoolExecutor(24) as pool:
        sent = set(
            pool.map(lambda who: clients.send(mail_server, who, "busy@example.org"), senders)
        )

    # A deferred message would come too, but in five minutes on a real server.
    wait_until(lambda: not mail_server.postfix.queue_ids(), "empty queue")
    assert sent <= set(clients.subjects(mail_server, "busy@example.org", PASSWORD))
    assert "status=deferred" not in mail_server.postfix.log.read_text()[log_before:]
