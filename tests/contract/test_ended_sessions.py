import contextlib
import importlib.util
import sys

import pytest

from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.processes import ROOT, find, wait_until

PEOPLE = ["ann@example.org", "bob@example.org"]
OTHERS = ["joe@other.example", "ann@sub.example.org", "ann@myexample.org"]


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    for address in (*PEOPLE, *OTHERS):
        empty_world.domain(address.partition("@")[2]) if address != PEOPLE[1] else None
        empty_world.mailbox(address)


@pytest.fixture
def verbs(dovecot, tmp_path, monkeypatch):
    wrapper = tmp_path / "doveadm"
    wrapper.write_text(f'#!/bin/sh\nexec {find("doveadm")} -c {dovecot.conf}/dovecot.conf "$@"\n')
    wrapper.chmod(0o755)
    spec = importlib.util.spec_from_file_location("helper_verbs", ROOT / "deploy/helper/verbs.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    module.PROGRAMS = f"{tmp_path}:{module.PROGRAMS}"
    return module


@pytest.fixture
def sessions(mail_server):
    """{address: its open IMAP session}, two of the first."""
    with contextlib.ExitStack() as opened:
        yield [
            (address, opened.enter_context(clients.imap(mail_server, address, PASSWORD)))
            for address in (PEOPLE[0], *PEOPLE, *OTHERS)
        ]


def is_open(session):
    try:
        return session.noop()[0] == "OK"
    except (session.abort, OSError):
        session.shutdown()
        return False


def whose_are_open(sessions):
    return [address for address, session in sessions if is_open(session)]


def signed_in(dovecot):
    return {line.split()[0] for line in dovecot.doveadm("who", "-1").splitlines()}


def test_those_of_a_domain_end_and_of_no_other_one(verbs, sessions, dovecot):
    wait_until(lambda: {*PEOPLE, *OTHERS} <= signed_in(dovecot), "all are signed in")

    said = verbs.kick_domain(None, "example.org")["says"]

    assert all(address in said for address in PEOPLE)
    wait_until(lambda: not set(PEOPLE) & signed_in(dovecot), "their sessions have ended")
    assert whose_are_open(sessions) == OTHERS


def test_where_nobody_is_signed_in_it_is_no_error(verbs):
    assert verbs.kick_domain(None, "nobody.example") == {"says": "no users kicked"}
