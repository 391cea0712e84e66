"""Mail that the panel writes to a person about the own account, in the language that the account has chosen."""

import logging
import re
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email
from django.db import Error as DatabaseError
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.html import escape
from django.utils.safestring import SafeString

from accounts.letter_rows import LetterText
from panel.addresses import display_address, lookup_key

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10  # the page may wait for it


class Letter(NamedTuple):
    subject: str
    text: str
    html: str
    paragraphs: list  # of the text, as HTML


def other_address(account):
    """The other address on record; "" if it is none, or the account's own, which nobody reads who lost its password."""
    return usable(account.email_other, account.pk)


def usable(address, name):
    address = address.strip()
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return "" if lookup_key(address) == lookup_key(name) else address


def draw(kind, account, own=None, **context):
    """The Letter of ``templates/letters/`` in the language that is active, or ``own``, a LetterText, in its place."""
    context = {
        "account": account,
        "panel": settings.FIRM_NAME or settings.MAIL_HOSTNAME,
        "address": settings.PANEL_URL,
        "mail_hostname": settings.MAIL_HOSTNAME,
        "at": timezone.localtime(),
        **context,
    }
    # The first line is the subject.
    text = render_to_string(f"letters/{kind}.txt", context).strip()
    subject, _newline, body = text.partition("\n")
    body = body.strip()
    if own is not None:
        values = _values(context, body)
        subject, body = _filled(own.subject, values), _filled(own.body, values).strip()
    subject = " ".join(subject.split())  # one line, whatever a name holds
    paragraphs = [_as_html(paragraph) for paragraph in re.split(r"\n\s*\n", body)]
    parts = {"subject": subject, "paragraphs": paragraphs, "panel": context["panel"]}
    html = render_to_string("letters/letter.html", parts)
    return Letter(subject, body + "\n", html, paragraphs)


def _as_html(text):
    # Only what is written as a web address is a link: urlize would make one of each server's name, too.
    linked = re.sub(r"https?://[^\s<>\"']+", r'<a href="\g<0>">\g<0></a>', escape(text))
    return SafeString(linked.replace("\n", "<br>\n"))


def _values(context, text):
    account = context["account"]
    return {
        "text": text,
        "name": getattr(account, "name", "") or display_address(account.pk),
        "address": display_address(account.pk),
        "panel": context["panel"],
        "page": context["address"],
        "server": context["mail_hostname"],
        "day": context["at"].strftime("%Y-%m-%d"),
        "time": context["at"].strftime("%H:%M"),
        "link": context.get("link", ""),
    }


def _filled(text, values):
    """Once: a value that holds braces, such as a name, stays as it is."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)


def envelope_sender():
    return settings.DEFAULT_FROM_EMAIL.rpartition("<")[2].rstrip(">")


def send(kind, account, to, *, backend_options=None, **context):
    """Send the mail and return whether the mail server took it. A failure is logged, never raised.

    Call it after COMMIT.
    """
    language = account.language or settings.LANGUAGE_CODE
    domain = account.domain_id if account.is_mailbox_user else ""
    try:
        with translation.override(language):
            letter = draw(kind, account, _own_text(kind, domain, language), **context)
        message = EmailMultiAlternatives(
            subject=letter.subject,
            body=letter.text,
            to=to,
            headers={"Auto-Submitted": "auto-generated"},
            connection=get_connection(timeout=TIMEOUT_SECONDS, **(backend_options or {})),
        )
        message.attach_alternative(letter.html, "text/html")
        return message.send() == 1
    except (OSError, ValueError) as error:
        logger.error("The mail %r about %s was not sent: %s", kind, account.pk, error)
        return False


def _own_text(kind, domain, language):
    """None too, that is the panel's own, while the database is away: the mail is about something that is done."""
    try:
        return LetterText.objects.for_person(kind, domain, language)
    except DatabaseError as error:
        logger.error("The text of the mail %r was not read: %s", kind, error)
        return None


def tell(kind, account, *, also=(), **context):
    """After the commit, to the account's address, the other one on record, and ``also``."""
    others = [other_address(account), *(usable(address, account.pk) for address in also)]
    to = [*dict.fromkeys(filter(None, [account.pk, *others]))]
    send_after_commit(kind, account, to, **context)


def tell_of_factor(account, news, *, ip=None, **more):
    """Of the own second factor and app passwords: whoever changed them, and whatever it was."""
    tell("factor", account, news=news, ip=ip, **more)


def tell_of_other_address(account, changes):
    """When somebody else changed it: at the former address, too."""
    if "email_other" in changes:
        old, new = changes["email_other"]
        tell("other-address", account, also=[old], new=new, by_owner=False)


def send_after_commit(kind, account, to, **context):
    transaction.on_commit(lambda: send(kind, account, to, **context), robust=True)
