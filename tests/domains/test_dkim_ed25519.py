import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from domains import dkim
from domains.dkim_keys import ED25519, RSA, DKIMKey, DKIMSigning, keys_of, record_of
from domains.dns import states
from domains.dns.findings import Finding, quoted
from tests.refusals import refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rspamd(monkeypatch, settings):
    monkeypatch.setattr(dkim, "BITS", 1024)
    settings.DKIM_SIGNER = "rspamd"


@pytest.fixture
def rsa(example_org):
    keys = dkim.create_keys(actor=None, domain=example_org)
    dkim.sign_with(actor=None, domain=example_org, selector=keys[0].selector, force=True)
    return keys


@pytest.fixture
def ed25519(rsa, example_org):
    return dkim.create_keys(actor=None, domain=example_org, kind=ED25519)


def roles():
    return [(key.kind, key.role) for key in keys_of("example.org").get("example.org", ())]


def see(domain, *keys):
    topics = {"signs": "dkim", "next": "dkim next"}
    found = [
        Finding(topics[key.role], str(key), "TXT", (quoted(key.record),), (), "ok")
        for key in keys_of(domain.pk)[domain.pk]
        if key.pk in {one.pk for one in keys}
    ]
    states.store(name=domain.pk, findings=found)
    dkim.begin_when_seen(domain=domain, findings=found)


def test_two_are_made_besides_the_others_with_their_own_record(ed25519, example_org):
    key = DKIMKey.objects.get(pk=ed25519[0].pk)
    private = load_pem_private_key(key.private_key.encode(), None)

    assert roles() == [(RSA, "signs"), (RSA, "next"), (ED25519, "next"), (ED25519, "next")]
    assert key.record == record_of(private.public_key())
    assert key.record.startswith("v=DKIM1; k=ed25519; p=")
    with refused("exists"):
        dkim.create_keys(actor=None, domain=example_org, kind=ED25519)


def test_one_begins_beside_the_rsa_key_when_it_is_seen(rsa, ed25519, example_org):
    see(example_org, rsa[0], ed25519[1])

    assert roles() == [(RSA, "signs"), (RSA, "next"), (ED25519, "next"), (ED25519, "signs")]
    assert sorted(DKIMSigning.objects.values_list("author", "dkim")) == [
        ("example.org", rsa[0].pk),
        ("example.org", ed25519[1].pk),
    ]


def test_each_kind_is_changed_by_itself(rsa, ed25519, example_org):
    see(example_org, rsa[0], ed25519[0])
    dkim.sign_with(actor=None, domain=example_org, selector=ed25519[1].selector, force=True)
    assert roles() == [
        *[(RSA, "signs"), (RSA, "next")],
        *[(ED25519, "replaced"), (ED25519, "signs"), (ED25519, "next")],
    ]

    dkim.sign_with(actor=None, domain=example_org, selector=rsa[1].selector, force=True)
    assert roles() == [
        *[(RSA, "replaced"), (RSA, "signs")],
        *[(ED25519, "replaced"), (ED25519, "signs"), (ED25519, "next"), (RSA, "next")],
    ]


def test_none_signs_alone(example_org):
    """Few receivers understand it: such mail is as good as not signed."""
    ed25519 = dkim.create_keys(actor=None, domain=example_org, kind=ED25519)
    see(example_org, ed25519[0])
    assert roles() == [(ED25519, "next")] * 2
    with refused("alone"):
        dkim.sign_with(actor=None, domain=example_org, selector=ed25519[0].selector, force=True)

    rsa = dkim.create_keys(actor=None, domain=example_org)
    see(example_org, ed25519[0], rsa[1])

    assert [role for _kind, role in roles()] == ["signs", "next", "next", "signs"]


def test_the_one_that_signs_may_go_alone_but_not_the_rsa_key(rsa, ed25519, example_org):
    see(example_org, rsa[0], ed25519[0])
    with refused("signs"):
        dkim.delete_key(actor=None, domain=example_org, selector=rsa[0].selector)
    dkim.delete_key(actor=None, domain=example_org, selector=ed25519[0].selector)

    assert roles() == [(RSA, "signs"), (RSA, "next"), (ED25519, "next")]


@pytest.mark.parametrize("signer", ["opendkim", "none"])
def test_where_the_signer_takes_none_none_is_made_and_none_begins(
    signer, rsa, ed25519, example_org, settings
):
    settings.DKIM_SIGNER = signer
    see(example_org, rsa[0], ed25519[0])

    assert roles() == [(RSA, "signs"), (RSA, "next"), (ED25519, "next"), (ED25519, "next")]
    with refused("signer"):
        dkim.create_keys(actor=None, domain=example_org, kind=ED25519)
    with refused("signer"):
        dkim.sign_with(actor=None, domain=example_org, selector=ed25519[0].selector, force=True)


def test_one_that_signed_elsewhere_is_taken_over(example_org):
    pair = Ed25519PrivateKey.generate()
    pem = pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = dkim.import_key(actor=None, domain=example_org, selector="mail", pem=pem)

    assert (key.kind, key.record) == (ED25519, record_of(pair.public_key()))
