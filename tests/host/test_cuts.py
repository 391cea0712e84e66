"""A power cut at each step of the installation, and one in the middle of an upgrade's migration."""

import re

import pytest

from tests.host.facts import NAME, PANEL, PASSWORD, differences, services, settings_of
from tests.host.machine import CHECKOUT
from tests.host.patient import mail_flows, root

STEP = re.compile(r" +\d+/\d+  (.+)\n")
HALF = """
ALTER TABLE mailbox ADD COLUMN imap_active bool NOT NULL DEFAULT 1;
ALTER TABLE mailbox ADD COLUMN pop3_active bool NOT NULL DEFAULT 1;
"""


def cut_at_the_next_step(machine, titles):
    """(what it said, its status if it came to its end); the new title is added to ``titles``."""
    said = ""
    with machine.background(f"{CHECKOUT}/deploy/install", NAME) as run:
        for line in run.stdout:
            said += line
            step = STEP.fullmatch(line)
            if step and step[1] not in titles:
                titles.append(step[1])
                return said, None
        return said, run.wait()


@pytest.fixture(scope="module")
def cut():
    """The titles of the steps at which it was cut, and all that it said."""
    return {"titles": [], "said": "", "status": None}


# Of each part: a test that takes longer than 15 minutes is ended.
@pytest.mark.parametrize("part", ["first", "second", "third", "last"])
def test_it_goes_on_after_a_cut_at_each_step(machine, cut, part):
    steps = 0
    while cut["status"] is None and (steps < 25 or part == "last"):
        said, cut["status"] = cut_at_the_next_step(machine, cut["titles"])
        cut["said"] += said
        steps += 1

    assert cut["status"] in (None, 0), cut["said"][-3000:]
    assert part != "last" or cut["status"] == 0
    assert "was changed by somebody" not in cut["said"]


def test_each_step_was_cut(cut):
    assert len(cut["titles"]) >= 85
    assert {"Debian packages", "tables", "service postfix", "first superadmin"} <= {
        title.replace("postfix@-", "postfix") for title in cut["titles"]
    }


def test_a_last_run_changes_nothing(machine, cut):
    before, running = settings_of(machine), services(machine)

    said = machine.install()

    assert "Nothing to do." in said
    assert differences(before, settings_of(machine)) == []
    assert services(machine) == running


def test_the_superadmins_password_was_shown(machine, cut):
    password = re.findall(r"Superadmin postmaster@example\.org, password: (\S+)", cut["said"])[-1]
    code = (
        "from accounts.models import Admin; import sys;"
        "print([(one.pk, one.check_password(sys.stdin.read().strip())) for one in Admin.objects.all()])"
    )
    shown = machine.run(*PANEL, "shell", "-v", "0", "-c", code, input=password)

    assert shown == "[('postmaster@example.org', True)]\n"


def test_mail_flows(machine, cut):
    machine.run(*PANEL, "domain", "add", "example.org", "--role-target", "ann@example.org")
    machine.run(*PANEL, "mailbox", "add", "ann@example.org", input=f"{PASSWORD}\n")

    assert mail_flows(machine)


# --- An upgrade


def test_the_half_of_a_migration_stops_it_and_the_backup_is_the_way_back(machine, cut):
    root(
        machine, f"{CHECKOUT}/.venv/bin/python -B {CHECKOUT}/manage.py migrate -v 0 mailboxes 0021"
    )
    backup = machine.run(f"{CHECKOUT}/deploy/backup", "/root/backups").strip()
    machine.run("mariadb", "mail", input=HALF)
    stopped = [machine.install(status=1) for _ in range(2)]
    machine.run(f"{CHECKOUT}/deploy/restore", backup, "--overwrite")

    for said in stopped:
        assert "Stopped at: tables" in said
        assert "Duplicate column name 'imap_active'" in said
        assert "deploy/restore" in said
    assert "Nothing to do." in machine.install()
    assert mail_flows(machine)
