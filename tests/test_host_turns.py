import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.host.__main__ import run_file
from tests.host.roots import RELEASES
from tests.host.turns import TURNS, roots_of, said, turn_of

FILES = {file.name for file in (Path(__file__).parent / "host").glob("test_*.py")}
A_CYCLE = range(100, 100 + len(TURNS))


def test_every_file_has_one_turn_on_every_release_in_a_cycle():
    turns = Counter()
    for release, files in map(turn_of, A_CYCLE):
        turns.update((release, file) for file in files)

    assert turns == {(release, file): 1 for release in RELEASES for file in FILES}


def test_what_is_not_run_on_a_day_is_said_with_its_day():
    today, _but, *others = said(333).splitlines()

    for later in range(1, len(TURNS)):
        release, files = turn_of(333 + later)
        assert others[later - 1] == f"  {later} later: {' '.join(files)} on {release}"
    assert len(others) == len(TURNS) - 1
    release, files = turn_of(333)
    assert today == f"Whole hosts, day 333 of the year: {' '.join(files)} on {release}."


def test_a_day_needs_one_root_unless_a_host_moves_to_another_release():
    needed = {day: roots_of(day) for day in A_CYCLE}

    assert [day for day, roots in needed.items() if len(roots) > 1] == [
        day for day in A_CYCLE if turn_of(day) == ("bookworm", ["test_trouble.py"])
    ]


@pytest.mark.parametrize(("arguments", "status"), [(["--day", "333"], 0), ([], 1)])
def test_where_nobody_may_make_namespaces_a_turn_says_so_and_fails_nobody(
    arguments, status, tmp_path
):
    """As in many containers, where root is without this right."""
    without = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
    done = subprocess.run(
        [*without, sys.executable, "-m", "tests.host", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"HOST_CACHE": str(tmp_path)},
    )

    assert done.returncode == status
    assert "NOT ONE TEST OF WHOLE HOSTS WAS RUN." in done.stdout


A_FILE = """
import pytest
from pathlib import Path

RUNS = Path(__file__).with_name("runs")

@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_that_is_there_after_some_runs(release):
    with RUNS.open("a") as runs:
        runs.write(release + " ")
    assert len(RUNS.read_text().split()) > {fails}
"""


@pytest.mark.parametrize(
    ("fails", "status", "named", "runs"), [(0, 0, 0, 1), (1, 0, 1, 2), (2, 1, 1, 2)]
)
def test_what_fails_is_tried_once_more_and_named(fails, status, named, runs, tmp_path):
    file = tmp_path / "test_some.py"
    file.write_text(A_FILE.format(fails=fails))
    failed = []

    assert run_file(str(file), "trixie", failed) == status
    assert failed == [str(file)] * named
    assert (tmp_path / "runs").read_text().split() == ["trixie"] * runs


def test_a_file_that_cannot_be_read_is_not_tried_again(tmp_path):
    file = tmp_path / "test_some.py"
    file.write_text("nonsense(")
    failed = []

    assert run_file(str(file), "trixie", failed) == 2
    assert failed == []


def test_without_room_for_roots_a_turn_says_so(tmp_path):
    text = "import shutil; shutil.which = lambda name, **at: name; import tests.host.roots as roots; roots.DISK = 10**9; from tests.host.__main__ import main; raise SystemExit(main(['--day', '333']))"
    done = subprocess.run(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"HOST_CACHE": str(tmp_path)},
    )

    assert done.returncode == 0
    assert "NOT ONE TEST OF WHOLE HOSTS WAS RUN." in done.stdout
    assert f"MB free in {tmp_path}" in done.stdout


def test_where_no_minute_is_left_a_turn_says_so_and_makes_no_root(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.host", "--day", "333", "--minutes", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"HOST_CACHE": str(tmp_path)},
    )

    assert done.returncode == 0
    assert "NOT ALL TESTS OF THIS TURN WERE RUN: ITS 0 MINUTES ARE OVER." in done.stdout
    assert [*tmp_path.iterdir()] == []
