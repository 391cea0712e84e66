"""Records as lines of a zone file, and as a signed update of a zone (RFC 2136)."""

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.tsig
import dns.update
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from domains.dns import words
from domains.dns.asking import address_and_port
from domains.dns.findings import MISSING
from panel.transactions import in_transaction

TTL = 3600
SECONDS = 5  # for each of both questions
# Whoever has the address, or the other domain, has these zones.
ELSEWHERE = {"ptr", "reports"}


def lines(finding):
    for value in finding.wanted:
        kind = "AAAA" if finding.kind == "A" and ":" in value else finding.kind
        yield f"{finding.name}. {TTL} IN {kind} {value}"


def zone_file(findings):
    parts = []
    for finding in findings:
        records = [*lines(finding)]
        if records:
            parts.append(
                "\n".join(
                    [f"; {words.label(finding.topic)}: {words.does(finding.topic)}", *records]
                )
            )
    return "\n\n".join(parts) + "\n"


def to_publish(findings):
    return [
        finding
        for finding in findings
        if finding.topic not in ELSEWHERE
        and finding.wanted
        and finding.wanted != finding.seen
        # Nothing may stand beside a CNAME, and a server drops it without a word.
        and (finding.kind != "CNAME" or finding.state == MISSING)
    ]


def is_set_up():
    return bool(settings.DNS_UPDATE_SERVER and settings.DNS_UPDATE_KEY)


@in_transaction
def publish(*, actor, domain, findings):
    """Write the wanted records of ``findings``, out of to_publish(), into the zone; return nothing.

    What the finding saw there is replaced; of TXT records, which others may use, only those.
    """
    if not is_set_up():
        raise ValidationError(_("No DNS server takes updates from here."), "not_set_up")
    if not findings:
        raise ValidationError(_("Choose at least one record."), "nothing")
    LogEntry.objects.record(
        actor,
        "publish_dns",
        domain=domain.pk,
        target=domain.pk,
        changes={
            f"{finding.kind} {finding.name}": [
                ", ".join(finding.seen) or None,
                ", ".join(finding.wanted),
            ]
            for finding in findings
        },
    )
    # The last step: if the server refuses, there is no entry either.
    _send(domain.pk, findings)


def _send(name, findings):
    server, port = address_and_port(settings.DNS_UPDATE_SERVER)
    key, algorithm, secret = settings.DNS_UPDATE_KEY.split(":")
    try:
        zone = _zone_of(name, server, port)
        update = dns.update.UpdateMessage(zone, keyring=dns.tsig.Key(key, secret, algorithm))
        for finding in findings:
            _replace(update, finding)
        answer = dns.query.tcp(update, server, timeout=SECONDS, port=port)
    except (dns.exception.DNSException, OSError) as error:
        raise ValidationError(
            _("The DNS server did not take the update: %(reason)s. Nothing was changed."),
            "not_updated",
            {"reason": str(error) or type(error).__name__},
        ) from error
    if answer.rcode() != dns.rcode.NOERROR:
        raise ValidationError(
            _("The DNS server refused the update: %(reason)s. Nothing was changed."),
            "refused",
            {"reason": dns.rcode.to_text(answer.rcode())},
        )


def _zone_of(name, server, port):
    found = dns.name.from_text(name)
    while found != dns.name.root:
        question = dns.message.make_query(found, dns.rdatatype.SOA)
        answer = dns.query.tcp(question, server, timeout=SECONDS, port=port)
        if answer.get_rrset(answer.answer, found, question.question[0].rdclass, dns.rdatatype.SOA):
            return found
        found = found.parent()
    raise ValidationError(
        _("The DNS server has no zone for %(domain)s."), "no_zone", {"domain": name}
    )


def _replace(update, finding):
    name = dns.name.from_text(finding.name)
    if finding.kind == "TXT":
        for value in finding.seen:
            update.delete(name, finding.kind, value)
    elif finding.state != MISSING:
        update.delete(name, finding.kind)
    for value in finding.wanted:
        update.add(name, TTL, finding.kind, value)
