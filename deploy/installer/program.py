import fcntl
import os
import shlex
import signal
import sys
import textwrap
from datetime import datetime
from pathlib import Path

from installer import options as option_words
from installer.closing import closing
from installer.journal import Journal
from installer.parts import PARTS
from installer.plan import Plan
from installer.restored import BEGUN
from installer.steps import Failed, File
from installer.undo import undo
from installer.world import look
from mailadmin.shipped import NotPossible

LOG = Path("/var/log/mailadmin-install.log")
MARKS = {"ok": "ok   ", "note": "note ", "stop": "STOP "}


class Log:
    """What is printed is also in the log, which only root may read. Without ``path`` nothing is written."""

    def __init__(self, path=None):
        self.path = path
        self.file = None
        if path:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self.file = open(descriptor, "a", buffering=1)  # noqa: SIM115
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise option_words.WrongAnswer("deploy/install is running already.") from None
            self.write(
                f"--- {datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z} {shlex.join(sys.argv)}"
            )

    def tell(self, text):
        """To the terminal only: a password, shown once."""
        print(text, flush=True)  # noqa: T201

    def say(self, text):
        self.tell(text)
        self.write(text)

    def write(self, text):
        if self.file:
            self.file.write(text + "\n")


def main(arguments):
    return guarded(lambda: _act(arguments))


def guarded(act):
    """``act()``, its errors as a sentence; the status to end with."""
    os.umask(0o022)  # the panel's user reads the virtual environment
    os.environ["PATH"] = (
        f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
    )
    try:
        return act()
    except (option_words.WrongAnswer, NotPossible) as error:
        print(error, file=sys.stderr)  # noqa: T201
    except PermissionError as error:
        print(f"{error}: run it with sudo.", file=sys.stderr)  # noqa: T201
    except OSError as error:
        print(f"{error}\nRun it again when that is settled.", file=sys.stderr)  # noqa: T201
    except KeyboardInterrupt:
        print("\nInterrupted. Run it again to go on.", file=sys.stderr)  # noqa: T201
    return 2


def _act(arguments):
    journal = Journal()
    options = option_words.read(arguments, journal)
    journal.secrets |= options.secrets
    if options.act == "undo":
        return _undo(options, journal)
    if options.act in ("look", "plan"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # into head or a pager that is left
    elif BEGUN in journal.carried_out:  # it would start what the backup's rows must not meet yet
        raise option_words.WrongAnswer(
            "deploy/restore was cut short here. Call it again: it goes on where it stopped."
        )
    return look_and_install(options, journal)


def look_and_install(options, journal):
    writes = options.act == "install" and os.geteuid() == 0
    log = Log(LOG if writes else None)
    parts = [part for part in PARTS if part.wanted(options)]
    findings = [*look(options, journal), *(f for part in parts for f in part.findings(options))]
    log.say("This machine:")
    _show_findings(findings, log)
    stopped = any(finding.level == "stop" for finding in findings)
    if options.act == "look":
        return 1 if stopped else 0
    if options.act == "plan":
        return _show_plan(options, journal, log, stopped)
    if stopped:
        log.say("\nNothing was done. Run this again when what is marked STOP is settled.")
        return 1
    return _install(options, journal, log)


def _show_findings(findings, log):
    for finding in findings:
        log.say(f"  {MARKS[finding.level]}{finding.topic}: {finding.says}")
        if finding.do:
            log.say(textwrap.indent(textwrap.fill(f"-> {finding.do}", 100), "         "))


def _show_plan(options, journal, log, stopped):
    steps = Plan(options, journal).steps()
    log.say("\nWhat would be done, in this order:")
    count = 0
    for step in steps:
        difference = step.difference(journal)
        if difference:
            count += 1
            log.say(f"\n=== {step.title}{_whose(step, journal, options)}\n{difference.rstrip()}")
    log.say(f"\n{count} of {len(steps)} steps; nothing was done.")
    return 1 if stopped else 0


def _whose(step, journal, options):
    if not (isinstance(step, File) and step.edited(journal)):
        return ""
    return {
        "keep": ": changed by somebody, would be kept",
        "ours": ": changed by somebody, would be overwritten",
        "theirs": ": changed by somebody, stays",
    }[options.edited]


def _install(options, journal, log):
    journal.answers = options.said()
    plan = Plan(options, journal)  # makes what secrets are missing
    journal.save()
    changed, kept = 0, []
    log.say("\nInstalling:")
    number = 0
    steps = plan.steps()
    while number < len(steps):
        step = steps[number]
        number += 1
        try:
            difference = step.difference(journal)
            if not difference:
                continue
            if isinstance(step, File) and step.edited(journal) and options.edited != "ours":
                if options.edited == "theirs":
                    step.leave(journal)
                elif step.title not in kept:
                    kept.append(step.title)
                    log.say(f"\n{step.title} was changed by somebody, and is kept:\n{difference}")
                continue
            log.say(f"  {number:2}/{len(steps)}  {step.title}")
            step.do(journal, log)
            changed += 1
        except (Failed, OSError) as error:
            log.say(f"\nStopped at: {step.title}\n{error}\n")
            log.say(f"What was done until here is done. Run this again to go on; the log is {LOG}.")
            return 1
        if step.replan:
            plan = Plan(options, journal)
            steps, number = plan.steps(), 0
    log.say(
        f"  {changed} of {len(steps)} steps changed something." if changed else "  Nothing to do."
    )
    if kept:
        log.say("\nKept as somebody changed them: " + ", ".join(kept))
        log.say("--ours overwrites them (a copy is kept), --theirs keeps them and says no more.")
    log.say("\n" + closing(plan))
    # Anew: what was missing at the beginning may be there now.
    missing = [finding for finding in look(options, journal) if finding.level != "ok"]
    if missing:
        log.say("\nStill missing:")
        _show_findings(missing, log)
    return 0


def _undo(options, journal):
    if os.geteuid() != 0:
        print("Only root can undo.", file=sys.stderr)  # noqa: T201
        return 2
    if not journal.entries:
        print("Nothing was done that could be undone.")  # noqa: T201
        return 0
    if options.with_data and not _asked_twice(options.hostname):
        print("Nothing was undone.")  # noqa: T201
        return 1
    log = Log(LOG)
    log.say("Undoing:")
    try:
        left = undo(journal, log, with_data=options.with_data)
    except (Failed, OSError) as error:
        log.say(f"\n{error}\n\nRun --undo again to go on; the log is {LOG}.")
        return 1
    copies = journal.place / "kept"
    if left:
        log.say("Left where it is:\n  " + "\n  ".join(dict.fromkeys(left)))
        log.say("Copies of what was replaced: " + str(copies))
        journal.save()
    else:
        journal.forget()
    return 0


def _asked_twice(hostname):
    answers = []
    for question in [
        f"The mail and the database of {hostname} will be deleted. Type its name: ",
        "There is no way back. Type its name once more: ",
    ]:
        print(question, end="", flush=True)  # noqa: T201
        answers.append(sys.stdin.readline().strip())
    return answers == [hostname, hostname]
