import pytest

from domains.dns import checks
from domains.dns.host import certificate_digest
from tests.dns.conftest import HOST
from tests.servers.certificate import certify
from tests.servers.knot import Knot
from tests.servers.unbound import Unbound

OTHER = "ab" * 32


@pytest.fixture
def digest(tmp_path, settings):
    certificate = tmp_path / "cert.pem"
    certify("mail.host.test", certificate, tmp_path / "key.pem")
    settings.MAIL_CERTIFICATE = str(certificate)
    return certificate_digest()


@pytest.fixture
def tlsa(tmp_path, settings):
    """``tlsa(record, signed=True)``: the state, the reason and the wanted records of what the check finds, or None."""
    settings.MAIL_HOSTNAME = "mail.host.test"
    servers = []

    def find(record, signed=True, anchor=None):
        knot, unbound = Knot(tmp_path), Unbound(tmp_path)
        servers.extend([unbound, knot])
        knot.start({"host.test": HOST + record}, signed=["host.test"] if signed else ())
        unbound.start({"host.test": knot}, [anchor or knot.anchor("host.test")] if signed else [])
        settings.DNS_RESOLVERS = [unbound.address]
        found = {one.topic: one for one in checks.check_host()}.get("tlsa")
        return found and (found.state, found.reason, found.wanted)

    yield find
    for server in servers:
        server.stop()


def test_the_record_of_the_certificates_key_is_right(tlsa, digest):
    record = f"3 1 1 {digest}"

    assert tlsa(f"_25._tcp.mail TLSA {record}") == ("ok", "ok", (record,))


def test_a_second_record_for_the_next_key_does_no_harm(tlsa, digest):
    both = f"_25._tcp.mail TLSA 3 1 1 {digest}\n_25._tcp.mail TLSA 3 1 1 {OTHER}"

    assert tlsa(both)[:2] == ("ok", "ok")


def test_a_record_of_another_key_is_wrong_and_says_the_right_one(tlsa, digest):
    found = tlsa(f"_25._tcp.mail TLSA 3 1 1 {OTHER}")

    assert found == ("wrong", "another key", (f"3 1 1 {digest}",))


def test_where_the_zone_is_signed_the_record_is_wanted(tlsa, digest):
    assert tlsa("") == ("missing", "missing", (f"3 1 1 {digest}",))


def test_without_a_certificate_to_compare_it_is_only_shown(tlsa):
    assert tlsa(f"_25._tcp.mail TLSA 3 1 1 {OTHER}")[:2] == ("ok", "not compared")


def test_in_a_zone_that_is_not_signed_it_has_no_effect(tlsa, digest):
    assert tlsa(f"_25._tcp.mail TLSA 3 1 1 {digest}", signed=False)[:2] == ("differs", "not signed")


def test_in_a_zone_that_is_not_signed_none_is_wanted(tlsa, digest):
    assert tlsa("", signed=False) is None


def test_what_the_resolver_finds_forged_is_not_known(tlsa, digest):
    # The key that it trusts is not the one that signed.
    forged = (
        "host.test. 60 IN DNSKEY 257 3 13"
        " mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
    )

    assert tlsa(f"_25._tcp.mail TLSA 3 1 1 {digest}", anchor=forged)[0] == "not asked"
