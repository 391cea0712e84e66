import pytest
from django.urls import reverse

from domains import dkim
from domains.dkim_keys import ED25519, keys_of
from tests.pages.reading import buttons, links, text


@pytest.fixture(autouse=True)
def rspamd(monkeypatch, settings, server):
    monkeypatch.setattr(dkim, "BITS", 1024)
    settings.DKIM_SIGNER = "rspamd"


@pytest.fixture
def superadmin(example_org, make_admin, sign_in):
    return sign_in(make_admin(superadmin=True))


@pytest.fixture
def rsa(example_org):
    keys = dkim.create_keys(actor=None, domain=example_org)
    dkim.sign_with(actor=None, domain=example_org, selector=keys[0].selector, force=True)
    return keys


@pytest.fixture
def ed25519(rsa, example_org):
    keys = dkim.create_keys(actor=None, domain=example_org, kind=ED25519)
    dkim.sign_with(actor=None, domain=example_org, selector=keys[0].selector, force=True)
    return keys


def page(act=""):
    return reverse(f"domain-dkim{act and '-' + act}", args=["example.org"])


def test_superadmins_make_them_once_an_rsa_key_signs(superadmin, rsa, zones, server):
    server.stop()
    zones({"example.org": ""})
    make = f"{page('create')}?kind=ed25519"
    shown = superadmin.get(page())
    assert make in links(shown)
    assert buttons(superadmin.get(make)) == ["Make keys"]
    superadmin.post(page("create"), {"kind": "ed25519"})

    keys = keys_of("example.org")["example.org"]
    assert [(key.kind, key.role) for key in keys[2:]] == [(ED25519, "next")] * 2
    shown = superadmin.get(page())
    assert make not in links(shown)
    assert text(shown).count("Ed25519: signs beside an RSA key.") == 2
    assert buttons(superadmin.get(make)) == []


def test_the_page_of_a_change_says_in_whose_place_a_key_comes(superadmin, rsa, ed25519):
    said = text(superadmin.get(page("sign")))

    assert f"{rsa[1].selector} RSA, in the place of {rsa[0].selector};" in said
    assert f"{ed25519[1].selector} Ed25519, in the place of {ed25519[0].selector};" in said
    both = f"{rsa[0].selector} + {ed25519[0].selector}"
    assert f"is signed with the key {both}." in text(superadmin.get(page()))


def test_without_an_rsa_key_that_signs_or_a_signer_that_takes_them_none_is_offered(
    superadmin, example_org, settings
):
    dkim.create_keys(actor=None, domain=example_org)
    make = f"{page('create')}?kind=ed25519"
    assert make not in links(superadmin.get(page()))
    assert buttons(superadmin.get(make)) == []

    first = keys_of("example.org")["example.org"][0]
    dkim.sign_with(actor=None, domain=example_org, selector=first.selector, force=True)
    assert make in links(superadmin.get(page()))
    settings.DKIM_SIGNER = "opendkim"
    assert make not in links(superadmin.get(page()))
    assert superadmin.post(make).status_code == 422
