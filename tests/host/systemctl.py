"""systemctl for a machine without systemd: `restart dovecot` and the like, as deploy/install does it there.

What a timer would do nobody does here: of a unit that ByHand does not take nothing is said.
"""

import sys
from pathlib import Path

CHECKOUT = Path("/opt/mailadmin")
sys.path[:0] = [str(CHECKOUT / "deploy"), str(CHECKOUT)]

from installer import releases  # noqa: E402
from installer.program import LOG, Log  # noqa: E402
from installer.services import ByHand, _command, answers_on, read_unit, wait_until  # noqa: E402
from installer.steps import run, succeeds  # noqa: E402

PORTS = {"dovecot": [143, 993], "postfix": [25, 465, 587], "nginx": [443]}


def main(verb, *words):
    services, log = ByHand(), Log(LOG)
    for name in (word.removesuffix(".service") for word in words if not word.startswith("-")):
        unit = releases.here().postfix_unit if name == "postfix" else name
        if not services.takes(unit):
            continue
        if verb == "stop":
            services.stop(unit, log)
        elif verb == "reload":
            for line in read_unit(unit)["ExecReload"]:
                run(_command(line, {"MAINPID": str(services._pid(unit))})[1], log=log)
        else:
            services.restart(unit, log)
            wait_until(lambda: answers(name), f"{name} does not answer")  # noqa: B023
            services.is_ready(unit, log)


def answers(name):
    if name == "mariadb":
        return succeeds(["mariadb", "-e", "SELECT 1"])
    return all(map(answers_on, PORTS.get(name, [])))


if __name__ == "__main__":
    main(*sys.argv[1:])
