"""python -m tests.host: every test of whole hosts; python -m tests.host --day 333: those whose turn it is on that day of the year.

First the roots, so that a mirror that does not answer is a few lines, and not an error in every test.
"""

import argparse
import subprocess
import sys
import time

from tests.host.roots import CACHE, RELEASES, NotHere, NotMade, cached_root, check_this_machine
from tests.host.turns import roots_of, said, turn_of


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.host", description=__doc__)
    parser.add_argument("--day", type=int, help="Only the turn of this day of the year.")
    day = parser.parse_args().day
    releases, what = [*RELEASES], ["tests/host"]
    if day is not None:
        release, files = turn_of(day)
        releases, what = roots_of(day), [*(f"tests/host/{file}" for file in files), "-k", release]
        say(said(day))
    try:
        check_this_machine()
        for release in releases:
            begun = time.monotonic()
            say(f"The root of {release} in {CACHE} is made, or completed …")
            cached_root(release)
            say(f"… and is there after {time.monotonic() - begun:.0f} seconds.")
    except NotMade as error:
        say(f"\nNOT ONE TEST OF WHOLE HOSTS WAS RUN.\n{error}")
        # Of a day's turn it is said and no failure: nobody can mend the machine with a commit.
        return 0 if day is not None and isinstance(error, NotHere) else 1
    return subprocess.run([sys.executable, "-m", "pytest", *what]).returncode


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
