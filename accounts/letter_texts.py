"""Texts of a superadmin in place of the panel's own, for one kind of mail, one language, one domain or all."""

import re
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import letters
from accounts.models import LetterText, LogEntry
from domains.models import Domain
from mailboxes.models import Mailbox
from panel.addresses import display_address, normalise_domain
from panel.changes import collected, refuse
from panel.transactions import in_transaction

LONGEST = {"subject": 200, "body": 10_000}  # characters


class Kind(NamedTuple):
    label: str
    sent: str  # when, and to whom
    needs: tuple = ("text",)  # placeholders, one of which must be in the text
    sample: tuple = ()  # for the preview: what the mail is told besides


OF_LINK = ("link", "text")
KINDS = {
    "welcome": Kind(
        gettext_lazy("Welcome"), gettext_lazy("To a new mailbox, where that is asked for"), ()
    ),
    "invitation": Kind(
        gettext_lazy("Invitation"),
        gettext_lazy("With a link to choose a password, to the other address"),
        OF_LINK,
    ),
    "reset": Kind(
        gettext_lazy("Forgotten password"),
        gettext_lazy("With a link to set another one, to the other address"),
        OF_LINK,
    ),
    "password-set": Kind(
        gettext_lazy("Password set"),
        gettext_lazy("After such a link was used"),
        sample=(("purpose", "reset"),),
    ),
    "other-address": Kind(
        gettext_lazy("Other address"),
        gettext_lazy("After it was changed"),
        sample=(("new", "joe@elsewhere.example"), ("by_owner", True)),
    ),
    "factor": Kind(
        gettext_lazy("Second factor"),
        gettext_lazy("After a second factor, a passkey or an app password was changed or tried"),
        sample=(("news", "on"),),
    ),
    "sign-in": Kind(
        gettext_lazy("Request to sign in"),
        gettext_lazy("To people whose password is stored in an old form"),
        ("page", "text"),
    ),
    "webhook": Kind(
        gettext_lazy("Webhook switched off"),
        gettext_lazy("To its administrator, after it failed for days"),
        sample=(
            ("host", "hooks.example.net"),
            ("why", "failed"),
            ("said", "500 Internal Server Error"),
            ("days", 5),
        ),
    ),
}
PLACEHOLDERS = {
    "text": gettext_lazy("what the panel says without a text of yours"),
    "name": gettext_lazy("the person’s name, or the address"),
    "address": gettext_lazy("the address of the account"),
    "panel": gettext_lazy("the name of the firm, or of the mail server"),
    "page": gettext_lazy("the address of this panel"),
    "server": gettext_lazy("the name of the mail server"),
    "day": gettext_lazy("today’s date"),
    "time": gettext_lazy("the time of the day"),
    "link": gettext_lazy("the link to set a password"),
}


def placeholders_of(kind):
    return [name for name in PLACEHOLDERS if name != "link" or "link" in KINDS[kind].needs]


def preview(kind, language, domain="", own=None):
    """The Letter as a person named Joe would get it; ``own`` is a LetterText, stored or not."""
    domain = domain or "example.org"
    joe = Mailbox(username=f"joe@{domain}", name="Joe", domain_id=domain)
    page = settings.PANEL_URL or "https://panel.example.org/"
    told = {"address": page, "link": f"{page}login/link/…", "ip": "192.0.2.7"}
    with translation.override(language):
        return letters.draw(kind, joe, own, **told, **dict(KINDS[kind].sample))


def draft_subject(kind, language, domain=""):
    """The panel's own, with {address} in place of the person's."""
    sample = f"joe@{domain or 'example.org'}"
    return preview(kind, language, domain).subject.replace(display_address(sample), "{address}")


def text_of(kind, language, domain=""):
    return LetterText.objects.filter(kind=kind, language=language, domain=domain).first()


@in_transaction
def set_text(*, actor, kind, language, subject, body, domain=""):
    new = check_text(kind=kind, language=language, domain=domain, subject=subject, body=body)
    old = LetterText.objects.select_for_update().filter(
        kind=kind, language=language, domain=new.domain
    )
    old = old.first()
    new.pk = old and old.pk
    new.save()
    _record(actor, old, new)
    return new


@in_transaction
def remove_text(*, actor, kind, language, domain=""):
    """From now on people get the text for all domains, or the panel's own."""
    rows = LetterText.objects.select_for_update()
    old = rows.filter(kind=kind, language=language, domain=domain).first()
    if old is not None:
        LetterText.objects.filter(pk=old.pk).delete()
        _record(actor, old, None)


def check_text(*, kind, language, subject, body, domain=""):
    """Return the unsaved row. Raises all errors at once."""
    errors = {}
    if kind not in KINDS or language not in dict(settings.LANGUAGES):
        raise ValidationError(_("There is no such mail."), "no_such_mail")
    if domain:
        with collected(errors, "domain"):
            domain = normalise_domain(domain)
            check_domain(domain)
    subject, body = " ".join(subject.split()), body.replace("\r\n", "\n").strip()
    for name, text in (("subject", subject), ("body", body)):
        with collected(errors, name):
            _check_words(kind, name, text)
    needs = KINDS[kind].needs
    if "body" not in errors and needs and not _used(body) & set(needs):
        errors["body"] = [
            ValidationError(
                _("This mail is of no use without one of these: %(names)s."),
                "needed",
                {"names": ", ".join(f"{{{name}}}" for name in needs)},
            )
        ]
    refuse(errors)
    return LetterText(kind=kind, language=language, domain=domain, subject=subject, body=body)


def check_domain(domain):
    if not Domain.objects.filter(pk=domain).exists():
        raise ValidationError(_("There is no such domain here."), "unknown_domain")


def _check_words(kind, name, text):
    if not text:
        raise ValidationError(_("Enter a text."), "required")
    if len(text) > LONGEST[name]:
        raise ValidationError(
            _("At most %(n)d characters are possible."), "too_long", {"n": LONGEST[name]}
        )
    known = set(placeholders_of(kind)) - ({"text"} if name == "subject" else set())
    if unknown := sorted(_used(text) - known):
        raise ValidationError(
            _("Nothing is known to stand for {%(name)s} here."), "placeholder", {"name": unknown[0]}
        )


def _used(text):
    return set(re.findall(r"\{(\w+)\}", text))


def _record(actor, old, new):
    changes = {}
    for field in LONGEST:
        before, after = getattr(old, field, None), getattr(new, field, None)
        if before != after:
            changes[field] = [before, after]
    if not changes:
        return
    row = new or old
    LogEntry.objects.record(
        actor,
        "edit_letter",
        domain=row.domain,
        target=f"{row.kind} {row.language}",
        changes=changes,
    )
