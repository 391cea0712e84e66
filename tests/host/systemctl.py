"""systemctl for a machine without systemd: `restart dovecot` and the like, as deploy/install does it there.

Of a timer it only knows whether it was switched on: what it would do nobody does here, but `start` of its service does.
"""

import shlex
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path("/opt/mailadmin")
sys.path[:0] = [str(CHECKOUT / "deploy"), str(CHECKOUT)]

from installer import releases  # noqa: E402
from installer.program import LOG, Log  # noqa: E402
from installer.services import ByHand, _command, answers_on, read_unit, wait_until  # noqa: E402
from installer.steps import run, succeeds  # noqa: E402

PORTS = {"dovecot": [143, 993], "postfix": [25, 465, 587], "nginx": [443]}
TIMERS = Path("/run/timers")  # a file for each that is on, and for each service that failed


def main(verb, *words):
    units = [word for word in words if not word.startswith("-") and "," not in word]
    if verb == "show":
        print("\n\n".join(f"Id={unit}\nActiveState={state(unit)}" for unit in units))
        return
    for unit in units:
        if unit.endswith(".timer"):
            switch(unit, on=verb in {"enable", "start", "restart"})
        elif is_of_a_timer(unit):
            run_once(unit)
        else:
            service(verb, unit.removesuffix(".service"))


def state(unit):
    if unit.endswith(".timer"):
        return "active" if (TIMERS / unit).exists() else "inactive"
    return "failed" if (TIMERS / unit).exists() else "inactive"


def switch(unit, *, on):
    TIMERS.mkdir(exist_ok=True)
    if on:
        (TIMERS / unit).touch()
    else:
        (TIMERS / unit).unlink(missing_ok=True)


def is_of_a_timer(unit):
    return Path("/etc/systemd/system", f"{unit.removesuffix('.service')}.timer").exists()


def run_once(unit):
    settings, unit = read_unit(unit), f"{unit.removesuffix('.service')}.service"
    for line in settings["ExecStart"]:
        command = ["runuser", "-u", settings["User"][0], "--", *shlex.split(line)]
        done = subprocess.run(command, cwd=settings["WorkingDirectory"][0])
        switch(unit, on=done.returncode != 0)
        if done.returncode:
            sys.exit(f"{unit} failed")


def service(verb, name):
    services, log = ByHand(), Log(LOG)
    unit = releases.here().postfix_unit if name == "postfix" else name
    if not services.takes(unit):
        return
    if verb == "stop":
        services.stop(unit, log)
    elif verb == "reload":
        for line in read_unit(unit)["ExecReload"]:
            run(_command(line, {"MAINPID": str(services._pid(unit))})[1], log=log)
    elif verb in {"start", "restart"}:
        services.restart(unit, log)
        wait_until(lambda: answers(name), f"{name} does not answer")
        services.is_ready(unit, log)


def answers(name):
    if name == "mariadb":
        return succeeds(["mariadb", "-e", "SELECT 1"])
    return all(map(answers_on, PORTS.get(name, [])))


if __name__ == "__main__":
    main(*sys.argv[1:])
