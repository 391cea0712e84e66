"""Dovecot says when a mailbox crosses 80 and 95 % of its quota, by delivery and by IMAP."""

import tempfile
from pathlib import Path

import pytest

from tests.contract.world import PASSWORD, stranger
from tests.servers import clients
from tests.servers.processes import wait_until

FULL, QUOTA = "full@example.org", 100_000
SCRIPT = """echo "$*" >>"$(dirname "$0")/called"
sleep 2
"""


@pytest.fixture(scope="module")
def place():
    # Not pytest's own folder, which Dovecot's users do not enter.
    with tempfile.TemporaryDirectory(prefix="mailadmin-panel-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "manage.py").write_text(SCRIPT)
        yield folder


@pytest.fixture(scope="module")
def server(server_with, place):
    """In place of the panel's command there is a slow one that writes down how it is called."""
    for server in server_with("quota-warnings", PANEL_PYTHON="/bin/sh", PANEL_DIR=place):
        server.called = place / "called"
        yield server


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox(FULL)
    empty_world.raw("mailbox", FULL, quota=QUOTA)
    return empty_world


def called(server):
    return server.called.read_text().splitlines() if server.called.exists() else []


def fill(server, size):
    subject = clients.send(server, stranger(), FULL, size=size)
    clients.wait_for(server, FULL, PASSWORD, subject)


def empty(server, number):
    """Delete so many of the newest messages."""
    with clients.imap(server, FULL, PASSWORD) as session:
        session.select("INBOX")
        _ok, [found] = session.search(None, "ALL")
        for message in found.split()[-number:]:
            session.store(message, "+FLAGS", r"(\Deleted)")
        session.expunge()


def wait_for_calls(server, *lines):
    wait_until(lambda: called(server) == [f"quotawarning -- {line}" for line in lines], str(lines))


def test_each_level_is_told_as_it_is_crossed_up_and_down(server):
    fill(server, 70_000)
    assert called(server) == []

    fill(server, 15_000)
    wait_for_calls(server, f"80 {FULL}")
    fill(server, 2_000)
    fill(server, 11_000)
    lines = [f"80 {FULL}", f"95 {FULL}"]
    wait_for_calls(server, *lines)

    empty(server, 1)
    lines.append(f"below-95 {FULL}")
    wait_for_calls(server, *lines)
    empty(server, 2)
    lines.append(f"below-80 {FULL}")
    wait_for_calls(server, *lines)

    fill(server, 27_000)  # both at once: the higher one
    lines.append(f"95 {FULL}")
    wait_for_calls(server, *lines)


def test_mail_is_delivered_although_the_command_fails(server):
    script = server.called.with_name("manage.py")
    script.write_text("exit 1\n")
    try:
        empty(server, 9)
        fill(server, 85_000)
    finally:
        script.write_text(SCRIPT)
