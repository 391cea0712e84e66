"""A whole host that falls ill: what `mailadmin doctor` prints is typed, word for word, by its root."""

import contextlib
import json
import shlex
import time

from tests.host.facts import PANEL, PASSWORD, python
from tests.host.machine import CHECKOUT

# As Ann, and as a stranger: both messages come, and nobody sends through here who did not sign in.
MAIL = f"""
import time, uuid
name = uuid.uuid4().hex
with smtplib.SMTP("192.0.2.25", 25, timeout=60) as smtp:
    smtp.sendmail("eve@outside.test", ["ann+tag@example.org"], f"Subject: {{name}}\\n\\nhello\\n")
    print(smtp.docmd("MAIL FROM:<eve@outside.test>")[0], smtp.docmd("RCPT TO:<joe@elsewhere.test>")[0])
with smtplib.SMTP_SSL("192.0.2.25", 465, context=context, timeout=60) as smtp:
    smtp.login("ann@example.org", {PASSWORD!r})
    smtp.sendmail("ann@example.org", ["ann@example.org"], f"From: ann@example.org\\nSubject: {{name}}\\n\\nhello\\n")
with imaplib.IMAP4_SSL("192.0.2.25", 993, ssl_context=context, timeout=60) as imap:
    imap.login("ann@example.org", {PASSWORD!r})
    for _ in range(600):
        imap.select("INBOX", readonly=True)
        found = imap.search(None, "SUBJECT", name)[1][0].split()
        if len(found) == 2:
            break
        time.sleep(0.1)
print(len(found), "came")
"""
WELL = ["250 554", "2 came"]


def mail_flows(host):
    return python(host, MAIL, elsewhere=True).splitlines() == WELL


def root(host, line, *, status=0):
    """Return what a line that root types in there prints. ``status`` None: any."""
    script = shlex.join(["bash", "-c", line])
    if status is None:
        return host.run("sh", "-c", f"{script}; true")
    return host.run("bash", "-c", line, status=status)


def examined(host, *subjects):
    """What the command prints for programs."""
    chosen = ["--only", *subjects] if subjects else []
    return json.loads(
        root(host, shlex.join(["mailadmin", "doctor", "--json", *chosen]), status=None)
    )


def look(host, *subjects):
    """What it finds: of each, what was seen, why it matters, what mends it, and its page."""
    found = examined(host, *subjects)["findings"]
    for finding in found:
        assert all(finding[part] for part in ("seen", "why", "mend", "command", "page")), finding
    return found


def named(findings, name):
    return [finding for finding in findings if finding["name"] == name]


def names(findings):
    return sorted({finding["name"] for finding in findings})


def cure(host, finding, *, status=0):
    """Type the printed command, and return what it says."""
    return root(host, finding["command"], status=status)


def caused_and_cured(host, subject, fault):
    """(what is found of the fault, the names of what is left once that was typed)"""
    root(host, fault.cause)
    found = named(look(host, subject), fault.check)
    for finding in found:
        cure(host, finding)
    left = names(look(host, subject))
    root(host, fault.afterwards)
    return found, left


@contextlib.contextmanager
def resolver(host, zone):
    """Meanwhile the DNS says what ``zone`` has."""
    with host.background("python3", f"{CHECKOUT}/tests/host/names.py", json.dumps(zone)) as server:
        assert server.stdout.readline() == "on\n"
        yield


@contextlib.contextmanager
def server(host, *command):
    """A program elsewhere, which says when it is on; yields what it prints."""
    with host.background(*command, elsewhere=True) as program:
        assert program.stdout.readline() == "on\n"
        yield program.stdout


def queue(host):
    return [json.loads(line) for line in root(host, "postqueue -j").splitlines()]


def put_off(host, number):
    """Wait until so many messages are, each with a reason."""
    while True:
        waiting = [one for one in queue(host) if one["queue_name"] == "deferred"]
        if len(waiting) >= number and all(
            "delay_reason" in one["recipients"][0] for one in waiting
        ):
            return
        time.sleep(0.2)


def leave(host):
    """Wait until the queue is empty."""
    while queue(host):
        time.sleep(0.2)


def make(machine, *options):
    """Install the host, with Ann's mailbox and what stands in for systemd."""
    # For `postfix check`, which speaks to a terminal alone.
    terminals = (
        "mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts && ln -s pts/ptmx /dev"
    )
    machine.run("sh", "-c", terminals)
    machine.install(*options)
    machine.run(*PANEL, "domain", "add", "example.org", "--role-target", "ann@example.org")
    for name in ("ann", "ben"):
        machine.run(*PANEL, "mailbox", "add", f"{name}@example.org", input=f"{PASSWORD}\n")
    for program, words in [
        ("systemctl", f'exec python3 -B {CHECKOUT}/tests/host/systemctl.py "$@"'),
        ("journalctl", "exit 0"),
    ]:
        path = machine.path(f"/usr/local/sbin/{program}")
        path.write_text(f"#!/bin/sh\n{words}\n")
        path.chmod(0o755)
    # Whoever types what is printed answers it with yes; what is recommended besides is not on this disk.
    machine.path("/etc/apt/apt.conf.d/answers").write_text(
        'APT::Get::Assume-Yes "yes";\nAPT::Install-Recommends "no";\n'
    )
    return machine
