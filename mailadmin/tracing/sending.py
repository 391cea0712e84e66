"""A test message from the page "Where mail goes", through the mail server as EMAIL_URL names it: what that answers is told; what becomes of it is in the delivery log."""

import re
from datetime import timedelta
from email.utils import make_msgid
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.letters import envelope_sender
from accounts.models import Admin, LogEntry
from domains.models import Domain
from panel.addresses import split_address
from panel.scoping import domains_in_sight
from panel.transactions import in_transaction

TIMEOUT_SECONDS = 10
MOST, PERIOD = 10, timedelta(hours=1)  # of one administrator
ACTION = "send_test"


class Said(NamedTuple):
    """The last reply of the mail server, and the id under which its log has the message; "" if it was refused."""

    reply: str
    queue_id: str


def new_message_id():
    """Without brackets, as the delivery log has it."""
    return make_msgid(domain=settings.MAIL_HOSTNAME).strip("<>")


def send_test(*, actor, address, message_id=None):
    """Send a test message to ``address``; return what the mail server Said. Call it outside of a transaction.

    Raises ValidationError: ``address``, ``scope``, ``throttled``, ``no_server`` if EMAIL_URL names none, ``away`` if it does not answer.
    """
    if not address.isascii() or not address.isprintable():
        raise ValidationError(
            _("A test message is sent to addresses in ASCII only, without control characters."),
            "address",
        )
    note_test(actor=actor, address=address)
    connection = get_connection(timeout=TIMEOUT_SECONDS)
    try:
        connection.open()
        session = getattr(connection, "connection", None)
        if not hasattr(session, "rcpt"):
            raise ValidationError(
                _("No mail server is set to send through (EMAIL_URL in .env)."), "no_server"
            )
        code, reply = _handed_over(session, address, message_id or new_message_id())
    except OSError as error:
        raise ValidationError(
            _("The mail server does not answer: %(reason)s."), "away", {"reason": error}
        ) from error
    finally:
        connection.close()
    reply = f"{code} {reply.decode(errors='replace')}"
    queued = re.search(r"queued as (\w+)", reply)
    return Said(reply, queued[1] if queued else "")


@in_transaction
def note_test(*, actor, address):
    if actor is not None:  # before all that is read: of two at once the second counts the first
        Admin.objects.select_for_update().get(pk=actor.pk)
    domain = split_address(address)[1]
    if not domains_in_sight(actor, {domain}):
        raise ValidationError(
            _("A test message is sent to addresses in your domains only."), "scope"
        )
    if actor is not None and _has_sent_enough(actor):
        text = ngettext(
            "You have sent %(n)d test message in the last hour. Wait a while.",
            "You have sent %(n)d test messages in the last hour. Wait a while.",
            MOST,
        )
        raise ValidationError(text, "throttled", {"n": MOST})
    ours = Domain.objects.filter(pk=domain).exists()
    LogEntry.objects.record(actor, ACTION, domain=domain if ours else "", target=address)


def _has_sent_enough(actor):
    sent = LogEntry.objects.filter(
        action=ACTION,
        timestamp__gte=timezone.now() - PERIOD,
        username__startswith=f"{actor.username} (",
    )
    return len(sent[:MOST]) == MOST


def _handed_over(session, address, message_id):
    """(code, words) of the reply that decided."""
    session.ehlo_or_helo_if_needed()
    for ask, what in ((session.mail, envelope_sender()), (session.rcpt, address)):
        code, words = ask(what)
        if code not in {250, 251}:
            return code, words
    lines = _message(address, message_id).message().as_bytes().splitlines()
    return session.data(b"\r\n".join([*lines, b""]))


def _message(address, message_id):
    text = _("This is a test message from the panel of %(host)s: somebody wants to know whether mail for %(address)s arrives.")  # fmt: skip
    return EmailMessage(
        subject=_("Test message"),
        body=text % {"host": settings.MAIL_HOSTNAME, "address": address} + "\n",
        to=[address],
        headers={"Auto-Submitted": "auto-generated", "Message-ID": f"<{message_id}>"},
    )
