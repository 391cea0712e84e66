from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from domains.dns import words
from domains.dns.findings import NOT_ASKED
from domains.dns.states import findings_of
from domains.models import DomainDNS
from panel.addresses import display_domain
from panel.transactions import in_transaction

TIMEOUT_SECONDS = 10


def changes_of(row):
    """Return (the Findings of a DomainDNS that differ from the last mail, what the next mail has to
    compare with).

    What could not be asked has not changed. Of a domain that was in no mail yet, only what needs
    somebody is news.
    """
    changed, known = [], {}
    for finding in findings_of(row):
        now, before = f"{finding.state} {finding.reason}", row.told.get(finding.key)
        if finding.state == NOT_ASKED:
            now = before
        elif now != before and (row.told or finding.needs_somebody):
            changed.append(finding)
        if now:
            known[finding.key] = now
    return changed, known


def send(rows):
    """Mail what changed in ``rows`` to DNS_CHANGES_TO; return how many domains. OSError: it was not sent, and is told next time."""
    changes = {row: changes_of(row) for row in rows}
    changed = {row.pk: found for row, (found, _known) in changes.items() if found}
    if changed:
        with translation.override(settings.LANGUAGE_CODE):
            message(changed).send()
    for row, (_found, known) in changes.items():
        if known != row.told:
            remember(row, known)
    return len(changed)


def message(changed):
    subject = ngettext(
        "DNS of %(n)d domain changed", "DNS of %(n)d domains changed", len(changed)
    ) % {"n": len(changed)}
    return EmailMessage(
        subject=f"{settings.MAIL_HOSTNAME}: {subject}",
        body="\n\n".join("\n".join(_lines(name, found)) for name, found in changed.items()) + "\n",
        to=[settings.DNS_CHANGES_TO],
        headers={"Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=TIMEOUT_SECONDS),
    )


def _lines(name, findings):
    yield display_domain(name)
    for finding in findings:
        yield f"  {words.label(finding.topic)}: {words.state(finding)}. {words.says(finding)}".rstrip()
        if finding.seen:
            yield _("    is:        %(records)s") % {"records": ", ".join(finding.seen)}
        if finding.wanted and finding.wanted != finding.seen:
            yield _("    should be: %(records)s") % {"records": ", ".join(finding.wanted)}


@in_transaction
def remember(row, known):
    DomainDNS.objects.filter(pk=row.pk).update(told=known)
