"""Read a report about TLS, JSON, as RFC 8460 has it."""

import json
from collections import Counter
from datetime import UTC, datetime

from domains.mail_reports import TLS
from mailadmin.reports.report import LONGEST, NoReport, Report, domain_of, whole_number, words

MOST_BYTES = 5_000_000  # of JSON, which takes many times as much room when it is read
MOST_POLICIES, MOST_FAILURES = 100, 1000
LONGEST_REASON = 64


def read(document):
    """Return the Reports in ``document``, bytes: one a domain. Raises NoReport."""
    if len(document) > MOST_BYTES:
        raise NoReport(f"JSON of more than {MOST_BYTES:,} bytes")
    try:
        return _reports(json.loads(document))
    except (RecursionError, KeyError, TypeError, AttributeError, ValueError) as error:
        # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise NoReport(f"no report about TLS: {type(error).__name__}") from error


def _reports(found):
    times = [_moment(found["date-range"][f"{end}-datetime"]) for end in ("start", "end")]
    if times[1] < times[0]:
        raise NoReport("it ends before it begins")
    reports = {}
    for policy in found["policies"][:MOST_POLICIES]:
        domain = domain_of(str(policy["policy"]["policy-domain"]))
        kind, sessions, failures = _of_policy(policy)
        if domain in reports:
            before = reports[domain]
            kind = before.policy if kind in before.policy else f"{before.policy}, {kind}"
            sessions, failures = before.sessions + sessions, before.failures + failures
        reports[domain] = Report(
            TLS,
            words(found.get("organization-name", "")),
            str(found["report-id"])[:LONGEST],
            domain,
            *times,
            policy=words(kind),
            sessions=sessions,
            failures=failures,
        )
    return list(reports.values())


def _of_policy(policy):
    summary = policy.get("summary", {})
    good = whole_number(summary.get("total-successful-session-count", 0))
    bad = whole_number(summary.get("total-failure-session-count", 0))
    failures = Counter()
    for detail in policy.get("failure-details", [])[:MOST_FAILURES]:
        reason = _key(detail.get("result-type", ""), LONGEST_REASON)
        server = _key(detail.get("receiving-mx-hostname", ""), LONGEST).rstrip(".")
        failures[reason or "?", server] += whole_number(detail.get("failed-session-count", 1))
    # Some give no details, or of a part only.
    if bad > failures.total():
        failures["?", ""] += bad - failures.total()
    return str(policy["policy"].get("policy-type", "")), good + failures.total(), failures


def _key(text, longest):
    # In lower case a text may be longer; a blank at its end is none to the database.
    return words(text).lower()[:longest].strip()


def _moment(text):
    found = datetime.fromisoformat(str(text)[:40])
    return found if found.tzinfo else found.replace(tzinfo=UTC)
