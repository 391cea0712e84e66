"""Check a domain's DNS and remember what was found. The DNS is asked outside of any transaction."""

from concurrent.futures import ThreadPoolExecutor

from django.utils import timezone

from domains import dkim
from domains.dkim_keys import keys_of
from domains.dns import words
from domains.dns.checks import check_domain, check_host
from domains.dns.findings import NOT_ASKED, Finding
from domains.dns.host import host_name
from domains.models import Domain, DomainDNS
from panel.transactions import in_transaction

AT_ONCE = 4  # domains; each asks up to eight questions at a time


def check_and_store(domain):
    """Check one Domain, or with None this mail server; return its DomainDNS."""
    if domain is None:
        return store(name=host_name(), findings=check_host())
    findings = check_domain(domain, keys_of(domain.pk).get(domain.pk, ()))
    return _stored(domain, findings)


def check_all(domains):
    """Check this mail server and all ``domains``, some at a time; yield each DomainDNS. Rows of domains that are gone are removed."""
    yield check_and_store(None)
    with ThreadPoolExecutor(AT_ONCE) as pool:  # which asks the DNS; the rows are written here
        keys = keys_of(*(domain.pk for domain in domains))
        keys = [keys.get(domain.pk, ()) for domain in domains]
        for domain, findings in zip(domains, pool.map(check_domain, domains, keys), strict=True):
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
    problems = [
        words.label(finding.topic)
        for finding in findings
        if finding.needs_somebody
        or (finding.state == NOT_ASKED and words.label(finding.topic) in before)
    ]
    row.problems = ", ".join(dict.fromkeys(problems))
    row.findings = [list(finding) for finding in findings]
    row.checked = timezone.now()
    row.save()
    return row


@in_transaction
def forget_others():
    rows = DomainDNS.objects.exclude(pk=host_name()).exclude(pk__in=Domain.objects.values("pk"))
    rows.delete()


def findings_of(row):
    return [Finding.stored(stored) for stored in row.findings] if row else []
