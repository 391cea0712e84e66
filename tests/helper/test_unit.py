import subprocess

import pytest

from mailadmin import mailconf, shipped
from tests.mailadmin.written import MYSQL, PASSWORDS
from tests.servers.processes import find


@pytest.fixture
def units(tmp_path):
    files = shipped.render(mailconf.marker_values(MYSQL, PASSWORDS), {"helper"})
    written = []
    for kind in ("service", "socket"):
        unit = tmp_path / f"mailadmin-helper.{kind}"
        unit.write_text(files[f"systemd/{unit.name}"])
        written.append(unit)
    return written


def analyze(*arguments):
    command = [find("systemd-analyze"), *arguments]
    run = subprocess.run(command, capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def test_systemd_takes_them(units):
    assert analyze("verify", "--man=no", *units) == (0, "")


def test_a_wrong_one_would_be_seen_here(units):
    units[0].write_text(units[0].read_text().replace("ExecStart=", "ExecStrat="))

    assert analyze("verify", "--man=no", *units) != (0, "")


def test_it_can_reach_little_of_its_machine(units):
    """systemd's own mark, 0 is nothing and 10 everything; one of root's that starts programs cannot be lower than about 4."""
    status, said = analyze("security", "--offline=yes", "--threshold=45", units[0])

    assert status == 0, said


def test_without_the_setting_there_is_none():
    files = shipped.render(mailconf.marker_values(MYSQL, PASSWORDS), set())

    assert [name for name in files if "helper" in name] == []
