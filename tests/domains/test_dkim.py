from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import LogEntry
from domains import dkim
from domains.dkim_keys import DKIMKey, DKIMSigning, keys_of, record_of
from domains.dns import states
from domains.dns.findings import Finding
from domains.services import delete_domain
from tests.refusals import refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch):
    # the time that a key of 2,048 bits takes is not what is tested here
    monkeypatch.setattr(dkim, "BITS", 1024)


@pytest.fixture
def keys(example_org):
    return dkim.create_keys(actor=None, domain=example_org)


def roles(name="example.org"):
    return [(key.selector, key.role) for key in keys_of(name).get(name, ())]


def see(domain, *keys, state="ok", topic="dkim next"):
    findings = [Finding(topic, str(key), "TXT", (), (), state) for key in keys]
    states.store(name=domain.pk, findings=findings)
    dkim.begin_when_seen(domain=domain, findings=findings)


def test_at_first_there_are_two_and_none_signs(keys, example_org):
    day = f"s{timezone.localdate():%Y%m%d}"

    assert roles() == [(f"{day}a", "next"), (f"{day}b", "next")]
    assert DKIMSigning.objects.count() == 0
    with refused("exists"):
        dkim.create_keys(actor=None, domain=example_org)


def test_a_key_has_2048_bits_and_its_record_is_its_public_half(example_org, monkeypatch):
    monkeypatch.undo()
    [key, _next] = dkim.create_keys(actor=None, domain=example_org)
    stored = DKIMKey.objects.get(pk=key.pk)
    private = load_pem_private_key(stored.private_key.encode(), None)

    assert private.key_size == 2048
    assert key.record == record_of(private.public_key())
    assert key.record.startswith("v=DKIM1; k=rsa; p=MII")


def test_the_first_one_that_is_seen_signs(keys, example_org):
    first, second = keys
    see(example_org, first, second, state="missing")
    assert [role for _selector, role in roles()] == ["next", "next"]

    see(example_org, second)

    assert roles() == [(first.selector, "next"), (second.selector, "signs")]
    row = DKIMSigning.objects.get()
    assert (row.author, row.dkim_id) == ("example.org", second.pk)


def test_a_check_changes_nothing_while_a_key_signs(keys, example_org):
    first, second = keys
    see(example_org, first)

    see(example_org, second)

    assert roles() == [(first.selector, "signs"), (second.selector, "next")]


def test_the_next_one_signs_only_when_its_record_was_seen(keys, example_org):
    first, second = keys
    see(example_org, first)
    turn = {"domain": example_org, "selector": second.selector}

    with refused("not_seen"):
        dkim.sign_with(actor=None, **turn)
    assert roles()[0] == (first.selector, "signs")
    see(example_org, second)
    dkim.sign_with(actor=None, **turn)

    [(_a, before), (_b, now), (third, after)] = roles()
    assert (before, now, after) == ("replaced", "signs", "next")
    assert third == f"s{timezone.localdate():%Y%m%d}c"


def test_somebody_may_force_it_and_the_log_says_so(keys, example_org):
    first, second = keys
    see(example_org, first)
    dkim.sign_with(actor=None, domain=example_org, selector=second.selector, force=True)
    entry = LogEntry.objects.filter(action="edit_dkim_entry").latest("pk")

    assert entry.changes == {
        "selector": [first.selector, second.selector],
        "dkim_unseen": [None, True],
    }


def test_a_replaced_key_may_sign_again(keys, example_org):
    first, second = keys
    see(example_org, first)
    see(example_org, second, first)
    dkim.sign_with(actor=None, domain=example_org, selector=second.selector)
    dkim.sign_with(actor=None, domain=example_org, selector=first.selector)

    assert [role for _selector, role in roles()] == ["signs", "replaced", "next"]
    assert DKIMSigning.objects.get().dkim_id == first.pk


@pytest.mark.parametrize("selector", ["nothing", "", "s1'; DROP TABLE dkim"])
def test_a_key_that_is_not_there_cannot_sign(selector, keys, example_org):
    with refused("unknown"):
        dkim.sign_with(actor=None, domain=example_org, selector=selector)


def test_a_key_of_another_domain_cannot_sign(keys, example_org, other_net):
    with refused("unknown"):
        dkim.sign_with(actor=None, domain=other_net, selector=keys[0].selector)


def test_without_a_private_half_a_key_cannot_sign(example_org):
    DKIMKey.objects.create(domain_name=example_org, selector="old", public_key="x")

    with refused("no_private_key"):
        dkim.sign_with(actor=None, domain=example_org, selector="old", force=True)


