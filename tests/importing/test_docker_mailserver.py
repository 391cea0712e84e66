import pytest
from django.core.management.base import CommandError

from tests.importing import docker_mailserver, stored


@pytest.fixture
def config(tmp_path, secret):
    return docker_mailserver.config(tmp_path, secret)


def test_accounts_quotas_and_aliases_come_along(run, config):
    status, report = run("docker-mailserver", config)

    assert (status, report["findings"], report["proof"]["differences"]) == (0, [], [])
    assert stored.mailboxes("quota", "maildir") == {
        "ann@example.org": (2 * 1024**3, "example.org/ann/"),
        "bob@example.com": (0, "example.com/bob/"),
    }
    assert stored.aliases() == {
        "@example.com": ["bob@example.com"],
        "info@example.org": ["ann@example.org", "bob@example.com"],
    }
    assert stored.forwardings() == {"ann@example.org": ["ann@example.org", "ann@elsewhere.test"]}
    assert report["mail"] == {"root": "/var/mail", "mail_location": "maildir:~/"}


def test_what_it_has_besides_is_listed(refused, noted, config):
    (config / "postfix-regexp.cf").write_text("/^test[0-9]+@example.org/ ann@example.org\n")
    (config / "postfix-relaymap.cf").write_text("@example.org [smtp.example.net]:587\n")

    assert refused("docker-mailserver", config) == {
        "maps-left-out": ["/^test[0-9]+@example.org/ ann@example.org"]
    }
    assert noted("docker-mailserver", config)["files-left-out"] == [
        "postfix-relaymap.cf (relay hosts)"
    ]


def test_a_directory_without_accounts_is_none_of_it(run, tmp_path):
    with pytest.raises(CommandError, match=r"there is no postfix-accounts\.cf in it"):
        run("docker-mailserver", tmp_path)


def test_an_account_without_a_hash_is_listed(noted, config):
    (config / "postfix-accounts.cf").write_text("ann@example.org|\n")

    found = noted("docker-mailserver", config, "--accept", "differences")
    assert found["passwords-of-no-scheme"] == ["ann@example.org"]
