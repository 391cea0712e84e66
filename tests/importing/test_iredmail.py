import pytest

from accounts.models import Admin
from accounts.passwords import hash_password
from domains.models import Domain
from mailboxes.models import QuotaUsage
from tests.importing import databases, stored
from tests.importing.iredmail import Site


@pytest.fixture
def site(tmp_path, password):
    return Site(databases.in_file(tmp_path), hash_password(password))


def test_everything_comes_along(run, site):
    status, report = run("iredmail", *site.arguments)

    assert (status, report["findings"], report["proof"]["differences"]) == (0, [], [])
    assert list(stored.domains()) == ["backup.example", "example.com", "example.net", "example.org"]
    assert stored.mailboxes("password", "quota", "maildir", "smtp_active") == {
        "ann@example.org": (
            *(site.secret, 1024**3),
            *("vmail1/example.org/a/n/n/ann-2020.01.02/", True),
        ),
        "bob@example.com": (site.secret, 0, "vmail1/example.com/a/n/n/bob-2020.01.02/", False),
    }
    assert stored.aliases() == {
        "@example.com": ["bob@example.com"],
        "a.smith@example.org": ["ann@example.org"],
        "info@example.org": ["ann@example.org", "bob@example.com"],
    }
    assert stored.forwardings() == {"ann@example.org": ["ann@example.org", "ann@elsewhere.test"]}
    assert stored.alias_domains() == {"example.net": "example.org"}
    assert stored.administrators() == {
        "ann@example.org": ["example.org"],
        "root@example.org": "all",
    }
    assert set(Admin.objects.values_list("password", flat=True)) == {site.secret}
    assert list(QuotaUsage.objects.values_list("pk", "bytes", "messages")) == [
        ("ann@example.org", 5000, 7)
    ]
    assert report["mail"] == {"root": "/var/vmail", "mail_location": "maildir:~/Maildir"}


def test_limits_and_descriptions_come_along(run, site):
    run("iredmail", *site.arguments)

    rows = Domain.objects.filter(pk__in=["example.org", "backup.example"]).order_by("pk")
    assert list(rows.values_list("description", "mailboxes", "maxquota", "backupmx")) == [
        ("", 0, 0, True),
        ("Ours", 10, 2048, False),
    ]


def test_limits_that_are_exceeded_come_along_too(run, site):
    site.run("UPDATE domain SET mailboxes = 1 WHERE domain = 'example.com'")
    site.mailbox("joe@example.com")
    status, report = run("iredmail", *site.arguments)

    [found] = report["findings"]
    assert (status, found["name"]) == (0, "limits-exceeded")
    assert found["examples"] == ["example.com (2 of 1 mailboxes)"]
    assert Domain.objects.get(pk="example.com").mailboxes == 1


def test_what_is_off_there_is_off_here(run, site):
    site.run("UPDATE domain SET active = 0 WHERE domain = 'example.com'")
    site.run("UPDATE mailbox SET active = 0 WHERE username = 'ann@example.org'")
    site.run("UPDATE forwardings SET active = 0 WHERE address = 'ann@example.org'")
    status, report = run("iredmail", *site.arguments)

    assert (status, report["proof"]["differences"]) == (0, [])
    assert stored.domains()["example.com"] is False
    assert stored.mailboxes("active") == {"ann@example.org": False, "bob@example.com": True}
    assert stored.forwardings() == {}


def test_an_old_hash_gets_the_scheme_that_dovecot_reads_it_by(run, site):
    site.mailbox("old@example.org", password="$1$abcdefgh$4Wo1zVZZr8r8Aq9B8iUh3.")
    run("iredmail", *site.arguments)

    found = stored.mailboxes("password")["old@example.org"]
    assert found == "{CRYPT}$1$abcdefgh$4Wo1zVZZr8r8Aq9B8iUh3."


def test_who_has_every_service_off_takes_mail_only(run, site):
    off = dict.fromkeys(["enableimap", "enableimapsecured", "enablepop3", "enablepop3secured"], 0)
    site.mailbox("box@example.org", **off)
    _status, report = run("iredmail", *site.arguments)

    assert [(f["name"], f["examples"]) for f in report["findings"]] == [
        ("receives-without-sign-in", ["box@example.org"])
    ]
    assert stored.mailboxes("password")["box@example.org"] != site.secret


@pytest.mark.parametrize(
    ("table", "values", "finding"),
    [
        ("maillists", {"address": "all@example.org"}, {"mailing-lists": ["all@example.org"]}),
        (
            "alias",
            {"address": "staff@example.org", "accesspolicy": "membersonly"},
            {"lists-not-for-everybody": ["staff@example.org (membersonly)"]},
        ),
    ],
)
def test_what_has_no_place_here_is_a_persons_to_decide(refused, site, table, values, finding):
    site.add(table, **values)

    assert refused("iredmail", *site.arguments) == finding


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        (
            {"transport": "smtp:[192.0.2.1]"},
            {"transports-of-mailboxes": ["joe@example.org smtp:[192.0.2.1]"]},
        ),
        ({"enabledeliver": 0}, {"mailboxes-without-delivery": ["joe@example.org"]}),
    ],
)
def test_a_mailbox_unlike_ours_is_a_persons_to_decide(refused, site, fields, finding):
    site.mailbox("joe@example.org", **fields)

    assert refused("iredmail", *site.arguments) == finding


def test_what_does_not_come_along_is_listed(noted, site):
    site.add("sender_bcc_user", username="ann@example.org", bcc_address="boss@example.org")
    site.add("sender_relayhost", id=1, account="@example.org", relayhost="[smtp.example.net]:587")
    site.mailbox("joe@example.org", enablepop3=0, enablepop3secured=0, allow_nets="192.0.2.0/24")

    assert noted("iredmail", *site.arguments) == {
        "allowed-networks": ["joe@example.org 192.0.2.0/24"],
        "copies-left-out": ["ann@example.org to boss@example.org"],
        "relay-hosts-left-out": ["@example.org [smtp.example.net]:587"],
        "some-services-off": ["joe@example.org"],
    }
