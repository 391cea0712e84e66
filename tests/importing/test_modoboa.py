import pytest

from accounts.passwords import hash_password
from aliases.models import Alias
from domains.models import Domain
from mailboxes.models import QuotaUsage
from tests.importing import databases, stored
from tests.importing.modoboa import Site

PLACE = ["--home", "/srv/vmail/%d/%n"]


@pytest.fixture
def site(tmp_path, password):
    return Site(databases.in_file(tmp_path), hash_password(password))


def test_everything_comes_along(run, site):
    status, report = run("modoboa", *site.arguments, *PLACE)

    assert (status, report["findings"], report["proof"]["differences"]) == (0, [], [])
    assert stored.mailboxes("password", "quota", "maildir", "name") == {
        "ann@example.org": (site.secret, 1024 * 1024**2, "example.org/ann/", "Ann"),
        "bob@example.org": (site.secret, 512 * 1024**2, "example.org/bob/", "Bob"),
    }
    assert stored.aliases() == {"info@example.org": ["ann@example.org", "bob@example.org"]}
    assert Alias.objects.get(pk="info@example.org").description == "Desk"
    assert stored.alias_domains() == {"example.net": "example.org"}
    assert stored.administrators() == {"it@example.org": ["example.org"], "root@example.org": "all"}
    assert list(QuotaUsage.objects.values_list("pk", "bytes")) == [("ann@example.org", 99)]
    assert Domain.objects.get(pk="r.example").transport == "relay:[192.0.2.1]:25"
    assert Domain.objects.get(pk="example.org").quota == 10240
    assert report["mail"] == {"root": "/srv/vmail", "mail_location": "maildir:~/Maildir"}


def test_a_forwarding_is_its_own_aliass_recipients(run, site):
    site.mailbox("joe@example.org", quota=1, forward=["joe@example.org", "joe@elsewhere.test"])
    site.mailbox("sue@example.org", quota=1, forward=["sue@elsewhere.test"])
    status, _report = run("modoboa", *site.arguments, *PLACE)

    assert status == 0
    assert stored.forwardings() == {
        "joe@example.org": ["joe@example.org", "joe@elsewhere.test"],
        "sue@example.org": ["sue@elsewhere.test"],
    }


def test_what_is_off_there_is_off_here(run, site):
    site.mailbox("off@example.org", active=0)
    status, report = run("modoboa", *site.arguments, *PLACE)

    assert (status, report["proof"]["differences"]) == (0, [])
    assert stored.mailboxes("active")["off@example.org"] is False


def test_booleans_may_be_those_of_a_csv_file(run, site):
    # As PostgreSQL writes them, into columns without a type.
    for table, column in (
        ("admin_domain", "enabled"),
        ("admin_alias", "enabled"),
        ("core_user", "is_active"),
    ):
        site.run(f"UPDATE {table} SET {column} = 't'")
    status, report = run("modoboa", *site.arguments, *PLACE)

    assert (status, report["proof"]["differences"]) == (0, [])
    assert set(stored.mailboxes("active").values()) == {True}


def test_aliases_that_end_come_along_until_they_have_ended(run, site):
    site.alias("soon@example.org", "ann@example.org", expire_at="2999-01-01 00:00:00")
    site.alias("past@example.org", "ann@example.org", expire_at="2001-01-01 00:00:00")
    status, report = run("modoboa", *site.arguments, *PLACE)

    assert (status, report["proof"]["differences"]) == (0, [])
    assert sorted(stored.aliases()) == ["info@example.org", "soon@example.org"]
    [found] = report["findings"]
    assert (found["name"], found["count"]) == ("aliases-that-end", 2)


def test_what_differs_in_kind_is_a_persons_to_decide(refused, site):
    site.mailbox("send@example.org", is_send_only=1)
    site.user("chief@example.org", group="SuperAdmins", totp_enabled=1)
    site.add("admin_domain", id=3, name="lost.example", type="relaydomain")

    assert refused("modoboa", *site.arguments, *PLACE) == {
        "transports-left-out": ["lost.example"],
        "mailboxes-that-only-send": ["send@example.org"],
        "second-factors-left-out": ["chief@example.org"],
    }


def test_an_administrator_without_an_address_is_named(refused, site):
    site.user("admin", group="SuperAdmins", email="")

    assert refused("modoboa", *site.arguments, *PLACE) == {"administrators-refused-here": ["admin"]}
