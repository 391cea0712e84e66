import json
import signal
import subprocess
import sys

import pytest
from django.core.management.base import CommandError

from accounts import events
from aliases.services import create_alias
from domains.services import create_domain
from tests.commands.test_log import follow as follow
from tests.servers.processes import ROOT


@pytest.fixture
def entries(db):
    domain = create_domain(actor=None, name="example.org")
    create_domain(actor=None, name="other.net")
    create_alias(actor=None, domain=domain, local_part="sales", targets=["ann@elsewhere.example"])


def printed(text):
    return [json.loads(line) for line in text.splitlines()]


def objects(text):
    return [event["data"]["object"] for event in printed(text)]


def test_they_come_as_json_lines_the_oldest_first(run, entries):
    text = run("events")

    assert objects(text) == ["example.org", "other.net", "sales@example.org"]
    assert printed(text) == [events.told(event) for event in events.after(0)]


def test_since_goes_on_after_a_number(run, entries):
    second = printed(run("events"))[1]["number"]

    assert objects(run("events", "--since", str(second))) == ["sales@example.org"]
    assert run("events", "--since", "99") == ""


def test_they_are_narrowed(run, entries):
    assert objects(run("events", "--kind", "alias")) == ["sales@example.org"]
    assert objects(run("events", "--kind", "create_domain", "--domain", "Other.net")) == [
        "other.net"
    ]
    assert objects(run("events", "--kind", "alias", "--kind", "domain")) == objects(run("events"))


def test_an_event_that_is_none_is_told(run, entries):
    with pytest.raises(CommandError, match="no such event: become_root"):
        run("events", "--kind", "become_root")


def test_old_ones_are_forgotten(run, entries):
    assert run("events", "--forget") == "0 rows older than 30 days were forgotten.\n"


def test_webhooks_says_how_many_requests_it_sent(run, entries):
    assert run("webhooks") == "Requests sent: 0.\n"


@pytest.fixture
def start(own_database):
    started = []

    def begin(*words):
        process = subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=own_database,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with process:
            process.kill()


def test_it_follows_and_goes_on_after_a_number_later(start, follow):
    follow.add("before.example")
    process = start("events", "--follow", "--since", "0")
    first = json.loads(process.stdout.readline())
    follow.add("later.example")
    second = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120) == ("", "")
    assert process.returncode == 0
    follow.add("meanwhile.example")

    again = start("events", "--follow", "--since", str(first["number"]))
    told = [json.loads(again.stdout.readline()) for _n in range(2)]

    assert (first["data"]["object"], second) == ("before.example", told[0])
    assert told[1]["data"]["object"] == "meanwhile.example"


def test_who_follows_webhooks_ends_quietly_when_it_is_stopped(start):
    process = start("webhooks", "--follow")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=4)

    process.send_signal(signal.SIGTERM)

    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0
