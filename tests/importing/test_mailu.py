import pytest
from django.core.management.base import CommandError

from domains.models import Domain
from tests.importing import mailu, stored


@pytest.fixture
def export(tmp_path):
    return lambda **sections: mailu.export(tmp_path / "mail.json", **sections)


def test_everything_comes_along_but_passwords_of_its_own_scheme(run, export):
    status, report = run("mailu", export())

    assert (status, report["proof"]["differences"]) == (0, [])
    assert {f["name"]: f["examples"] for f in report["findings"]} == {
        "passwords-of-no-scheme": ["administrator ann@example.org", "ann@example.org"]
    }
    assert stored.mailboxes("quota", "maildir", "name") == {
        "ann@example.org": (1_000_000_000, "ann@example.org/", "Ann"),
        "bob@example.org": (0, "bob@example.org/", ""),
    }
    assert stored.mailboxes("password")["bob@example.org"].startswith("{SHA512-CRYPT}$6$salt$")
    assert stored.aliases() == {
        "@example.org": ["bob@example.org"],
        "info@example.org": ["ann@example.org", "bob@example.org"],
    }
    assert stored.forwardings() == {"ann@example.org": ["ann@example.org", "ann@elsewhere.test"]}
    assert stored.alias_domains() == {"example.net": "example.org"}
    assert stored.administrators() == {"ann@example.org": "all", "bob@example.org": ["example.org"]}
    assert report["mail"] == {"root": "/mail", "mail_location": "maildir:~/"}


def test_its_minus_one_is_unlimited_and_its_zero_none(run, export):
    run("mailu", export())

    row = Domain.objects.get(pk="example.org")
    assert (row.mailboxes, row.aliases) == (0, -1)


@pytest.mark.parametrize(
    ("smtp", "transport", "backupmx"),
    [
        ("192.0.2.1:26", "smtp:[192.0.2.1]:26", False),
        ("mail.example.net", "smtp:[mail.example.net]", False),
        ("mx:example.net", "smtp:example.net", False),
        ("", "virtual", True),
    ],
)
def test_a_relayed_domain_keeps_its_way(run, export, smtp, transport, backupmx):
    assert run("mailu", export(relay=[{"name": "relay.example", "smtp": smtp}]))[0] == 0

    row = Domain.objects.get(pk="relay.example")
    assert (row.transport, row.backupmx) == (transport, backupmx)


def test_a_pattern_other_than_the_catch_all_is_a_persons_to_decide(refused, export):
    alias = {"email": "sales-%@example.org", "destination": ["ann@example.org"], "wildcard": True}

    assert refused("mailu", export(alias=[alias])) == {"patterns-left-out": ["sales-%@example.org"]}


def test_what_does_not_come_along_is_listed(noted, export):
    user = {
        "email": "joe@example.org",
        "password": "{CRYPT}ab1234567890.",
        "enable_pop": False,
        "reply_enabled": True,
        "tokens": [{"comment": "phone"}],
        "fetches": [{"host": "x"}],
    }
    domain = {"name": "example.org", "dkim_key": "-----BEGIN PRIVATE KEY-----"}

    assert noted("mailu", export(user=[user], domain=[domain], alias=[])) == {
        "keys-left-out": ["example.org"],
        "some-services-off": ["joe@example.org"],
        "away-left-out": ["joe@example.org"],
        "tokens-left-out": ["joe@example.org"],
        "fetching-left-out": ["joe@example.org"],
    }


def test_who_may_open_nothing_takes_mail_only(noted, export):
    user = {"email": "joe@example.org", "password": "{CRYPT}ab1234567890."}
    user |= {"enable_pop": False, "enable_imap": False}

    assert noted("mailu", export(user=[user], alias=[])) == {
        "receives-without-sign-in": ["joe@example.org"]
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [("domain:\n- name: example.org\n", "this is no JSON"), ("[]", "this is no export of Mailu")],
)
def test_another_file_is_a_sentence(run, tmp_path, text, said):
    (tmp_path / "mail.yml").write_text(text)

    with pytest.raises(CommandError, match=said):
        run("mailu", tmp_path / "mail.yml")
