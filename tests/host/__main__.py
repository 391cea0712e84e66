"""python -m tests.host: every test of whole hosts; python -m tests.host --day 333: those whose turn it is on that day of the year.

First the roots, so that a mirror that does not answer is a few lines, and not an error in every test.
A day's turn fails only for what a commit can mend. A machine that lets nobody make namespaces, a mirror that is away and a clock
that runs out are told in capitals.
"""

import argparse
import signal
import subprocess
import sys
import time

from tests.host.roots import CACHE, RELEASES, NotHere, NotMade, cached_root, check_this_machine
from tests.host.turns import MINUTES, roots_of, said, turn_of


class OutOfTime(Exception):
    pass


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.host", description=__doc__)
    parser.add_argument("--day", type=int, help="Only the turn of this day of the year.")
    day = parser.parse_args(arguments).day
    try:
        return run([*RELEASES], ["tests/host"]) if day is None else run_turn(day)
    except NotMade as error:
        say(f"\nNOT ONE TEST OF WHOLE HOSTS WAS RUN.\n{error}")
        return 0 if day is not None and isinstance(error, NotHere) else 1


def run_turn(day):
    release, files = turn_of(day)
    say(said(day))
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(MINUTES * 60)
    try:
        # -x: what has failed is known at once, and not lost with the time.
        return run(roots_of(day), ["-x", *(f"tests/host/{file}" for file in files), "-k", release])
    except OutOfTime:
        say(
            f"\nNOT ALL TESTS OF THIS TURN WERE RUN: ITS {MINUTES} MINUTES ARE OVER. None has failed so far."
        )
        return 0
    finally:
        signal.alarm(0)


def out_of_time(*_):
    raise OutOfTime


def run(releases, what):
    check_this_machine()
    for release in releases:
        begun = time.monotonic()
        say(f"The root of {release} in {CACHE} is made, or completed …")
        cached_root(release)
        say(f"… and is there after {time.monotonic() - begun:.0f} seconds.")
    # It, and with it the machines it made, ends with this process.
    pytest = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "pytest"]
    return subprocess.run([*pytest, *what]).returncode


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
