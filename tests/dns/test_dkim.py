import pytest

from domains import dkim
from domains.dkim_keys import keys_of
from domains.dns import states, zone
from domains.dns.findings import quoted
from domains.models import Domain, DomainDNS

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(example_org):
    return dkim.create_keys(actor=None, domain=example_org)


def check():
    domain = Domain.objects.select_related("alias_of").get(pk="example.org")
    found = states.findings_of(states.check_and_store(domain))
    return {one.name.partition(".")[0]: one for one in found if one.topic.startswith("dkim")}


def line(key, text=None):
    return f"{key.selector}._domainkey TXT {quoted(key.record) if text is None else text}\n"


def signing():
    return [key.selector for key in keys_of("example.org")["example.org"] if key.signs]


def test_signing_begins_with_the_check_that_sees_the_record(keys, zones):
    first, second = keys
    server = zones({"example.org": ""})
    assert [one.state for one in check().values()] == ["missing", "missing"]
    assert (signing(), DomainDNS.objects.get().problems) == ([], "MX, SPF")

    server.stop()
    zones({"example.org": line(first)})
    found = check()

    assert (found[first.selector].state, found[second.selector].state) == ("ok", "missing")
    assert signing() == [first.selector]


def test_that_the_record_of_the_key_that_signs_is_missing_needs_somebody(keys, zones):
    server = zones({"example.org": line(keys[0])})
    check()
    server.stop()
    zones({"example.org": line(keys[1])})
    found = check()

    assert (found[keys[0].selector].topic, found[keys[0].selector].state) == ("dkim", "missing")
    assert DomainDNS.objects.get().problems == "MX, SPF, DKIM"
    assert signing() == [keys[0].selector]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", ("ok", "ok")),
        ('"v=DKIM1; p={p}"', ("ok", "ok")),
        ('"p=" "{p}"', ("ok", "ok")),
        ('"v=DKIM1; k=rsa; h=sha256; s=email; p={p}"', ("ok", "ok")),
        ('"v=DKIM1; k=rsa; t=s; p={p}"', ("ok", "ok")),
        ('"v=DKIM1; k=rsa; t=y:s; p={p}"', ("differs", "testing")),
        ('"v=DKIM1; k=rsa; p="', ("wrong", "revoked")),
        ('"v=DKIM1; k=rsa; p=MIGfMA0"', ("wrong", "another key")),
        ('"v=DKIM1; k=ed25519; p={p}"', ("wrong", "another key")),
        ('"v=DKIM1; h=sha1; p={p}"', ("wrong", "not for mail")),
        ('"v=DKIM1; s=tlsrpt; p={p}"', ("wrong", "not for mail")),
        ('"v=DKIM2; p={p}"', ("wrong", "syntax")),
        ('"v=spf1 -all"', ("wrong", "syntax")),
        ('"v=DKIM1; k=rsa"', ("wrong", "syntax")),
    ],
)
def test_what_a_record_may_say(text, expected, keys, zones, monkeypatch):
    [key, _next] = keys
    public = key.record.partition("p=")[2]
    halves = f'{public[:200]}" "{public[200:]}'
    text = quoted(key.record) if text == "{}" else text.replace("{p}", halves)
    zones({"example.org": line(key, text)})
    found = check()[key.selector]

    assert (found.state, found.reason) == expected


def test_two_records_are_none(keys, zones):
    zones({"example.org": line(keys[0]) + line(keys[0], '"v=DKIM1; p="')})

    assert check()[keys[0].selector].reason == "two records"


def test_a_resolver_that_fails_begins_nothing_and_the_record_is_still_shown(keys, zones):
    zones({"example.org": None})
    found = check()[keys[0].selector]

    assert (found.state, found.wanted) == ("not asked", (quoted(keys[0].record),))
    assert signing() == []


def test_the_records_are_in_the_zone_file_and_can_be_published(keys, zones, settings):
    server = zones({"example.org": "@ MX 10 mail.host.test."})
    settings.DNS_UPDATE_SERVER, settings.DNS_UPDATE_KEY = server.address, server.key
    found = check()
    domain = Domain.objects.get(pk="example.org")
    file = zone.zone_file(found.values())
    assert [line in file for one in found.values() for line in zone.lines(one)] == [True, True]

    zone.publish(actor=None, domain=domain, findings=zone.to_publish(found.values()))

    assert [one.state for one in check().values()] == ["ok", "ok"]
    assert signing() == [keys[0].selector]


def test_all_domains_are_checked_with_their_keys(keys, zones, other_net):
    zones({"example.org": line(keys[1]), "other.net": ""})
    domains = Domain.objects.select_related("alias_of").order_by("pk")
    list(states.check_all(list(domains)))

    assert signing() == [keys[1].selector]
