"""A power cut at each step of the installation: it goes on from there, and ends as one that nobody disturbed."""

import re

import pytest

from tests.host.facts import (
    NAME,
    PANEL,
    differences,
    files_of,
    services,
    settings_of,
)
from tests.host.machine import CHECKOUT, Machine

WEBMAIL = "webmail.example.org"
EVERYTHING = [NAME, "--spam", "--srs", "--webmail", WEBMAIL]
# Made anew each time, or with the moment in it.
NEVER_THE_SAME = re.compile(
    r"/etc/mailadmin/tls/self-signed\.(key|pem)$|/var/lib/mailadmin-install/(state\.json$|kept/)|\.pyc$"
)
STEP = re.compile(r" +\d+/\d+  (.+)\n")


def start(machine):
    machine.path("/etc/hosts").write_text(
        f"127.0.0.1 localhost\n192.0.2.25 {NAME} mail {WEBMAIL}\n"
    )


def state_of(machine):
    """What an installation leaves: its files with their owners, running services, the database's tables and users."""
    files = {
        path: facts[:3] if NEVER_THE_SAME.search(path) else facts
        for path, facts in settings_of(machine).items()
        if not re.search("/var/lib/mailadmin-install/kept/", path)
    }
    tables = machine.run("mariadb-dump", "--no-data", "--routines", "--skip-comments", "mail")
    password = "JSON_VALUE(Priv, '$.authentication_string')"
    select = f"SELECT User, Host, {password} FROM mysql.global_priv"
    users = machine.run("mariadb", "-N", "-e", select)
    tables = re.sub(r"AUTO_INCREMENT=\d+ |DEFINER=`[^ ]+ ", "", tables)
    return files, sorted(services(machine)), tables, sorted(users.splitlines())


def cut_at_the_next_step(machine, titles):
    """(what it said, its status if it came to its end); the new title is added to ``titles``."""
    said = ""
    with machine.background(f"{CHECKOUT}/deploy/install", *EVERYTHING) as run:
        for line in run.stdout:
            said += line
            step = STEP.fullmatch(line)
            if step and step[1] not in titles:
                titles.append(step[1])
                return said, None
        return said, run.wait()


@pytest.fixture(scope="module")
def packages(machine, bare):
    """The titles of the steps so far: the packages are installed, and no service runs yet."""
    start(machine)
    titles = []
    for _ in range(2):
        cut_at_the_next_step(machine, titles)
    assert titles[0] == "Debian packages"
    return titles


@pytest.fixture(scope="module")
def undisturbed(machine, packages):
    """The state of a machine that goes on from there in one run."""
    other = Machine(machine.release)
    try:
        other.start(copy_of=machine)
        start(other)
        other.install(*EVERYTHING)
        return state_of(other)
    finally:
        other.stop()


@pytest.fixture(scope="module")
def cut(machine, packages, undisturbed):
    """(the titles at which it was cut, all that it said)"""
    titles, said, status = [*packages], "", None
    while status is None:
        more, status = cut_at_the_next_step(machine, titles)
        said += more
    assert status == 0, said[-2000:]
    return titles, said


def test_it_goes_on_after_every_cut(cut):
    titles, said = cut

    assert len(titles) >= 100
    assert "was changed by somebody" not in said


def test_it_ends_as_one_that_nobody_disturbed(machine, cut, undisturbed):
    files, running, tables, users = state_of(machine)

    assert differences(undisturbed[0], files) == []
    assert (running, tables, users) == undisturbed[1:]
    assert "Nothing to do." in machine.install()


def test_the_superadmins_password_was_shown(machine, cut):
    password = re.findall(r"Superadmin postmaster@example\.org, password: (\S+)", cut[1])[-1]
    code = (
        "from accounts.models import Admin; import sys;"
        "print([(one.pk, one.check_password(sys.stdin.read().strip())) for one in Admin.objects.all()])"
    )
    shown = machine.run(*PANEL, "shell", "-v", "0", "-c", code, input=password)

    assert shown == "[('postmaster@example.org', True)]\n"


def test_undone_nothing_is_left_of_it(machine, cut, bare):
    machine.install("--undo", "--with-data", input=f"{NAME}\n{NAME}\n")

    assert differences(bare, files_of(machine)) == ["/etc/hosts"]
