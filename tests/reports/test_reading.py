"""What is read from reports, in the forms in which receivers write them."""

from datetime import date

import pytest

from domains.mail_reports import DMARC, TLS
from mailadmin.reports import dmarc, tls
from mailadmin.reports.report import NoReport
from tests.reports import letters
from tests.reports.letters import numbered

OURS, FORGED = ("192.0.2.1", True, True, "none"), ("203.0.113.7", False, False, "reject")


def test_a_report_of_rfc_7489():
    report = dmarc.read(letters.dmarc(number="5717107811868587391"))

    assert report.kind == DMARC
    assert (report.reporter, report.number) == ("google.com", "5717107811868587391")
    assert (report.domain, report.day) == ("example.org", date(2026, 11, 27))
    assert report.policy == "p=none; sp=none; adkim=r; aspf=s; pct=100"
    assert report.senders == {OURS: 40, FORGED: 3}
    assert report.vouched == {"192.0.2.1": "example.org", "203.0.113.7": "forger.example"}


def test_a_report_of_rfc_9990():
    """ "pass" is no treatment; of several signatures the one that passed is named; what others add is left alone."""
    report = dmarc.read(letters.dmarc_bis())

    assert (report.domain, report.reporter) == ("example.org", "Sample Reporter")
    assert report.policy == "p=quarantine; np=reject; testing=n"
    assert report.senders == {("2001:db8::1", False, True, "none"): 123}
    assert report.vouched == {"2001:db8::1": "example.org"}


def test_elements_with_a_prefix_are_the_same():
    document = letters.dmarc().replace(b"<feedback>", b'<d:feedback xmlns:d="urn:x">')
    document = document.replace(b"</feedback>", b"</d:feedback>")

    assert dmarc.read(document).senders == {OURS: 40, FORGED: 3}


def test_several_lines_about_one_server_are_added():
    report = dmarc.read(letters.dmarc(letters.OURS, letters.OURS, letters.FORGED))

    assert report.senders == {OURS: 80, FORGED: 3}


def test_a_day_that_begins_elsewhere_is_the_day_of_its_middle():
    assert dmarc.read(letters.dmarc(begin=letters.BEGIN - 8 * 3600, end=letters.END - 8 * 3600)).day == date(2026, 11, 27)  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_the_encoding_that_a_report_names_counts(encoding):
    text = letters.dmarc(org="Société Générale").decode().replace("UTF-8", encoding)

    assert dmarc.read(text.encode(encoding)).reporter == "Société Générale"


def test_a_report_in_another_encoding_than_it_says_is_read_all_the_same():
    document = letters.dmarc(org="Société").decode().encode("iso-8859-1")

    assert dmarc.read(document).reporter == "Société"


@pytest.mark.parametrize(
    "line",
    [
        letters.record("not an address", 5),
        letters.record("192.0.2.9", -5),
        letters.record("192.0.2.9", "many"),
        letters.record("192.0.2.9", 10**13),
    ],
    ids=numbered,
)
def test_a_line_with_a_mistake_is_left_out(line):
    assert dmarc.read(letters.dmarc(letters.OURS, line)).senders == {OURS: 40}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ((b"<report_id>1</report_id>", b""), "report_metadata/report_id is missing"),
        ((b"<domain>example.org</domain><adkim>", b"<adkim>"), "policy_published/domain is missing"),
        ((b"<domain>example.org</domain><adkim>", b"<domain>example</domain><adkim>"), "no name of a domain"),
        ((b"<domain>example.org</domain><adkim>", b"<domain>" + 300 * b"a" + b"</domain><adkim>"), "the name of the domain is too long"),
        ((b"<begin>1795737600", b"<begin>yesterday"), "no number of messages"),
        ((b"<begin>1795737600", b"<begin>1795999999"), "it ends before it begins"),
        ((b"<end>1795823999", b"<end>999999999999"), "no time"),
        ((b"feedback>", b"html>"), "another kind of document"),
        ((b"</feedback>", b""), "no XML: no element found"),
    ],
    ids=numbered,
)  # fmt: skip
def test_what_is_no_report_is_refused(change, why):
    document = letters.dmarc().replace(*change)

    with pytest.raises(NoReport, match=f"^{why}"):
        dmarc.read(document)


def test_a_report_about_tls():
    [report] = tls.read(letters.tls())

    assert (report.kind, report.reporter, report.number) == (TLS, "Company-X", "tls-1")
    assert (report.domain, report.day, report.policy) == ("example.org", date(2026, 11, 27), "sts")
    assert report.sessions == 5626
    assert report.failures == {
        ("certificate-expired", "mx1.mail.example.org"): 100,
        ("starttls-not-supported", "mx2.mail.example.org"): 200,
    }


def test_a_report_about_tls_has_a_report_for_each_domain():
    two = letters.tls_policy(details=[], good=10, kind="tlsa")
    other = letters.tls_policy("other.net", 7, [])

    reports = tls.read(letters.tls(letters.tls_policy(), two, other))

    assert [(r.domain, r.policy, r.sessions) for r in reports] == [
        ("example.org", "sts, tlsa", 5636),
        ("other.net", "sts", 7),
    ]


def test_names_in_details_are_keys():
    """No longer than the columns, also in lower case, and without what the database takes for the same."""
    names = ["MX1.Mail.Example.ORG.", "İ" * 300, "a\ud800", "a "]
    details = [
        {
            "result-type": f"{'x' * 63} {name}",
            "receiving-mx-hostname": name,
            "failed-session-count": 1,
        }
        for name in names
    ]

    [report] = tls.read(letters.tls(letters.tls_policy(details=details)))

    reasons, servers = zip(*report.failures, strict=True)
    assert set(reasons) == {"x" * 63}
    assert [server[:3] for server in servers] == ["mx1", "i̇i", "a"]
    assert max(map(len, servers)) == 255
    assert report.failures["x" * 63, "a"] == 2


def test_failures_without_details_are_counted_too():
    policy = letters.tls_policy(details=[])
    policy["summary"]["total-failure-session-count"] = 9
    del policy["failure-details"]

    [report] = tls.read(letters.tls(policy))

    assert (report.sessions, report.failures) == (5335, {("?", ""): 9})


@pytest.mark.parametrize(
    "document",
    [
        b"{",
        b"{}",
        b'{"policies": []}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"date-range": ' + b"9" * 5000 + b"}",
        letters.tls() + b"x",
        letters.tls().replace(b'"policies": [', b'"policies": "').replace(b"]}]}", b'"}'),
        letters.tls().replace(b"2026-11-27T00", b"yesterday"),
        letters.tls().replace(b"5326", b"-1"),
        letters.tls().replace(b"5326", b"NaN"),
        letters.tls().replace(b"5326", b"true"),
        letters.tls().replace(b'"example.org"', b"null"),
        b"\xff\xfe{\xff",
    ],
    ids=numbered,
)
def test_what_is_no_report_about_tls_is_refused(document):
    with pytest.raises(NoReport):
        tls.read(document)


def test_json_is_read_in_utf_16_too():
    assert tls.read(letters.tls().decode().encode("utf-16"))[0].sessions == 5626
