"""``python -m tests.mariadb python -m tests.bench.deliveries [LINES]``: how fast the delivery log follows a log of so many lines (1,000,000), and with how much memory.

With POSTFIX=yes (as root) also how many lines Postfix itself writes (tests/bench/postfix.py).
"""

import os
import resource
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


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    os.environ.setdefault("SECRET_KEY", "only-for-the-bench-only-for-the-bench-only-for-the-bench")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailadmin.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    if os.environ.get("POSTFIX"):
        from tests.bench import postfix

        postfix.measure()
    from domains.models import Domain
    from domains.services import create_domain

    if not Domain.objects.filter(pk="example.org").exists():
        create_domain(actor=None, name="example.org")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "mail.log")
        write(path, lines)
        follow(path, lines)


if __name__ == "__main__":
    main()
