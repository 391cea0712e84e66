import logging

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.template.loader import render_to_string
from django.utils import translation

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10  # the page waits for it


def send_welcome(mailbox, **options):
    """Send the welcome mail to a new mailbox; return whether the mail server took it.

    Call it after COMMIT: before that, Postfix refuses the address. A failure is logged and never
    raised, because the mailbox exists anyway. The language is that of the installation: nobody knows the new
    user's. ``options`` are the mail backend's.
    """
    context = {"mailbox": mailbox, "mail_hostname": settings.MAIL_HOSTNAME}
    with translation.override(settings.LANGUAGE_CODE):
        subject = render_to_string("mailboxes/welcome_subject.txt", context)
        text = render_to_string("mailboxes/welcome.txt", context)
    try:
        message = EmailMessage(
            subject=" ".join(subject.split()),  # one line, whatever a name holds
            body=text,
            to=[mailbox.username],
            headers={"Auto-Submitted": "auto-generated"},
            connection=get_connection(timeout=TIMEOUT_SECONDS, **options),
        )
        return message.send() == 1
    except (OSError, ValueError) as error:
        logger.error("The welcome mail to %s was not sent: %s", mailbox.username, error)
        return False
