import contextlib
import importlib.util
import sys

import pytest

from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.processes import ROOT, answers, find, free_ports, wait_until

KEY = "aKey:ofDoveadm"
HTTP = """
doveadm_api_key = "{key}"
service doveadm {{
  inet_listener http {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""
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
    monkeypatch.syspath_prepend(ROOT / "deploy/helper")  # what it imports
    spec = importlib.util.spec_from_file_location("helper_verbs", ROOT / "deploy/helper/verbs.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    module.PROGRAMS = f"{tmp_path}:{module.PROGRAMS}"
    return module


@pytest.fixture
def settings_of(verbs, tmp_path):
    """``settings_of(*lines)``: the helper's Settings, with these mail hosts; without lines, of this machine."""

    def of(*lines):
        file = tmp_path / "mail-hosts"
        if lines:
            file.write_text("# One a line\n" + "".join(f"{line}\n" for line in lines))
            file.chmod(0o600)
        return verbs.Settings(tmp_path, "", None, mail_hosts=file)

    return of


@pytest.fixture(scope="module")
def doveadm_url(dovecot):
    [port] = free_ports(1)
    with dovecot.with_more(HTTP.format(key=KEY, port=port)):
        wait_until(lambda: answers(port), "doveadm listens")
        yield f"http://127.0.0.1:{port}"


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


def test_those_of_a_domain_end_and_of_no_other_one(verbs, settings_of, sessions, dovecot):
    wait_until(lambda: {*PEOPLE, *OTHERS} <= signed_in(dovecot), "all are signed in")

    said = verbs.kick_domain(settings_of(), "example.org")["says"]

    assert all(address in said for address in PEOPLE)
    wait_until(lambda: not set(PEOPLE) & signed_in(dovecot), "their sessions have ended")
    assert whose_are_open(sessions) == OTHERS


def test_where_nobody_is_signed_in_it_is_no_error(verbs, settings_of):
    assert verbs.kick_domain(settings_of(), "nobody.example") == {"says": "no users kicked"}


def test_on_other_machines_by_the_api_of_their_doveadm(
    verbs, settings_of, doveadm_url, sessions, dovecot, monkeypatch
):
    monkeypatch.setattr(verbs, "known", lambda settings, address: None)
    wait_until(lambda: {*PEOPLE, *OTHERS} <= signed_in(dovecot), "all are signed in")
    # Twice: the second one finds nobody.
    settings = settings_of(f"{doveadm_url} {KEY}", f"{doveadm_url}/ {KEY}")

    assert verbs.kick(settings, PEOPLE[0]) == {"says": ""}
    wait_until(lambda: PEOPLE[0] not in signed_in(dovecot), "the sessions have ended")
    assert whose_are_open(sessions) == [PEOPLE[1], *OTHERS]
    assert verbs.kick_domain(settings, "example.org") == {"says": ""}
    wait_until(lambda: PEOPLE[1] not in signed_in(dovecot), "the sessions have ended")
    assert whose_are_open(sessions[-len(OTHERS) :]) == OTHERS
    assert verbs.kick(settings, "nobody@example.org") == {"says": ""}


def test_one_machine_that_does_not_do_it_is_named_and_the_others_do(
    verbs, settings_of, doveadm_url, sessions, dovecot
):
    [closed] = free_ports(1)
    wait_until(lambda: {*PEOPLE, *OTHERS} <= signed_in(dovecot), "all are signed in")
    settings = settings_of(
        f"http://127.0.0.1:{closed} {KEY}",
        f"{doveadm_url} wrong",
        f"{doveadm_url} {KEY}",
    )

    with pytest.raises(verbs.Refused) as refused:
        verbs.kick_domain(settings, "example.org")

    reason = str(refused.value)
    assert f"http://127.0.0.1:{closed}: " in reason
    assert f"{doveadm_url}: status 401" in reason
    assert KEY not in reason
    wait_until(lambda: not set(PEOPLE) & signed_in(dovecot), "the sessions have ended")
