"""Check a domain's DNS and remember what was found. The DNS is asked outside of any transaction."""

from concurrent.futures import ThreadPoolExecutor

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from domains import dkim
from domains.dkim_keys import keys_of
from domains.dns import words
from domains.dns.checks import check_domain, check_host
from domains.dns.findings import NOT_ASKED, OK, WRONG, Finding
from domains.dns.host import host_name
from domains.models import Domain, DomainDNS, RelayHost
from panel.transactions import in_transaction

AT_ONCE = 4  # domains; each asks up to eight questions at a time


def check_and_store(domain):
    """Check one Domain, or with None this mail server; return its DomainDNS."""
    if domain is None:
        return store(name=host_name(), findings=check_host())
    keys, relay = keys_of(domain.pk).get(domain.pk, ()), RelayHost.objects.filter(pk=domain.pk)
    findings = check_domain(domain, keys, relay.first())
    return _stored(domain, findings)


def check_all(domains):
    """Check this mail server and all ``domains``, some at a time; yield each DomainDNS. Rows of domains that are gone are removed."""
    yield check_and_store(None)
    with ThreadPoolExecutor(AT_ONCE) as pool:  # which asks the DNS; the rows are written here
        keys = keys_of(*(domain.pk for domain in domains))
        keys = [keys.get(domain.pk, ()) for domain in domains]
        relays = RelayHost.objects.in_bulk()
        relays = [relays.get(domain.pk) for domain in domains]
        found = pool.map(check_domain, domains, keys, relays)
        for domain, findings in zip(domains, found, strict=True):
            yield _stored(domain, findings)
    forget_others()


def _stored(domain, findings):
    row = store(name=domain.pk, findings=findings)
    dkim.begin_when_seen(domain=domain, findings=findings)
    return row


@in_transaction
def store(*, name, findings):
    row = DomainDNS.objects.select_for_update().filter(pk=name).first() or DomainDNS(pk=name)
    before, known = row.problems.split(", "), {old.key: old for old in findings_of(row)}
    # What could not be asked is what it was.
    findings = [
        finding._replace(wanted=known[finding.key].wanted, seen=known[finding.key].seen)
        if finding.state == NOT_ASKED and finding.key in known
        else finding
        for finding in findings
    ]
    _judge(row, findings, before)
    row.checked = timezone.now()
    row.save()
    return row


@in_transaction
def mean_mx(*, actor, domain, meant):
    """Note that the MX records that lead elsewhere are meant to and need nobody's attention
    (``meant``), or take that back; return the DomainDNS.

    It holds for the records seen now, not for others that come later.
    """
    row = DomainDNS.objects.select_for_update().filter(pk=domain.pk).first()
    findings = findings_of(row)
    seen = [
        list(finding.seen)
        for finding in findings
        if finding.topic == "mx" and finding.reason == ("elsewhere" if meant else "meant")
    ]
    if not seen:
        raise ValidationError(
            _("The MX records are not what they were when the page was made. Look at it again."),
            "not_there",
        )
    row.meant = seen[0] if meant else []
    _judge(row, findings, row.problems.split(", "))
    row.save()
    records = ", ".join(seen[0])
    LogEntry.objects.record(
        actor,
        "mean_mx" if meant else "judge_mx",
        domain=domain.pk,
        target=domain.pk,
        changes={"MX": [None, records] if meant else [records, None]},
    )
    return row


def _judge(row, findings, before):
    findings = [_as_meant(finding, row.meant) for finding in findings]
    problems = [
        words.label(finding.topic)
        for finding in findings
        if finding.needs_somebody
        or (finding.state == NOT_ASKED and words.label(finding.topic) in before)
    ]
    row.problems = ", ".join(dict.fromkeys(problems))
    row.findings = [list(finding) for finding in findings]


def _as_meant(finding, meant):
    if finding.topic != "mx" or finding.reason not in {"elsewhere", "meant"}:
        return finding
    if list(finding.seen) == meant:
        return finding._replace(state=OK, reason="meant", wanted=finding.seen)
    return finding._replace(state=WRONG, reason="elsewhere", wanted=(f"10 {host_name()}.",))


@in_transaction
def forget_others():
    rows = DomainDNS.objects.exclude(pk=host_name()).exclude(pk__in=Domain.objects.values("pk"))
    rows.delete()


def findings_of(row):
    return [Finding.stored(stored) for stored in row.findings] if row else []
