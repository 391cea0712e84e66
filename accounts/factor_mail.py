"""What a person is told by mail about the own second factor: whoever did it, and whatever it was."""

import logging

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10  # the page waits for it


def tell(account, news, *, ip=None, **more):
    """Send a mail after the commit, to the account's address and to the other one on record. A failure is logged and never raised."""
    to = dict.fromkeys(filter(None, [account.pk, account.email_other]))
    context = {
        "account": account,
        "news": news,
        "ip": ip,
        "at": timezone.localtime(),
        "panel": settings.FIRM_NAME or settings.MAIL_HOSTNAME,
        **more,
    }
    with translation.override(account.language or settings.LANGUAGE_CODE):
        subject = render_to_string("accounts/factor_mail_subject.txt", context)
        text = render_to_string("accounts/factor_mail.txt", context)

    def send():
        try:
            EmailMessage(
                subject=" ".join(subject.split()),
                body=text,
                to=[*to],
                headers={"Auto-Submitted": "auto-generated"},
                connection=get_connection(timeout=TIMEOUT_SECONDS),
            ).send()
        except (OSError, ValueError) as error:
            logger.error("The mail to %s about a second factor was not sent: %s", account.pk, error)

    transaction.on_commit(send, robust=True)