def test_the_signer_finds_exactly_one_row_of_the_domain(keys, example_org):
    """Another program may have left several."""
    for _number in range(2):
        DKIMSigning.objects.create(author="example.org", dkim=keys[0])
    DKIMSigning.objects.create(author="ann@example.org", dkim=keys[0])

    dkim.sign_with(actor=None, domain=example_org, selector=keys[1].selector, force=True)

    assert sorted(DKIMSigning.objects.values_list("author", "dkim")) == [
        ("ann@example.org", keys[0].pk),
        ("example.org", keys[1].pk),
    ]


def test_a_replaced_key_is_deleted_after_ten_days(keys, example_org):
    first, second = keys
    see(example_org, first)
    dkim.sign_with(actor=None, domain=example_org, selector=second.selector, force=True)
    then = timezone.now() + timedelta(days=10)

    assert dkim.retire_keys(then - timedelta(minutes=1)) == []
    assert dkim.retire_keys(then + timedelta(minutes=1)) == [str(first)]
    assert [role for _selector, role in roles()] == ["signs", "next"]


def test_a_domain_that_is_deleted_while_the_dns_is_asked_is_left_alone(keys, example_org):
    delete_domain(actor=None, domain=example_org)

    see(example_org, keys[0])

    assert roles() == []


def test_the_key_that_signs_is_not_deleted_alone(keys, example_org):
    see(example_org, keys[0])

    with refused("signs"):
        dkim.delete_key(actor=None, domain=example_org, selector=keys[0].selector)
    dkim.delete_key(actor=None, domain=example_org, selector=keys[1].selector)
    dkim.create_keys(actor=None, domain=example_org)  # and one is made in its place
    assert [role for _selector, role in roles()] == ["signs", "next"]


def test_all_keys_go_together_and_with_the_domain(keys, example_org, other_net):
    dkim.create_keys(actor=None, domain=other_net)
    see(example_org, keys[0])
    dkim.delete_keys(actor=None, domain=example_org)

    assert (roles(), DKIMSigning.objects.count()) == ([], 0)
    with refused("none"):
        dkim.delete_keys(actor=None, domain=example_org)
    delete_domain(actor=None, domain=other_net)
    assert DKIMKey.objects.count() == 0


def pem(pair, encryption=None):
    return pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def test_a_key_that_signed_elsewhere_is_taken_over(example_org):
    pair = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    old = pair.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    key = dkim.import_key(actor=None, domain=example_org, selector="mail", pem=old)

    assert str(key) == "mail._domainkey.example.org"
    assert roles() == [("mail", "next")]
    with refused("taken", field="selector"):
        dkim.import_key(actor=None, domain=example_org, selector="mail", pem=old)


RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "unreadable"),
        (b"\xff\x00", "unreadable"),
        (pem(RSA)[:200], "unreadable"),
        (pem(RSA, BestAvailableEncryption(b"secret")), "unreadable"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "kind"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "kind"),
    ],
    ids=["nothing", "no text", "half a key", "with a password", "of a curve", "Ed25519"],
)
def test_what_is_no_key_for_this_is_refused(text, code, example_org):
    with refused(code, field="private_key"):
        dkim.import_key(actor=None, domain=example_org, selector="mail", pem=text)
    assert not DKIMKey.objects.exists()


@pytest.mark.parametrize("selector", ["a b", "-x", "x/..", "é", "a" * 64, "x."])
def test_a_selector_is_a_name_in_the_dns(selector, example_org):
    with pytest.raises(ValidationError) as refusal:
        dkim.import_key(actor=None, domain=example_org, selector=selector, pem=pem(RSA))
    assert set(refusal.value.error_dict) == {"selector"}


def test_no_log_entry_and_no_listed_row_holds_a_private_key(keys, example_org):
    see(example_org, keys[0])
    dkim.delete_keys(actor=None, domain=example_org)
    logged = "".join(str(entry.changes) for entry in LogEntry.objects.all())

    assert "PRIVATE" not in logged
    assert [key.get_deferred_fields() for key in keys] == [{"private_key"}] * 2


def test_a_record_that_another_program_left_unreadable_is_none(example_org):
    rows = [
        DKIMKey(domain_name=example_org, selector="x", public_key=text)
        for text in (None, "", "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----")
    ]

    assert [row.record for row in rows] == ["", "", ""]
