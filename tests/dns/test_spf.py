import pytest

from domains.dns.asking import Asking
from domains.dns.spf import evaluate, with_terms

FOUR, SIX = "192.0.2.25", "2001:db8::25"


@pytest.fixture
def result(zones):
    """``result("v=spf1 -all", address)``: of example.org with that record, and ``records`` beside it."""

    def of(spf, address=FOUR, records="", **others):
        zones({"example.org": f'@ TXT "{spf}"\n{records}'} | others)
        return evaluate(Asking(), address, "example.org")

    return of


@pytest.mark.parametrize(
    ("spf", "address", "expected"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", FOUR, "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", SIX, "fail"),
        ("v=spf1 ip6:2001:db8::/32 -all", SIX, "pass"),
        ("v=spf1 a:mail.host.test -all", FOUR, "pass"),
        ("v=spf1 a:mail.host.test -all", SIX, "pass"),
        ("v=spf1 mx -all", FOUR, "pass"),
        ("v=spf1 -all", FOUR, "fail"),
        ("v=spf1 ~all", FOUR, "softfail"),
        ("v=spf1 ?all", FOUR, "neutral"),
        ("v=spf1", FOUR, "neutral"),
        ("V=SPF1 +ALL", FOUR, "pass"),
        ("v=spf10 -all", FOUR, "none"),
        ("v=spf1 include:other.example -all", FOUR, "pass"),
        ("v=spf1 redirect=other.example", FOUR, "pass"),
        ("v=spf1 exists:%{ir}.ok.example.org -all", FOUR, "pass"),
        ("v=spf1 a:cname.example.org -all", FOUR, "pass"),
    ],
)
def test_a_record_decides_about_an_address(spf, address, expected, result):
    records = (
        "@ MX 10 mail.host.test.\n25.2.0.192.ok A 127.0.0.2\ncname CNAME here\nhere A 192.0.2.25"
    )
    other = {"other.example": '@ TXT "v=spf1 ip4:192.0.2.25 -all"'}

    assert result(spf, address, records, **other) == (expected, "", "")


@pytest.mark.parametrize(
    ("spf", "problem", "term"),
    [
        ("v=spf1 ipv4:192.0.2.1 -all", "syntax", "ipv4:192.0.2.1"),
        ("v=spf1 ip4:192.0.2.300 -all", "syntax", "ip4:192.0.2.300"),
        ("v=spf1 include:nothing.example.org -all", "include", "nothing.example.org"),
        ("v=spf1 redirect=nothing.example.org", "include", "nothing.example.org"),
        ("v=spf1 include:example.org -all", "recursion", "include:example.org"),
        ("v=spf1 a:n1.example.org a:n2.example.org a:n3.example.org -all", "void", ""),
        (
            f"v=spf1 {' '.join(f'a:a{number}.example.org' for number in range(11))} -all",
            "lookups",
            "",
        ),
    ],
)
def test_a_record_that_is_broken_says_where(spf, problem, term, result):
    there = "\n".join(f"a{number} A 198.51.100.{number}" for number in range(11))

    assert result(spf, records=there) == ("permerror", problem, term)


def test_ten_look_ups_are_not_too_many(result):
    spf = f"v=spf1 {' '.join(f'a:a{number}.example.org' for number in range(10))} ~all"
    there = "\n".join(f"a{number} A 198.51.100.{number}" for number in range(10))

    assert result(spf, records=there) == ("softfail", "", "")


def test_look_ups_of_included_records_count_too(result):
    chain = {
        f"i{number}.example": f'@ TXT "v=spf1 include:i{number + 1}.example ~all"'
        for number in range(12)
    }

    assert result("v=spf1 include:i0.example ~all", **chain)[:2] == ("permerror", "lookups")


def test_two_records_are_none(result):
    found = result("v=spf1 +all", records='@ TXT "v=spf1 -all"')

    assert found == ("permerror", "two_records", "")


def test_a_resolver_that_fails_decides_nothing(result):
    found = result("v=spf1 include:broken.example -all", **{"broken.example": None})

    assert found[0] == "temperror"


def test_added_terms_come_before_the_others_once():
    record = "v=spf1 include:a.example -all"

    assert (
        with_terms(record, ["a:mail.host.test"]) == "v=spf1 a:mail.host.test include:a.example -all"
    )
    assert with_terms(record, ["include:a.example"]) == "v=spf1 include:a.example -all"
