"""How many lines Postfix writes to its log while all of its processes together use one second of CPU, for mail that comes in by SMTP."""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from tests.servers.postfix import MASTER, STOCK_MASTER_CF, Postfix
from tests.servers.processes import find, free_ports, wait_until

MESSAGES = 2_000
SESSIONS = 20
PATIENCE_SECONDS = 600


def measure():
    lean()
    as_shipped()


def lean():
    """Without any maps and handed on to a server that takes everything: the least that Postfix can do for a message."""
    directory = Path(tempfile.mkdtemp(prefix="bench-postfix-"))
    directory.chmod(0o755)
    [sink] = free_ports(1)
    server = Postfix(directory, directory, outside_port=sink)
    server.prepare()
    server.conf.mkdir()
    master = re.sub(
        r"^smtp +inet ",
        f"127.0.0.1:{server.smtp_port} inet ",
        STOCK_MASTER_CF.read_text(),
        flags=re.MULTILINE,
    )
    (server.conf / "master.cf").write_text(master)
    (server.conf / "main.cf").write_text(
        f"compatibility_level = 3.6\nqueue_directory = {server.queue}\ndata_directory = {directory}/data\nmaillog_file = {server.log}\n"
        f"maillog_file_prefixes = {directory}\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmydestination =\nmynetworks = 127.0.0.0/8\n"
        f"disable_dns_lookups = yes\ndefault_transport = smtp:[127.0.0.1]:{sink}\nmyhostname = mail.example.org\nalias_maps =\n"
    )
    server._run("postfix", "check")  # makes the directories of the queue
    drain = subprocess.Popen([find("smtp-sink"), "-u", "nobody", f"127.0.0.1:{sink}", "100"])
    daemon = subprocess.Popen([MASTER, "-c", server.conf, "-s"])
    try:
        wait_until(lambda: server.log.exists(), "Postfix")
        time.sleep(2)
        _send("without maps", server, daemon.pid, "c@d.test")
    finally:
        daemon.terminate()
        drain.terminate()
        daemon.wait()
        drain.wait()


def as_shipped():
    """With main.cf and master.cf of deploy/, the maps in MariaDB, and Dovecot, which takes the mail by LMTP and is not counted."""
    from django.db import connection

    from tests.contract.world import World
    from tests.servers.mail import MailServer

    world = World()
    world.domain("example.org")
    world.mailbox("ann@example.org")
    with MailServer(connection.settings_dict) as server:
        daemon = server.postfix._process.process.pid
        wait_until(lambda: server.postfix.log.exists(), "Postfix's first line")
        _send("as shipped", server.postfix, daemon, "ann@example.org")


def _send(kind, server, daemon, recipient):
    begun, before = _cpu_below(daemon), len(server.log.read_bytes().splitlines())
    source = [find("smtp-source"), "-s", str(SESSIONS), "-m", str(MESSAGES), "-f", "a@b.test"]
    subprocess.run([*source, "-t", recipient, f"127.0.0.1:{server.smtp_port}"], check=True)
    wait_until(
        lambda: server.log.read_text().count(": removed") >= MESSAGES,
        "all is delivered",
        seconds=PATIENCE_SECONDS,
    )
    used = _cpu_below(daemon) - begun
    lines = len(server.log.read_bytes().splitlines()) - before
    print(
        f"Postfix {kind}: {lines:,} lines in {used:.1f} s of CPU, {lines / used:,.0f} a second",
        flush=True,
    )


def _cpu_below(parent):
    """Seconds of CPU of a process, its children that ended, and those that run."""
    hertz, total = os.sysconf("SC_CLK_TCK"), 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if str(parent) in (stat.parent.name, fields[1]):
            total += sum(map(int, fields[11:15]))
    return total / hertz
