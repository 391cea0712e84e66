"""A delivery log for the sample data: lines as Postfix and Dovecot write them, read as those of a mail server are."""

from datetime import timedelta
from itertools import count

from django.utils import timezone

from mailadmin.deliveries.entries import Entry
from mailadmin.deliveries.joining import Joiner
from mailadmin.deliveries.writing import store

DAYS = 20
HERE, DOMAIN = "mail.example.org", "brightwater.example"
OLE, INFO, HANNA, GONE = (
    f"{name}@{DOMAIN}" for name in ("ole.tangen", "info", "hanna.virtanen", "piet.de.vries")
)
# Who writes, and their server
HARBOUR = "ingrid@harbour-authority.example", "mx.harbour-authority.example[203.0.113.20]"
TIDES = "noreply@tides.example", "out2.tides.example[198.51.100.77]"
JO = "jo.larsen@larsen-family.example", "mail.larsen-family.example[203.0.113.45]"
CLUB = "old.crew@clubhouse.example", "mx.clubhouse.example[198.51.100.9]"
OUTSIDE = (HARBOUR, TIDES, JO)
READERS = [f"{name}@{DOMAIN}" for name in ("bookings", "maria.castellanos", "priya.raman")]
FULL = f"552 5.2.2 <{HANNA}> Quota exceeded (mailbox for user is full)"
UNKNOWN = f"550 5.1.1 <{CLUB[0]}>: Recipient address rejected: User unknown"
LATER = "450 4.2.0 Greylisted, try again in 10 minutes"


def write():
    log, now = Log(), timezone.now()
    for n in reversed(range(DAYS)):
        _of_day(log, n, now - timedelta(days=n))
    store(log.joiner, HERE, {})


def _of_day(log, n, now):
    log.at = now - timedelta(minutes=205 + 13 * n % 60)
    for number in range(2 + n % 3):
        writer, server = OUTSIDE[(n + number) % 3]
        log.arrives(writer, server)
        log.saved(READERS[(n * 2 + number) % 3], "Notices" if writer == TIDES[0] else "INBOX")
    if n % 3 == 0:
        log.arrives(*JO)
        log.saved(READERS[0], asked=INFO)
        log.saved(OLE, asked=INFO)
    if n % 4 == 1:
        log.arrives(*HARBOUR)
        log.ends(HANNA, "bounced", FULL, f"{HERE}[private/dovecot-lmtp]")
    if n % 5 == 0:
        log.refuses(GONE, *TIDES)
    log.arrives(OLE, "unknown[192.0.2.44]", login=OLE)
    if n % 6 == 2:
        log.sent(*CLUB, "bounced", f"host {CLUB[1]} said: {UNKNOWN}", "5.1.1")
    elif n % 6 == 0:
        log.sent(*JO, "deferred", f"host {JO[1]} said: {LATER}", "4.2.0")
        if n:
            log.at += timedelta(minutes=11)
            log.sent(*JO, "sent", "250 2.0.0 Ok: queued as 7C1E2", "2.0.0")
    else:
        log.sent(*HARBOUR, "sent", "250 2.0.0 Ok: queued as 4D2F90", "2.0.0")


class Log:
    def __init__(self):
        self.joiner, self.numbers = Joiner(), count(0x3A7F10)
        self.at = self.mail = self.status = None

    def line(self, program, text):
        self.joiner.take(Entry(int(self.at.timestamp()), program, "812", text))

    def arrives(self, sender, client, login=""):
        if self.mail and self.status != "deferred":
            self.line("postfix/qmgr", f"{self.mail}: removed")
        self.at += timedelta(minutes=17)
        number = next(self.numbers)
        self.mail = f"{number:010X}"
        signed_in = f", sasl_method=PLAIN, sasl_username={login}" if login else ""
        name = f"{number * 7_919:x}@{sender.rpartition('@')[2]}"
        size = 2_000 + number * 7_919 % 90_000
        self.line("postfix/smtpd", f"{self.mail}: client={client}{signed_in}")
        self.line("postfix/cleanup", f"{self.mail}: message-id=<{name}>")
        self.line("postfix/qmgr", f"{self.mail}: from=<{sender}>, size={size}, nrcpt=1 (queue active)")  # fmt: skip

    def saved(self, recipient, folder="INBOX", asked=""):
        session = f"{self.mail}{recipient[:4]}"
        self.line("dovecot", f"lmtp({recipient})<612><{session}>: sieve: msgid=<x>: stored mail into mailbox '{folder}'")  # fmt: skip
        says = f"250 2.0.0 <{recipient}> {session} Saved"
        self.ends(recipient, "sent", says, f"{HERE}[private/dovecot-lmtp]", asked=asked)

    def sent(self, recipient, server, status, says, dsn):
        self.ends(recipient, status, says, f"{server}:25", dsn, program="postfix/smtp")

    def ends(self, recipient, status, says, relay, dsn="", *, asked="", program="postfix/lmtp"):
        written_to = f"orig_to=<{asked}>, " if asked else ""
        dsn, self.status = dsn or says.split()[1], status
        self.line(program, f"{self.mail}: to=<{recipient}>, {written_to}relay={relay}, delay=0.4, delays=0.1/0/0.1/0.2, dsn={dsn}, status={status} ({says})")  # fmt: skip

    def refuses(self, recipient, sender, client):
        self.line("postfix/smtpd", f"NOQUEUE: reject: RCPT from {client}: 550 5.1.1 <{recipient}>: Recipient address rejected: User unknown in virtual mailbox table; from=<{sender}> to=<{recipient}> proto=ESMTP helo=<{client.partition('[')[0]}>")  # fmt: skip
