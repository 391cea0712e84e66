"""``python -m tests.mariadb python -m tests.bench.deliveries [LINES]``: how fast the delivery log follows a log of so many lines (1,000,000), and with how much memory.

With POSTFIX=yes (as root) also how many lines Postfix itself writes while it uses one second of a core: mail that comes in by SMTP
and is handed on, without any maps, is the least that it can do for a message.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import django
from django.core.management import call_command

LINES = 1_000_000
HOST = "mail.example.org"
OF_A_MESSAGE = 8


def write(path, lines):
    """As Postfix and Dovecot write for mail that comes in: one message in eight refused, one in ten for outside."""
    with path.open("w") as file:
        for number in range(lines // OF_A_MESSAGE):
            day, second = divmod(number // 40, 86_400)
            at = f"2026-11-{day + 1:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.123456+00:00"
            file.write("".join(f"{at} {HOST} {line}\n" for line in message(number)))


def message(number):
    qid, client = f"{number:012X}", f"mx{number % 997}.outside.test[192.0.2.{number % 250}]"
    to, session = f"user{number % 5000}@example.org", f"abc{number:010d}"
    sender = f"joe{number % 20_000}@outside{number % 300}.test"
    yield f"postfix/smtpd[{number % 50}]: connect from {client}"
    yield f"postfix/smtpd[{number % 50}]: Anonymous TLS connection established from {client}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"
    if number % 8 == 0:
        for recipient in range(6):
            yield f"postfix/smtpd[{number % 50}]: NOQUEUE: reject: RCPT from {client}: 550 5.1.1 <no{recipient}{to}>: Recipient address rejected: User unknown in virtual mailbox table; from=<{sender}> to=<no{recipient}{to}> proto=ESMTP helo=<mx>"
        return
    yield f"postfix/smtpd[{number % 50}]: {qid}: client={client}"
    yield f"postfix/cleanup[7]: {qid}: message-id=<{number}@outside.test>"
    yield f"postfix/qmgr[8]: {qid}: from=<{sender}>, size={number % 90_000}, nrcpt=1 (queue active)"
    if number % 10 == 1:
        yield f"postfix/smtp[9]: {qid}: to=<{sender}>, orig_to=<{to}>, relay={client}:25, delay=0.2, delays=0.09/0.01/0.01/0.09, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4F)"
        yield "postfix/anvil[3]: statistics: max connection rate 1/60s for (smtp:192.0.2.1) at Nov 28 20:05:34"
    else:
        yield f"dovecot: lmtp({to})<77><{session}>: sieve: msgid=<{number}@outside.test>: stored mail into mailbox 'INBOX'"
        yield f"postfix/lmtp[9]: {qid}: to=<{to}>, relay={HOST}[private/dovecot-lmtp], delay=0.2, delays=0.09/0.01/0.01/0.09, dsn=2.0.0, status=sent (250 2.0.0 <{to}> {session} Saved)"
    yield f"postfix/qmgr[8]: {qid}: removed"


def follow(path, lines):
    """Prints, at each tenth, the lines a second and the memory."""
    from mailadmin.deliveries.files import FileLog
    from mailadmin.deliveries.follower import Follower

    follower = Follower([FileLog(path)], "bench")
    size, told = path.stat().st_size, 1
    wall, cpu = time.monotonic(), time.process_time()
    more = True
    while more:
        _read, more = follower.step()
        done = follower.logs[0].place["offset"] / size
        if done * 10 >= told:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            seconds, busy = time.monotonic() - wall, time.process_time() - cpu
            print(
                f"{done:4.0%}  {lines * done / seconds:9,.0f} lines/s  {lines * done / busy:9,.0f} a second of CPU  {memory} MB",
                flush=True,
            )
            told += 1


def postfix():
    """Lines that Postfix writes in a second of CPU of all its processes together."""
    from tests.servers.processes import free_ports, wait_until

    directory = Path(tempfile.mkdtemp(prefix="bench-postfix-"))
    directory.chmod(0o755)
    from tests.servers.postfix import MASTER, STOCK_MASTER_CF, Postfix

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
        f"disable_dns_lookups = yes\ndefault_transport = smtp:[127.0.0.1]:{sink}\nmyhostname = {HOST}\nalias_maps =\n"
    )
    server._run("postfix", "check")  # makes the directories of the queue
    drain = subprocess.Popen(["smtp-sink", "-u", "nobody", f"127.0.0.1:{sink}", "100"])
    daemon = subprocess.Popen([MASTER, "-c", server.conf, "-s"])
    try:
        wait_until(lambda: server.log.exists(), "Postfix")
        time.sleep(2)
        begun, before = _cpu_below(daemon.pid), len(server.log.read_bytes().splitlines())
        subprocess.run(
            [
                "smtp-source",
                "-s",
                "20",
                "-m",
                "2000",
                "-f",
                "a@b.test",
                "-t",
                "c@d.test",
                f"127.0.0.1:{server.smtp_port}",
            ],
            check=True,
        )
        wait_until(
            lambda: server.log.read_text().count(": removed") >= 2000, "all delivered", seconds=300
        )
        used = _cpu_below(daemon.pid) - begun
        lines = len(server.log.read_bytes().splitlines()) - before
    finally:
        daemon.terminate()
        drain.terminate()
        daemon.wait()
        drain.wait()
    print(f"Postfix: {lines:,} lines in {used:.1f} s of CPU, {lines / used:,.0f} a second")


def _cpu_below(parent):
    """Seconds of CPU of a process, its children that ended, and those that run."""
    hertz, total = os.sysconf("SC_CLK_TCK"), 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if stat.parent.name == str(parent) or fields[1] == str(parent):
            total += sum(map(int, fields[11:15]))
    return total / hertz


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    os.environ.setdefault("SECRET_KEY", "only-for-the-bench-only-for-the-bench-only-for-the-bench")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailadmin.settings")
    django.setup()
    if os.environ.get("POSTFIX"):
        postfix()
    call_command("migrate", verbosity=0)
    from domains.services import create_domain

    create_domain(actor=None, name="example.org")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "mail.log")
        write(path, lines)
        follow(path, lines)


if __name__ == "__main__":
    main()
