import re

import pytest
from django.core.management import CommandError

from mailadmin import shipped
from tests.mailadmin.written import files_in


def test_the_webmails_files_come_with_its_name(run, tmp_path, settings):
    settings.WEBMAIL_SECRET = "s" * 40
    run()
    assert not any(name.startswith("roundcube/") for name in files_in(tmp_path / "out"))

    run("--webmail-host", "webmail.example.org", "--no-sieve")
    plain = files_in(tmp_path / "out")
    shown = run("--webmail-host", "webmail.example.org", "--sieve", "--hostname", "b.example.net")
    files = files_in(tmp_path / "out")

    assert "server_name webmail.example.org;\n" in files["roundcube/nginx.conf"]
    assert "unix(/run/mysqld/mysqld.sock)/roundcube'" in files["roundcube/config.inc.php"]
    assert "'mailadmin_secret'] = '" + "s" * 40 in files["roundcube/config.inc.php"]
    assert "'managesieve'" in files["roundcube/config.inc.php"]
    assert "managesieve" not in plain["roundcube/config.inc.php"]
    assert not re.search(r"\b[0-9a-f]{24,}\b|s{40}", shown)


def test_the_webmail_needs_a_secret(run, tmp_path):
    with pytest.raises(CommandError, match="set WEBMAIL_SECRET"):
        run("--webmail-host", "webmail.example.org")
    assert not (tmp_path / "out").exists()


NO_POSTFIX = "There is no Postfix on this machine: the files are for 3.7."


def test_filters_come_where_dovecot_has_them(run, tmp_path, monkeypatch):
    conf = tmp_path / "out/dovecot/2.3/dovecot.conf"
    monkeypatch.setattr(shipped, "sieve_here", lambda: False)
    run()
    without = conf.read_text()
    run("--sieve")
    asked_for = conf.read_text()
    run()
    back = conf.read_text()
    monkeypatch.setattr(shipped, "sieve_here", lambda: True)
    run()

    assert "protocols = $protocols sieve\n" in asked_for
    assert "sieve_before = /etc/dovecot/sieve/junk.sieve\n" in asked_for
    assert "sieve" not in without
    assert (back, conf.read_text()) == (without, asked_for)


@pytest.mark.parametrize("offered", [True, False])
def test_pop3_is_there_unless_it_is_switched_off(run, tmp_path, settings, offered):
    settings.POP3 = offered

    run()

    dovecot = tmp_path / "out/dovecot"
    assert ("imap pop3 lmtp" in (dovecot / "2.3/dovecot.conf").read_text()) is offered
    assert ("  pop3 = yes" in (dovecot / "2.4/dovecot.conf").read_text()) is offered


def test_old_mail_is_removed_after_the_days_that_were_said(run, tmp_path):
    run("--expunge-days", "30")

    unit = (tmp_path / "out/systemd/mailadmin-expunge.service").read_text()
    assert re.findall(r"^ExecStart=-?\S+ (.*)$", unit, re.MULTILINE) == [
        "expunge -A mailbox Trash savedbefore 30d",
        "expunge -A mailbox Junk savedbefore 30d",
    ]


@pytest.mark.parametrize(
    ("here", "options", "blocks"),
    [
        ("3.7.11", [], {"postfix-normalizes"}),
        ("3.7.9", [], set()),
        ("3.8.4", [], set()),
        ("3.8.5", [], {"postfix-normalizes"}),
        ("3.9.0", [], {"postfix-normalizes"}),
        ("3.10.13", [], {"postfix-3.10", "postfix-normalizes"}),
        ("3.11-20260101", [], {"postfix-3.10", "postfix-normalizes"}),
        ("4.0.1", [], {"postfix-3.10", "postfix-normalizes"}),
        ("3.10.13", ["--postfix-version", "3.7.9"], set()),
        ("3.7.9", ["--postfix-version", "3.10"], {"postfix-3.10", "postfix-normalizes"}),
        (None, [], {"postfix-normalizes"}),
        (None, ["--postfix-version", "3.10"], {"postfix-3.10", "postfix-normalizes"}),
    ],
)
def test_the_files_are_for_the_postfix_that_is_here(
    run, tmp_path, monkeypatch, here, options, blocks
):
    monkeypatch.setattr(shipped, "postfix_here", lambda: here)

    output = run(*options)

    written = "".join(files_in(tmp_path / "out").values())
    assert set(re.findall(r"^# BEGIN (postfix-.*)$", written, re.MULTILINE)) == blocks
    assert (NO_POSTFIX in output) is (here is None and not options)


