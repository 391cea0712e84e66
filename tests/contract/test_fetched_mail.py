"""The panel fetches from a mailbox of Dovecot's, and hands over by the socket that the shipped dovecot.conf has for it."""

import stat

import pytest

from mailboxes import fetch_runs
from mailboxes.fetching import stored_secret
from mailboxes.models import Mailbox, RemoteMailbox
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients
from tests.servers.mail import OWNER

ANN, JOE, FULL = "ann@example.org", "joe@example.org", "full@example.org"


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("fetched-mail")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    for address in (ANN, JOE, FULL):
        empty_world.mailbox(address)
    empty_world.raw("mailbox", FULL, quota=2_000)
    return empty_world


@pytest.fixture
def run(server, settings, monkeypatch):
    """``run(JOE)``: fetch from ann's mailbox into joe's, and say how it went."""
    settings.FETCHMAIL_TO = f"lmtp:{server.directory / 'run' / 'mailadmin-lmtp'}"
    settings.FETCHMAIL_NETWORKS = ["127.0.0.0/8", "::1"]
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))

    def fetched(address):
        row = RemoteMailbox.objects.create(
            mailbox_id=address,
            src_server="localhost",
            src_port=server.imaps_port,
            src_user=ANN,
            src_password=stored_secret(PASSWORD),
            keep=False,
        )
        done = fetch_runs.run(row)
        row.delete()
        return done.outcome, done.taken

    return fetched


def put(server, size=0):
    subject = clients.send(server, stranger(), ANN, size=size)
    clients.wait_for(server, ANN, PASSWORD, subject)
    return subject


def test_the_socket_is_the_panels_alone(server):
    place = server.directory / "run" / "mailadmin-lmtp"
    status = place.stat()

    assert stat.S_ISSOCK(status.st_mode)
    assert (status.st_mode & 0o777, place.owner()) == (0o600, OWNER)


def test_what_is_fetched_lies_in_the_mailbox_and_nowhere_else(server, run):
    subject = put(server)

    assert run(JOE) == ("fetched", 1)
    assert clients.subjects(server, JOE, PASSWORD) == [subject]
    assert clients.subjects(server, ANN, PASSWORD) == []


def test_for_a_mailbox_that_is_full_it_stays_there(server, run):
    subject = put(server, size=10_000)

    assert run(FULL) == ("full", 0)
    assert clients.subjects(server, ANN, PASSWORD) == [subject]
    assert clients.subjects(server, FULL, PASSWORD) == []


def test_for_a_mailbox_that_is_off_it_stays_there(server, run):
    [subject] = clients.subjects(server, ANN, PASSWORD) or [put(server)]
    Mailbox.objects.filter(pk=JOE).update(active=False)

    assert run(JOE) == ("not_here", 0)
    assert clients.subjects(server, ANN, PASSWORD) == [subject]
