"""More sessions at once than the mailboxes of a small office open."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.world import PASSWORD
from tests.servers import clients

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
