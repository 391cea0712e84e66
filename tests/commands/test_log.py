import json
import signal
import sqlite3
import subprocess
import sys

import pytest

from domains.services import create_domain, update_domain
from tests.servers.processes import ROOT


@pytest.fixture
def entries(db):
    domain = create_domain(actor=None, name="example.org")
    create_domain(actor=None, name="other.net")
    update_domain(actor=None, domain=domain, description="Ours", mailboxes=7)


def test_the_newest_entries_come_last(run, entries):
    printed = [line.split("\t")[1:] for line in run("log", "--lines", "2").splitlines()]

    assert printed == [
        ["CLI", "localhost", "create_domain", "other.net", "other.net"],
        ["CLI", "localhost", "edit_domain", "example.org", "example.org"],
    ]
    assert run("log", "--lines", "unlimited").count("\n") == 3
    assert run("log").count("\n") == 3


def test_it_is_narrowed_to_a_domain_and_to_who_acted(run, entries, make_admin):
    create_domain(actor=make_admin("ann@example.org", superadmin=True), name="third.example")

    assert run("log", "--domain", "Example.org").count("\texample.org\n") == 2
    assert run("log", "--by", "ann@example.org").count("third.example\n") == 1
    assert run("log", "--by", "ann@example.or") == ""


def test_at_a_terminal_it_is_sentences(run, entries):
    last = run("log", typed=[]).splitlines()[-1]

    assert last.partition("  ")[2] == (
        "CLI changed domain example.org  Description: Ours; Mailboxes: 10 → 7"
    )


def test_json_holds_old_and_new(run, entries):
    entry = json.loads(run("log", "--lines", "1", "--json"))

    assert entry["sentence"] == "CLI changed domain example.org"
    assert entry["changes"]["mailboxes"] == [10, 7]


@pytest.fixture
def follow(own_database):
    """``follow()`` starts `mailadmin log --follow`; ``follow.add("example.org")`` makes an entry."""
    started = []

    def add(name):
        arguments = [sys.executable, "manage.py", "domain", "add", name]
        subprocess.run(arguments, cwd=ROOT, env=own_database, check=True, capture_output=True)

    def start():
        program = "from mailadmin.program import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", program, "log", "--follow", "--lines", "1"],
            cwd=ROOT,
            env=own_database,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # What runs in the background is deaf to Ctrl-C, and its children too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    start.add = add
    yield start
    for process in started:
        with process:  # closes its pipes
            process.kill()


def test_it_follows_and_ends_quietly_by_ctrl_c(follow):
    follow.add("before.example")
    process = follow()
    assert process.stdout.readline().endswith("\tbefore.example\n")

    follow.add("later.example")
    assert process.stdout.readline().endswith("\tlater.example\n")

    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120) == ("", "")
    assert process.returncode == 0


def test_an_entry_that_was_saved_late_is_shown_too(follow, own_database):
    """A server of a cluster gives lower numbers, and a long transaction ends after the next one."""
    follow.add("shown.example")
    process = follow()
    process.stdout.readline()

    database = sqlite3.connect(own_database["DATABASE_URL"].removeprefix("sqlite:///"))
    database.execute(
        "INSERT INTO log (id, timestamp, username, domain, action, data)"
        " VALUES (-1, datetime('now', '-20 seconds'), 'ann (localhost)', '', 'create_domain', 'late.example')"
    )
    database.commit()

    assert process.stdout.readline().endswith("\tlate.example\n")


def test_it_ends_when_nobody_reads_any_more(follow):
    follow.add("read.example")
    process = follow()
    process.stdout.readline()

    process.stdout.close()

    assert process.wait(timeout=120) == 0
    assert process.stderr.read() == ""
