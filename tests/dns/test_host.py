import pytest

from domains.dns import checks
from domains.dns.asking import Asking
from tests.dns.test_checks import why


@pytest.fixture
def host(zones):
    def of(records="", reverse="", reverse6="", host="mail A 192.0.2.25\n"):
        zones(
            {
                "host.test": host + records,
                "2.0.192.in-addr.arpa": reverse,
                "8.b.d.0.1.0.0.2.ip6.arpa": reverse6,
            }
        )
        return {one.topic: one for one in checks.check_host(Asking())}

    return of


@pytest.mark.parametrize(
    ("reverse", "expected"),
    [
        ("25 PTR mail.host.test.", ("ok", "ok")),
        ("25 PTR other.host.test.", ("wrong", "elsewhere")),
        ("25 PTR mail.host.test.\n25 PTR other.host.test.", ("differs", "several")),
        ("", ("missing", "missing")),
    ],
)
def test_the_address_leads_back_to_the_name(reverse, expected, host):
    assert why(host(reverse=reverse)["ptr"]) == expected


def test_each_address_is_asked_for_its_name(host):
    six = ".".join("5200000000000000000000000000"[:24])
    found = host(
        reverse="25 PTR mail.host.test.",
        reverse6=f"{six} PTR mail.host.test.",
        host="mail A 192.0.2.25\nmail AAAA 2001:db8::25\n",
    )

    assert why(found["ptr"]) == ("ok", "ok")
    assert found["ptr"].name == f"{six}.8.b.d.0.1.0.0.2.ip6.arpa"


def test_the_name_has_the_addresses_of_the_settings(host, settings):
    settings.MAIL_ADDRESSES = ["192.0.2.25", "2001:db8::25"]

    assert why(host()["address"]) == ("differs", "others")


def test_a_server_without_an_address_needs_somebody(host):
    address = host(host="")["address"]

    assert (why(address), address.needs_somebody) == (("missing", "missing"), True)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ('mail TXT "v=spf1 a -all"', ("ok", "ok")),
        ('mail TXT "v=spf1 -all"', ("wrong", "refused")),
        ("", ("missing", "missing")),
    ],
)
def test_the_name_of_the_server_may_send_itself(record, expected, host):
    assert why(host(record)["helo"]) == expected


def test_tlsa_has_no_effect_where_answers_are_not_signed(host):
    found = host(f"_25._tcp.mail TLSA 3 1 1 {'ab' * 32}")

    assert why(found["tlsa"]) == ("differs", "not signed")
