import pytest

from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import QuotaUsage
from tests.importing import databases, stored
from tests.importing.mailcow import BLF, Site

ADMIN = ["--accept", "administrators-refused-here"]


@pytest.fixture
def site(tmp_path):
    return Site(databases.in_file(tmp_path))


def found_by(report):
    return {finding["name"]: finding["examples"] for finding in report["findings"]}


def test_everything_comes_along(run, site):
    status, report = run("mailcow", *site.arguments, *ADMIN)

    assert (status, report["proof"]["differences"]) == (0, [])
    assert stored.mailboxes("password", "quota", "maildir") == {
        "ann@example.org": (BLF, 3 * 1024**3, "example.org/ann/"),
        "bob@example.org": (BLF, 1024**3, "example.org/bob/"),
    }
    assert stored.aliases() == {"@example.com": ["bob@example.org"]}
    assert Alias.objects.get(pk="@example.com").description == "The rest"
    assert stored.forwardings() == {"ann@example.org": ["ann@example.org", "ann@elsewhere.test"]}
    assert stored.alias_domains() == {"example.net": "example.org"}
    assert stored.administrators() == {"it@example.org": ["example.org"]}
    assert list(QuotaUsage.objects.values_list("pk", "bytes")) == [("ann@example.org", 77)]
    assert report["mail"] == {"root": "/var/vmail", "mail_location": "maildir:~/Maildir"}
    row = Domain.objects.get(pk="example.org")
    assert (row.mailboxes, row.maxquota, row.quota) == (10, 4096, 10240)


def test_that_its_mail_is_encrypted_and_its_admin_has_no_address_is_a_persons_to_decide(
    refused, site
):
    assert refused("mailcow", *site.arguments[:2]) == {
        "mail-is-encrypted": ["2 mailboxes"],
        "administrators-refused-here": ["admin"],
    }


def test_state_two_receives_and_lets_nobody_sign_in(run, site):
    site.mailbox("box@example.org", active=2)
    _status, report = run("mailcow", *site.arguments, *ADMIN)

    assert found_by(report)["receives-without-sign-in"] == ["box@example.org"]
    found = stored.mailboxes("active", "smtp_active", "password")["box@example.org"]
    assert found[:2] == (True, False)
    assert found[2] != BLF


def test_state_zero_is_off_with_its_alias(run, site):
    site.mailbox("off@example.org", active=0)
    site.run("UPDATE alias SET active = 0 WHERE address = 'off@example.org'")
    _status, report = run("mailcow", *site.arguments, *ADMIN)

    assert stored.mailboxes("active")["off@example.org"] is False
    assert report["proof"]["differences"] == []


def test_rights_of_protocols_are_kept_where_there_is_a_place(run, site):
    site.mailbox("read@example.org", attributes={"smtp_access": "0"})
    site.mailbox("none@example.org", attributes={"imap_access": "0", "pop3_access": "0"})
    _status, report = run("mailcow", *site.arguments, *ADMIN)

    assert stored.mailboxes("smtp_active")["read@example.org"] is False
    assert found_by(report)["receives-without-sign-in"] == ["none@example.org"]


def test_who_signs_in_elsewhere_needs_a_new_password(run, site):
    site.mailbox("ldap@example.org", authsource="ldap")
    _status, report = run("mailcow", *site.arguments, *ADMIN)

    assert found_by(report)["mailboxes-of-another-login"] == ["ldap@example.org (ldap)"]
    assert found_by(report)["passwords-of-no-scheme"] == ["ldap@example.org"]


def test_rooms_words_of_its_own_and_aliases_for_a_time_stay_behind(run, site):
    site.mailbox("room@example.org", kind="location")
    site.run("DELETE FROM alias WHERE address = 'room@example.org'")
    site.alias("trash@example.org", "null@localhost")
    site.alias("learn@example.org", "ann@example.org,spam@localhost")
    site.add("spamalias", address="t@example.org", goto="ann@example.org", validity=2**31 - 1)
    site.add("spamalias", address="p@example.org", goto="ann@example.org", permanent=1)
    site.add("app_passwd", id=1, mailbox="ann@example.org")
    accept = ["--accept", "newly-delivered"]  # through the alias domain
    status, report = run("mailcow", *site.arguments, *ADMIN, *accept)

    found = found_by(report)
    assert status == 0
    assert found["resources-left-out"] == ["room@example.org (location)"]
    assert found["learning-left-out"] == [
        "trash@example.org to null@localhost",
        "learn@example.org to spam@localhost",
    ]
    assert found["temporary-aliases"] == ["t@example.org"]
    assert found["settings-left-out"] == ["app_passwd (1: passwords of programs)"]
    assert stored.aliases() == {
        "@example.com": ["bob@example.org"],
        "learn@example.org": ["ann@example.org"],
        "p@example.org": ["ann@example.org"],
    }


def test_filters_and_inner_aliases_are_a_persons_to_decide(refused, site):
    site.add("sieve_filters", id=1, username="ann@example.org", script_desc="to my phone")
    site.alias("staff@example.org", "ann@example.org", internal=1)

    assert refused("mailcow", *site.arguments, *ADMIN) == {
        "filters-left-out": ["ann@example.org to my phone"],
        "aliases-for-inside-only": ["staff@example.org"],
    }


def test_an_alias_that_an_alias_domain_did_not_reach_is_newly_delivered(run, site):
    site.alias("info@example.org", "ann@example.org")
    status, report = run("mailcow", *site.arguments, *ADMIN)

    assert (status, report["written"]) == (1, False)
    assert report["verdict"].endswith("say --accept newly-delivered.")
    assert [d["address"] for d in report["proof"]["differences"]] == ["info@example.net"]
    assert run("mailcow", *site.arguments, *ADMIN, "--accept", "newly-delivered")[0] == 0
