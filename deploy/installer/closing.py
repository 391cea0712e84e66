import os
import subprocess

from installer import machine
from installer.panel import TIMERS


def closing(plan):
    options = plan.options
    return "\n".join(
        [
            f"The panel: https://{options.hostname}/",
            f"For mail programs: {options.hostname}; IMAP 993, sending 465 (or 143 and 587 with STARTTLS), filters 4190.",
            *(line for part in plan.parts for line in part.closing()),
            "",
            *_timers(),
            "",
            "For the zones, with whoever keeps them (PTR: with whoever gave you the address); the panel says later what is missing:",
            "",
            records(plan),
            "",
            "Next, in the panel: the domain, its mailboxes, and its key (DKIM).",
        ]
    )


def _timers():
    if not machine.runs_systemd():
        return [
            "systemd is not running here, so nothing is done by itself; it would be:",
            *_listed(),
        ]
    return ["Done by itself (systemctl list-timers 'mailadmin-*'):", *_listed()]


def _listed():
    return [f"  mailadmin-{name}: {text}" for name, text in TIMERS.items()]


def records(plan):
    """The lines of a zone file, from the same table as the panel's DNS pages."""
    addresses = [machine.own_address(version) for version in (4, 6)]
    known = [one for one in addresses if one and not machine.is_translated(one)]
    manage = [plan.python, "-B", plan.checkout / "manage.py"]
    command = ["runuser", "-u", "mailadmin", "--", *manage, "checkdns", "--wanted"]
    environment = {"PATH": os.environ["PATH"]}
    if known and "MAIL_ADDRESSES" not in plan.environment:
        environment["MAIL_ADDRESSES"] = ",".join(known)
    found = subprocess.run(  # noqa: S603
        [*map(str, command), plan.options.domain],
        capture_output=True,
        text=True,
        cwd=plan.checkout,
        env=environment,
    )
    if found.returncode != 0:
        return "manage.py checkdns --wanted says them when the database answers."
    return found.stdout.rstrip()
