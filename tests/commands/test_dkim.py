import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management.base import CommandError

from domains import dkim
from domains.dkim_keys import ED25519, RSA, DKIMKey, keys_of


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch, settings):
    monkeypatch.setattr(dkim, "BITS", 1024)
    settings.DNS_RESOLVERS = ["127.0.0.1:1"]
    monkeypatch.setattr("domains.dns.asking.CHECK_SECONDS", 0)


def test_add_makes_two_and_show_prints_their_records(run, example_org):
    run("dkim", "add", "example.org")
    first, second = keys_of("example.org")["example.org"]
    shown = run("dkim", "show", "example.org")

    assert first.record in shown
    assert second.record in shown
    assert "PRIVATE" not in shown


def test_one_from_elsewhere_is_taken_over(run, example_org):
    pair = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    text = pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    run("dkim", "add", "example.org", "--selector", "mail", stdin=text)

    assert run("dkim", "list") == "example.org\tmail\tnext\n"
    [record] = run("dkim", "list", "--json").splitlines()
    assert json.loads(record)["record"].startswith('mail._domainkey.example.org. IN TXT "v=DKIM1')


def test_what_is_no_key_is_refused(run, example_org):
    with pytest.raises(CommandError, match="Key: This is no private key"):
        run("dkim", "add", "example.org", "--selector", "mail", stdin="hello")


def test_sign_asks_the_dns_unless_it_is_forced(run, example_org):
    run("dkim", "add", "example.org")
    with pytest.raises(CommandError, match="The DNS did not show the record"):
        run("dkim", "sign", "example.org")
    run("dkim", "sign", "example.org", "--force")

    assert [line.split("\t")[2] for line in run("dkim", "list").splitlines()] == ["signs", "next"]


def test_delete_asks_first(run, example_org):
    run("dkim", "add", "example.org")
    with pytest.raises(CommandError, match="Not a terminal"):
        run("dkim", "delete", "example.org")
    assert run("dkim", "delete", "example.org", "--yes") == "Deleted the keys of example.org.\n"

    assert not DKIMKey.objects.exists()


def test_one_that_does_not_sign_may_go_alone(run, example_org):
    run("dkim", "add", "example.org")
    first, _second = keys_of("example.org")["example.org"]
    run("dkim", "delete", "example.org", "--selector", first.selector, "--yes")

    assert DKIMKey.objects.count() == 1


def test_without_keys_show_says_how_to_make_some(run, example_org):
    with pytest.raises(CommandError, match=r"manage\.py dkim add example\.org"):
        run("dkim", "show", "example.org")


def test_retire_deletes_what_was_replaced_long_ago(run, example_org):
    run("dkim", "add", "example.org")
    first, _second = keys_of("example.org")["example.org"]
    DKIMKey.objects.filter(pk=first.pk).update(replaced="2026-01-02T00:00:00Z")

    assert run("dkim", "retire") == f"Deleted key {first}. Its record in the DNS may go.\n"


def test_keys_of_the_second_kind_are_asked_for(run, example_org, settings):
    settings.DKIM_SIGNER = "rspamd"
    run("dkim", "add", "example.org")
    run("dkim", "add", "example.org", "--ed25519")

    assert [key.kind for key in keys_of("example.org")["example.org"]] == [RSA] * 2 + [ED25519] * 2
    settings.DKIM_SIGNER = "opendkim"
    with pytest.raises(CommandError, match="takes no Ed25519 keys"):
        run("dkim", "add", "example.org", "--ed25519")