@pytest.mark.parametrize(
    ("here", "directives"),
    [
        ("1.22.1", ["443 ssl http2", "[::]:443 ssl http2"]),
        ("1.25.0", ["443 ssl http2", "[::]:443 ssl http2"]),
        ("1.25.1", ["443 ssl", "[::]:443 ssl", "on"]),
        ("1.26.3", ["443 ssl", "[::]:443 ssl", "on"]),
        (None, ["443 ssl http2", "[::]:443 ssl http2"]),
    ],
)
def test_the_site_is_for_the_nginx_that_is_here(run, tmp_path, monkeypatch, here, directives):
    monkeypatch.setattr(shipped, "nginx_here", lambda: here)

    run()

    site = (tmp_path / "out/nginx/mailadmin.conf").read_text()
    assert (
        re.findall(r"^ +(?:listen|http2) (.*(?:443.*|on));$", site, re.MULTILINE) == 2 * directives
    )


def test_the_programs_are_asked_for_their_version(tmp_path, monkeypatch):
    for name, answer in {
        "postconf": '[ "$*" = "-dh mail_version" ] && echo 3.10.13 && echo warning: no master.cf >&2',
        "nginx": '[ "$*" = "-v" ] && echo nginx version: nginx/1.26.3 >&2',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert (shipped.postfix_here(), shipped.nginx_here()) == ("3.10.13", "1.26.3")


def test_what_is_no_version_is_refused(run):
    with pytest.raises(CommandError, match="is not a version of Postfix"):
        run("--postfix-version", "latest")


def test_the_signers_files_come_with_its_setting(run, tmp_path, settings):
    run()
    written = files_in(tmp_path / "out")
    assert [name for name in written if "opendkim" in name or "signer" in name] == []
    assert "\nsigning_milters =\n" in written["postfix/main.cf"]

    settings.DKIM_SIGNER = "opendkim"
    run("--force")

    written = files_in(tmp_path / "out")
    assert {"opendkim/opendkim.conf", "opendkim/setup.lua", "mariadb/signer.sql"} <= written.keys()
    assert "\nsigning_milters = inet:127.0.0.1:8891\n" in written["postfix/main.cf"]
    assert "signing_milters =\n" not in written["postfix/main.cf"]
    [password] = re.findall(r"IDENTIFIED BY '(\w{40})';\nGRANT", written["mariadb/signer.sql"])
    place = f"dsn:mysql://mailadmin_signer:{password}@3306+localhost/panel/"
    assert written["opendkim/opendkim.conf"].count(place) == 2
    assert password not in run("--hostname", "other.example.net", "--dry-run")


HELPERS = {"helper/mailbox.cf", "helper/directories.cf"}


def test_what_rewrites_senders_and_the_helper_come_with_their_settings(run, tmp_path, settings):
    theirs = {"postfix/srs_own.cf", "postsrsd/postsrsd", *HELPERS}
    run()
    assert theirs & files_in(tmp_path / "out").keys() == set()

    settings.SRS, settings.HELPER_SOCKET = True, "/run/mailadmin-helper/helper.sock"
    run("--force")

    written = files_in(tmp_path / "out")
    assert theirs <= written.keys()
    assert "SRS_DOMAIN=mail.example.org\n" in written["postsrsd/postsrsd"]
    assert (
        "proxy:mysql:/etc/postfix/sql/srs_own.cf, tcp:127.0.0.1:10001\n"
        in written["postfix/main.cf"]
    )
    assert "systemd/mailadmin-helper.socket" in written


@pytest.mark.parametrize(
    ("reports_to", "is_here"),
    [
        ("dmarc-reports@mail.example.org", True),
        ("DMARC-Reports@mail.example.org", True),
        ("boss@example.net", False),
        ("", False),
    ],
)
def test_reports_come_to_the_panel_if_its_address_is_named(
    reports_to, is_here, run, tmp_path, settings
):
    settings.REPORTS_TO = reports_to
    run("--hostname", "mail.example.net")
    files = files_in(tmp_path / "out")

    assert ("mailbox_transport_maps = inline:{ {dmarc-reports = reports:}, {dmarc = reports:} }" in files["postfix/main.cf"]) == is_here  # fmt: skip
    assert ("{dmarc-reports@mail.example.net = here}" in files["postfix/main.cf"]) == is_here
    assert f"alias_maps=inline:{{{{dmarc-reports={shipped.DEPLOY.parent}/var/reports/}}}}" in files["postfix/master.cf"]  # fmt: skip
    assert "default_privs=mailadmin" in files["postfix/master.cf"]
