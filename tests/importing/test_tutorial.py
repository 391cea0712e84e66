import pytest

from accounts.passwords import hash_password
from tests.importing import databases, stored
from tests.importing.tutorial import Site

PLACE = ["--home", "/var/vmail/%d/%n", "--mail", "maildir:~/Maildir"]


@pytest.fixture
def site(tmp_path, password):
    return Site(databases.in_file(tmp_path), hash_password(password))


def test_everything_comes_along(run, site):
    status, report = run("tutorial", *site.arguments, *PLACE)

    assert (status, report["findings"], report["proof"]["differences"]) == (0, [], [])
    assert stored.mailboxes("password", "quota", "maildir") == {
        "ann@example.org": (site.secret, 0, "example.org/ann/"),
        "bob@example.com": (site.secret, 1_000_000, "example.com/bob/"),
    }
    assert stored.aliases() == {
        "@example.com": ["bob@example.com"],
        "info@example.org": ["ann@example.org", "bob@example.com"],
    }
    assert stored.forwardings() == {"ann@example.org": ["ann@example.org", "ann@elsewhere.test"]}


def test_without_a_column_for_the_quota_there_is_no_limit(run, site):
    site.run("ALTER TABLE virtual_users DROP COLUMN quota")
    run("tutorial", *site.arguments, *PLACE)

    assert set(stored.mailboxes("quota").values()) == {0}


def test_the_scheme_of_its_dovecot_is_said_on_the_command_line(run, site):
    site.user(9, "old@example.org", password="5f4dcc3b5aa765d61d8327deb882cf99")
    run("tutorial", *site.arguments, *PLACE, "--scheme", "plain-md5")

    found = stored.mailboxes("password")["old@example.org"]
    assert found == "{PLAIN-MD5}5f4dcc3b5aa765d61d8327deb882cf99"


def test_where_mail_lies_is_not_guessed(noted, site):
    assert noted("tutorial", *site.arguments) == {
        "directories-new": ["ann@example.org", "bob@example.com"]
    }


def test_an_alias_to_a_program_is_a_persons_to_decide(refused, site):
    site.add("virtual_aliases", id=9, domain_id=1, source="x@example.org", destination="|/bin/x")

    assert refused("tutorial", *site.arguments, *PLACE) == {
        "targets-refused-here": ["x@example.org to |/bin/x"]
    }
