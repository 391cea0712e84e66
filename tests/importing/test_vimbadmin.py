import pytest

from domains.models import Domain
from tests.importing import databases, stored
from tests.importing.vimbadmin import BCRYPT, Site

FORTY = "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"


@pytest.fixture
def site(tmp_path):
    return Site(databases.in_file(tmp_path))


def test_everything_comes_along(run, site):
    status, report = run("vimbadmin", *site.arguments)

    assert (status, report["proof"]["differences"]) == (0, [])
    assert stored.mailboxes("password", "quota", "maildir") == {
        "ann@example.org": (f"{{CRYPT}}{BCRYPT}", 1_024_000_000, "example.org/ann/"),
        "bob@example.org": (f"{{CRYPT}}{BCRYPT}", 0, "example.org/bob/"),
    }
    assert stored.aliases() == {"info@example.org": ["ann@example.org", "bob@example.org"]}
    assert stored.forwardings() == {"ann@example.org": ["ann@example.org", "ann@elsewhere.test"]}
    assert stored.alias_domains() == {"example.net": "example.org"}
    assert stored.administrators() == {"it@example.org": ["example.org"], "root@example.org": "all"}
    assert report["mail"] == {"root": "/srv/vmail", "mail_location": "maildir:~/mail:LAYOUT=fs"}


def test_its_largest_mailbox_is_a_limit_in_megabytes(run, site):
    run("vimbadmin", *site.arguments)

    row = Domain.objects.get(pk="example.org")
    assert (row.maxquota, row.quota) == (2_000, 0)


def test_a_program_that_may_not_is_listed_or_kept_out(run, site):
    site.mailbox("tool@example.org", access_restriction="SMTP")
    _status, report = run("vimbadmin", *site.arguments)

    found = {finding["name"]: finding["examples"] for finding in report["findings"]}
    assert found["some-services-off"] == ["bob@example.org (IMAP)"]
    assert found["receives-without-sign-in"] == ["tool@example.org"]
    assert stored.mailboxes("smtp_active")["bob@example.org"] is False


@pytest.mark.parametrize(
    ("stored_there", "scheme", "kept"),
    [
        ("5f4dcc3b5aa765d61d8327deb882cf99", "md5", "{PLAIN-MD5}5f4dcc3b5aa765d61d8327deb882cf99"),
        (FORTY, "sha1", f"{{SHA}}{FORTY}"),
        ("{SSHA}0123", "dovecot:SSHA", None),
        (FORTY, "md5-salted", None),
        ("5f4dcc3b5aa765d61d8327deb882cf99", "", None),
    ],
)
def test_a_hash_gets_the_scheme_of_its_settings_or_is_listed(run, site, stored_there, scheme, kept):
    site.mailbox("joe@example.org", password=stored_there)
    option = ["--scheme", scheme] if scheme else []
    _status, report = run("vimbadmin", *site.arguments, *option, "--accept", "salted-by-the-site")

    found = {finding["name"]: finding["examples"] for finding in report["findings"]}
    assert ("passwords-of-no-scheme" in found) is (kept is None)
    if kept:
        assert stored.mailboxes("password")["joe@example.org"] == kept
    else:
        assert found["passwords-of-no-scheme"] == ["joe@example.org"]


def test_salted_passwords_are_a_persons_to_decide(refused, site):
    site.mailbox("joe@example.org", password=FORTY)

    assert refused("vimbadmin", *site.arguments, "--scheme", "sha1-salted") == {
        "salted-by-the-site": ["joe@example.org"]
    }


def test_what_is_being_deleted_or_archived_stays_behind(noted, site):
    site.mailbox("gone@example.org", delete_pending=1)
    site.run("DELETE FROM alias WHERE address = 'gone@example.org'")
    site.add("archive", id=1, username="old@example.org")

    found = noted("vimbadmin", *site.arguments)
    assert found["mailboxes-being-deleted"] == ["gone@example.org"]
    assert found["archives-left-out"] == ["old@example.org"]
