from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import translation
from django.utils.translation import gettext as _

from mailadmin.doctor.looking import findings_of
from panel.models import HostLook
from panel.transactions import in_transaction

TIMEOUT_SECONDS = 10


def news_of(row):
    """(the Findings that the last mail did not know, the sentences of those it knew that are gone, what the next one shall know)."""
    now = {finding.key: finding for finding in findings_of(row) if finding.check.told}
    new = [finding for key, finding in now.items() if key not in row.told]
    gone = [seen for key, seen in row.told.items() if key not in now]
    return new, gone, {key: finding.say("seen") for key, finding in now.items()}


def send(row):
    """Mail what is new and what is gone to FINDINGS_TO; return whether there was anything. OSError: not sent, and told next time."""
    with translation.override(settings.LANGUAGE_CODE):
        new, gone, known = news_of(row)
        if new or gone:
            message(row, new, gone).send()
    if known != row.told:
        remember(row, known)
    return bool(new or gone)


def message(row, new, gone):
    subject = _("%(host)s: %(new)d to mend, %(gone)d mended") % {
        "host": row.pk,
        "new": len(new),
        "gone": len(gone),
    }
    parts = ["\n".join(lines(finding)) for finding in new]
    if gone:
        parts.append("\n".join([_("Mended:"), *(f"  {seen}" for seen in gone)]))
    return EmailMessage(
        subject=subject,
        body="\n\n".join(parts) + "\n",
        to=[settings.FINDINGS_TO],
        headers={"Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=TIMEOUT_SECONDS),
    )


def lines(finding):
    yield finding.say("seen")
    yield f"  {finding.say('why')}"
    yield f"  {finding.say('mend')}"
    if finding.check.command:
        yield f"    {finding.say('command')}"


@in_transaction
def remember(row, known):
    HostLook.objects.filter(pk=row.pk).update(told=known)
