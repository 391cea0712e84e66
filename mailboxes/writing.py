"""What administrators write to the users of mailboxes, in plain text: the message, whose it is, and how the mail server takes it."""

import re
import smtplib
import unicodedata
from email.utils import formataddr, make_msgid
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.utils.translation import gettext as _

from accounts.letters import TIMEOUT_SECONDS, envelope_sender
from accounts.models import LogEntry
from aliases.access import REFUSING
from aliases.models import Alias
from mailboxes.models import Mailbox
from panel.changes import refuse
from panel.transactions import Unavailable, in_transaction

LONGEST_SUBJECT, LONGEST_BODY, LONGEST_NAME = 255, 20_000, 100
SENT, LATER, REFUSED, UNKNOWN = "sent", "later", "refused", "unknown"
TAKEN, CLOSING = {250, 251}, 421
LONGEST_SAID = 500
# No answering machine answers: RFC 3834, the older custom of mailing lists, and Exchange.
OF_A_MACHINE = {
    "Auto-Submitted": "auto-generated",
    "Precedence": "bulk",
    "X-Auto-Response-Suppress": "All",
}
# Of the signs that nobody sees, those that words and emoji are written with. Others turn text round or hide some.
JOINERS = {"\u200c", "\u200d"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Written(NamedTuple):
    subject: str
    body: str
    from_name: str


class Reply(NamedTuple):
    """What became of a message: SENT, LATER (not taken now), REFUSED, or UNKNOWN, and what the mail server said."""

    state: str
    said: str
    of_recipient: bool = True  # False: it takes nothing from this sender, or the connection broke


class MailServerAway(Unavailable):
    def __init__(self, reason):
        text = _("The mail server takes no message now: %(reason)s.")
        ValidationError.__init__(self, text, "mail_away", {"reason": str(reason).rstrip(".")})


def check_written(*, subject=None, body=None, from_name=None):
    """Return the message as it will be. Raises all errors at once; what is None is not checked."""
    errors = {}
    subject, from_name = _one_line(subject), _one_line(from_name)
    if subject is not None and not 0 < len(subject) <= LONGEST_SUBJECT:
        text = _("Enter a subject of at most %(n)d characters.")
        errors["subject"] = ValidationError(text, "subject", {"n": LONGEST_SUBJECT})
    if body is not None:
        lines = (line.rstrip() for line in body.splitlines())
        body = _CONTROL.sub("", "\n".join(lines)).strip()
        if not 0 < len(body) <= LONGEST_BODY:
            text = _("Enter a text of at most %(n)d characters.")
            errors["body"] = ValidationError(text, "body", {"n": LONGEST_BODY})
    if from_name and (len(from_name) > LONGEST_NAME or _looks_like_an_address(from_name)):
        # Many mail programs show the name alone: an address in it would be taken for the sender's.
        text = _("Enter a name of at most %(n)d characters, without an address.")
        errors["from_name"] = ValidationError(text, "from_name", {"n": LONGEST_NAME})
    refuse(errors)
    return Written(subject or "", body or "", from_name or "")


def _one_line(text):
    if text is None:
        return None
    shown = (sign for sign in text if sign in JOINERS or unicodedata.category(sign) != "Cf")
    return " ".join(_CONTROL.sub(" ", "".join(shown)).split())


def _looks_like_an_address(name):
    return bool(set(unicodedata.normalize("NFKC", name)) & set("@<>"))


def sender_of(actor):
    """The own address of ``actor`` if a mailbox or an alias of ours answers there, or else that of the panel's other mail."""
    if actor is not None and _is_answered(actor.pk):
        return actor.pk
    return envelope_sender()


def _is_answered(address):
    on = {"pk": address, "active": True, "domain__active": True}
    aliases = Alias.objects.filter(is_self_alias=False, **on).exclude(access__in=REFUSING)
    return Mailbox.objects.filter(receives=True, **on).exists() or aliases.exists()


def message_to(address, written, *, sender, by_machine=True):
    headers = OF_A_MACHINE if by_machine else {}
    return EmailMessage(
        subject=written.subject,
        body=written.body + "\n",
        from_email=formataddr((written.from_name, sender)) if written.from_name else sender,
        to=[address],
        headers=headers | {"Message-ID": make_msgid(domain=settings.MAIL_HOSTNAME)},
    )


class _SenderRefused(smtplib.SMTPException):
    pass


class Post:
    """A session with the mail server, for one message after the other."""

    def __init__(self):
        self.backend = None
        self.why_not = ""  # it is open

    def open(self, sender=""):
        """Raises MailServerAway, with ``sender`` too if nothing is taken from there."""
        if self.backend is not None:
            return
        backend = get_connection(timeout=TIMEOUT_SECONDS)
        try:
            backend.open()
            if sender and hasattr(getattr(backend, "connection", None), "rcpt"):
                _begin(backend.connection, sender)
                backend.connection.rset()
        except OSError as error:
            self.why_not = str(error)
            backend.close()
            raise MailServerAway(error) from error
        self.backend = backend

    def check_open(self):
        if self.backend is None:
            raise MailServerAway(self.why_not)

    def close(self, why_not=""):
        backend, self.backend, self.why_not = self.backend, None, why_not
        if backend is not None:
            backend.close()

    def hand_over(self, message, address, sender=""):
        """Hand ``message`` over for ``address`` alone and return the Reply. After open(); it may be closed then."""
        session = getattr(self.backend, "connection", None)
        try:
            if not hasattr(session, "rcpt"):  # printed, kept as a file
                self.backend.send_messages([message])
                return Reply(SENT, "")
            text = message.message().as_bytes()
            reply = _handed_over(session, text, address, sender or envelope_sender())
        except OSError as error:  # before the text was sent: it can be sent again
            reply = Reply(LATER, str(error), of_recipient=False)
        except ValueError:  # an address that only SMTPUTF8 could carry
            reply = Reply(REFUSED, _("Its address is not in ASCII."))
        broken = reply.state == UNKNOWN or not reply.of_recipient
        if broken or (reply.state != SENT and not _is_reset(session)):
            self.close(reply.said)
        return reply._replace(said=reply.said[:LONGEST_SAID])


def _begin(session, sender):
    session.ehlo_or_helo_if_needed()
    code, words = session.mail(sender)
    if code not in TAKEN:
        raise _SenderRefused(_said(code, words))


def _is_reset(session):
    try:
        return session.rset()[0] in TAKEN
    except OSError:
        return False


def _handed_over(session, text, address, sender):
    _begin(session, sender)
    code, words = session.rcpt(address)
    if code not in TAKEN:
        return _refused(code, words)
    lines = text.splitlines()
    try:
        code, words = session.data(b"\r\n".join([*lines, b""]))
    except smtplib.SMTPDataError as error:
        return _refused(error.smtp_code, error.smtp_error)
    except OSError as error:  # the answer is missing, not the text perhaps
        return Reply(UNKNOWN, str(error))
    return Reply(SENT, "") if code in TAKEN else _refused(code, words)


def _refused(code, words):
    state = LATER if 400 <= code < 500 else REFUSED
    return Reply(state, _said(code, words), of_recipient=code != CLOSING)


def _said(code, words):
    return f"{code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"


def write_to(*, actor, mailbox, subject, body, from_name=""):
    """Send a message to the user of ``mailbox``. Call it outside of a transaction.

    It is in the log before it is sent. Raises ValidationError, too if the mail server does not take it.
    """
    written = check_written(subject=subject, body=body, from_name=from_name)
    _note(actor=actor, mailbox=mailbox)
    sender = sender_of(actor)
    by_machine = sender == envelope_sender()
    message = message_to(mailbox.pk, written, sender=sender, by_machine=by_machine)
    # In the envelope too: bounces and away messages go to who wrote.
    check_sent(sent(message, mailbox.pk, sender))


def check_sent(reply):
    """Raises ValidationError unless the mail server took the message."""
    if reply.state == UNKNOWN:
        text = _(
            "The connection to the mail server broke before it answered, so the message may be sent: %(reason)s"
        )
        raise ValidationError(text, "unknown", {"reason": reply.said})
    if reply.state != SENT:
        text = _("The mail server did not take the message: %(reason)s")
        raise ValidationError(text, "refused", {"reason": reply.said})


def sent(message, address, sender=""):
    post = Post()
    post.open()
    try:
        return post.hand_over(message, address, sender)
    finally:
        post.close()


@in_transaction
def _note(*, actor, mailbox):
    row = Mailbox.objects.select_related("domain").get(pk=mailbox.pk)
    if not (row.active and row.receives and row.domain.active):
        raise ValidationError(_("It receives no mail now."), "off")
    LogEntry.objects.record(actor, "send_message", domain=row.domain_id, target=row.pk)
