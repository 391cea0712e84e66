"""python -m tests.host: every test of whole hosts; python -m tests.host --day 333: those whose turn it is on that day of the year.

First the roots, so that a mirror that does not answer is a few lines, and not an error in every test.
A day's turn fails only for a test that fails twice. What keeps this machine from it, and a clock that runs out, is told in capitals.
"""

import argparse
import signal
import subprocess
import sys
import time

from tests.host.machine import Machine
from tests.host.roots import (
    CACHE,
    RELEASES,
    NotHere,
    NotMade,
    cached_root,
    check_room,
    check_this_machine,
)
from tests.host.turns import MINUTES, roots_of, said, turn_of

TESTS_FAILED = 1  # and nothing else went wrong: pytest's status


class OutOfTime(Exception):
    pass


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.host", description=__doc__)
    parser.add_argument("--day", type=int, help="Only the turn of this day of the year.")
    parser.add_argument("--minutes", type=int, default=MINUTES, help="What a turn may take.")
    words = parser.parse_args(arguments)
    day = words.day
    try:
        return run_all() if day is None else run_turn(day, words.minutes)
    except NotMade as error:
        say(f"\nNOT ONE TEST OF WHOLE HOSTS WAS RUN.\n{error}")
        return 1 if day is None else 0


def run_all():
    make_roots(RELEASES)
    return pytest("tests/host")


def run_turn(day, minutes=MINUTES):
    release, files = turn_of(day)
    say(said(day))
    signal.signal(signal.SIGALRM, out_of_time)
    failed = []
    try:
        if minutes <= 0:
            raise OutOfTime
        signal.alarm(minutes * 60)
        make_roots(roots_of(day))
        try_machine(release)
        for file in files:
            status = run_file(f"tests/host/{file}", release, failed)
            if status:
                return status
    except OutOfTime:
        say(f"\nNOT ALL TESTS OF THIS TURN WERE RUN: ITS {minutes} MINUTES ARE OVER.")
    finally:
        signal.alarm(0)
    for file in failed:
        say(f"FAILED ONCE AND NOT TWICE, to be mended: {file} on {release}")
    return 0


def run_file(file, release, failed):
    """Its tests go on from one another: if one fails, all of them are tried once more."""
    # -x: what has failed is known at once, and not lost with the time.
    only = ["-v", "-x", file, "-k", release]
    status = pytest(*only)
    if status == TESTS_FAILED:
        failed.append(file)
        say(f"\nOnce more, from its beginning: {file} on {release}")
        status = pytest(*only)
    return status


def out_of_time(*_):
    raise OutOfTime


def make_roots(releases):
    check_this_machine()
    check_room()
    for release in releases:
        begun = time.monotonic()
        say(f"The root of {release} in {CACHE} is made, or completed …")
        cached_root(release)
        say(f"… and is there after {time.monotonic() - begun:.0f} seconds.")


def try_machine(release):
    """Before a test that fails could be taken for it. Raises NotHere."""
    machine = Machine(release)
    try:
        machine.start().run("true")
    except (AssertionError, OSError, ValueError) as error:
        raise NotHere(f"No machine can be made of the root of {release}: {error!r}") from error
    finally:
        machine.stop()


def pytest(*words):
    # It, and with it the machines it made, ends with this process.
    command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "pytest", *words]
    return subprocess.run(command).returncode


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
