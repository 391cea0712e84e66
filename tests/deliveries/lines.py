"""Lines as Postfix 3.7 and Dovecot 2.3 wrote them, with other names and numbers in them."""

from itertools import count

numbers = count(1)
HOST = "mail.example.org"
AT = "2026-11-28T20:05:{:02d}.000000+00:00"


class Log:
    """A log file that grows. Each message is a few lines; ``second`` is of the time that they carry."""

    def __init__(self, path):
        self.path, self.second = path, 0
        path.touch()

    def line(self, program, text, pid=100):
        with self.path.open("a") as file:
            file.write(f"{AT.format(self.second)} {HOST} {program}[{pid}]: {text}\n")

    def comes_in(self, sender="joe@outside.test", *, message_id=None, login="", size=400):
        """A message is taken; returns its queue id."""
        number = next(numbers)
        queue_id = f"{number:011X}"
        who = f", sasl_method=PLAIN, sasl_username={login}" if login else ""
        self.line("postfix/smtpd", f"{queue_id}: client=mx.outside.test[192.0.2.7]{who}")
        self.line("postfix/cleanup", f"{queue_id}: message-id=<{message_id or f'm{number}@x'}>")
        self.line(
            "postfix/qmgr", f"{queue_id}: from=<{sender}>, size={size}, nrcpt=1 (queue active)"
        )
        return queue_id

    def saved(
        self, queue_id, recipient, *, asked="", session=None, folder="INBOX", message_id="m@x"
    ):
        session = session or f"session{next(numbers):08d}"
        self.line("dovecot", f"lmtp({recipient})<7><{session}>: sieve: msgid=<{message_id}>: stored mail into mailbox '{folder}'")  # fmt: skip
        self.ends(queue_id, recipient, "sent", f"250 2.0.0 <{recipient}> {session} Saved", asked=asked, program="postfix/lmtp", relay=f"{HOST}[private/dovecot-lmtp]")  # fmt: skip

    def ends(self, queue_id, recipient, status, says, *, asked="", dsn="2.0.0", program="postfix/smtp", relay="mx.outside.test[192.0.2.9]:25"):  # fmt: skip
        orig = f"orig_to=<{asked}>, " if asked else ""
        self.line(program, f"{queue_id}: to=<{recipient}>, {orig}relay={relay}, delay=0.2, delays=0.09/0.01/0.01/0.09, dsn={dsn}, status={status} ({says})")  # fmt: skip

    def removed(self, queue_id):
        self.line("postfix/qmgr", f"{queue_id}: removed")

    def refuses(
        self, recipient, sender="joe@outside.test", *, helo="mx.outside.test", code="550 5.1.1"
    ):
        self.line(
            "postfix/smtpd",
            f"NOQUEUE: reject: RCPT from mx.outside.test[192.0.2.7]: {code} <{recipient}>: Recipient address rejected:"
            f" User unknown in virtual mailbox table; from=<{sender}> to=<{recipient}> proto=ESMTP helo=<{helo}>",
        )

    def delivers(self, recipient="ann@example.org", **known):
        queue_id = self.comes_in(**known)
        self.saved(queue_id, recipient)
        self.removed(queue_id)
        return queue_id
