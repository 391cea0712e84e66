"""The door by which fetched mail comes in here: FETCHMAIL_TO, which docs/fetching-mail.md explains."""

import re
import smtplib
from contextlib import contextmanager, suppress

from django.conf import settings

from mailboxes.remote_sessions import plain

SECONDS = 60  # for each answer: filters may run meanwhile
CHECK_SECONDS = 5
_FULL = re.compile(rb"\b[45]\.2\.2\b")
_TOO_LARGE = re.compile(rb"\b5\.3\.4\b")


class NotTaken(Exception):
    """``code`` is a key of fetching.OUTCOMES: ``refused`` is about this message, all others about what comes after it too."""

    def __init__(self, code, said=""):
        super().__init__(code, said)
        self.code, self.said = code, plain(said)


def check():
    """Raises NotTaken (``no_door``) where nobody answers."""
    with _session(seconds=CHECK_SECONDS):
        pass


def hand_over(content, address):
    """Give the bytes of a message to the local server, for a mailbox, and return when that has taken it. Else NotTaken."""
    # By SMTP what is refused later comes back: to the mailbox, never to a sender that a stranger wrote. By LMTP nothing is refused later.
    sender = "" if settings.FETCHMAIL_TO.startswith("lmtp:") else address
    with _session() as session:
        options = ["BODY=8BITMIME"] if session.has_extn("8bitmime") else []
        _check(*session.mail(sender, options), "deferred")
        _check(*session.rcpt(address), "not_here")
        # Whatever ends a line elsewhere: a server that takes "\n.\n" for the end would take the rest for commands.
        _check(*session.data(re.sub(rb"\r\n|\r|\n", b"\r\n", content)), "refused")


@contextmanager
def _session(seconds=SECONDS):
    session = None
    try:
        session = _connected(seconds)
        session.ehlo()
        yield session
    except smtplib.SMTPResponseException as error:
        code = "refused" if error.smtp_code >= 500 else "deferred"
        raise NotTaken(code if session else "no_door", error.smtp_error) from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotTaken("deferred" if session else "no_door", reason) from error
    finally:
        if session:  # what was taken stays so, whatever is answered here
            with suppress(OSError, smtplib.SMTPException):
                session.quit()
            session.close()


def _connected(seconds):
    found = re.fullmatch(r"(lmtp|smtp):(?://\[?([^\]]*)\]?:(\d+)|(/.*))", settings.FETCHMAIL_TO)
    kind, host, port, path = found.groups()
    client = smtplib.LMTP if kind == "lmtp" else smtplib.SMTP
    own = {"local_hostname": settings.MAIL_HOSTNAME, "timeout": seconds}
    return client(path or host, int(port or 0), **own)


def _check(code, said, when_refused):
    if 200 <= code < 300:
        return
    said = said or b""
    if _FULL.search(said) or (code == 552 and not _TOO_LARGE.search(said)):
        raise NotTaken("full", said)
    raise NotTaken(when_refused if code >= 500 else "deferred", said)
