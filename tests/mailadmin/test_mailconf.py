"""manage.py mailconf: what it writes, and what it refuses to overwrite."""

import re
import stat
import subprocess
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from domains import main_cf
from domains.models import WrittenBlock
from mailadmin import mailconf, shipped
from mailboxes.models import Mailbox
from tests.servers.certificate import certify
from tests.servers.processes import find

MYSQL = {
    "ENGINE": "django.db.backends.mysql",
    "NAME": "panel",
    "HOST": "",
    "PORT": "",
    "OPTIONS": {},
}
PASSWORDS = {"postfix": "postfix-secret", "dovecot": "dovecot-secret", "signer": "signer-secret"}


@pytest.fixture
def run(db, tmp_path, monkeypatch):
    """Run the command into a new directory, on a database of MariaDB at the default socket."""
    for name, value in MYSQL.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    monkeypatch.setattr(shipped, "postfix_here", lambda: "3.7.9")

    def run(*options):
        output = StringIO()
        call_command("mailconf", str(tmp_path / "out"), *options, stdout=output)
        return output.getvalue()

    return run


def files_in(directory):
    return {
        str(path.relative_to(directory)): path.read_text()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_writes_every_file_of_deploy_filled_in(run, tmp_path, settings):
    settings.MAIL_HOSTNAME = "mx.example.net"

    output = run()

    written = files_in(tmp_path / "out")
    assert {
        "postfix/main.cf",
        "postfix/master.cf",
        "postfix/alias.cf",
        "postfix/database.cf",
        "postfix/domains.cf",
        "postfix/login.cf",
        "postfix/mailbox.cf",
        "postfix/sender_login.cf",
        "dovecot/2.3/dovecot.conf",
        "dovecot/2.4/dovecot.conf",
        "mariadb/grants.sql",
        "mariadb/undeliverable-targets.sql",
        "nginx/mailadmin.conf",
        "systemd/mailadmin.service",
        "systemd/mailadmin-snapshot.timer",
        "README.md",
    } <= written.keys()
    assert [name for name, text in written.items() if shipped.MARKER.search(text)] == []
    assert "myhostname = mx.example.net\n" in written["postfix/main.cf"]
    assert "hosts = unix:/run/mysqld/mysqld.sock\n" in written["postfix/alias.cf"]
    assert "dbname = panel\n" in written["postfix/alias.cf"]
    assert f"{len(written) - 1} of {len(written) - 1} files" in output


def test_every_map_named_in_main_cf_is_written(run, tmp_path):
    run(*(f"--{block}" for block in main_cf.BLOCKS))

    main = (tmp_path / "out/postfix/main.cf").read_text()
    named = set(re.findall(r"proxy:mysql:/etc/postfix/sql/(\w+\.cf)", main))
    written = {path.name for path in (tmp_path / "out/postfix").iterdir()}
    assert named == written - {"main.cf", "master.cf"}


def test_nobody_else_may_read_the_passwords(run, tmp_path):
    run()

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").rglob("*")}
    assert modes.pop(tmp_path / "out" / shipped.STATE_NAME) == 0o600
    assert set(modes.values()) == {0o640, 0o750}


def test_each_program_gets_its_own_password_and_keeps_it(run, tmp_path):
    run()
    first = files_in(tmp_path / "out")
    run("--hostname", "other.example.net")
    second = files_in(tmp_path / "out")

    def secret(files, name, pattern):
        return re.search(pattern, files[name])[1]

    postfix = secret(first, "postfix/alias.cf", r"password = (\w{40})\n")
    dovecot = secret(first, "dovecot/2.4/dovecot.conf", r"password = (\w{40})\n")
    assert postfix != dovecot
    assert postfix == secret(second, "postfix/alias.cf", r"password = (\w+)\n")
    assert f"password={dovecot}\n" in second["dovecot/2.3/mailadmin-sql.conf.ext"]
    assert f"IDENTIFIED BY '{postfix}'" in second["mariadb/grants.sql"]


def test_a_second_run_changes_nothing(run, tmp_path):
    run()
    before = files_in(tmp_path / "out")

    output = run()

    assert files_in(tmp_path / "out") == before
    assert "0 of" in output


def test_shows_the_difference_without_passwords(run, tmp_path):
    run()

    output = run("--hostname", "other.example.net", "--postfix-version", "3.10")

    assert "-myhostname = mail.example.org\n+myhostname = other.example.net\n" in output
    assert "+retry_interval = 2\n" in output
    assert "********" in output
    assert not re.search(r"\b[0-9a-f]{40}\b", output)


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


def test_refuses_to_overwrite_a_file_that_was_changed(run, tmp_path):
    run()
    changed = tmp_path / "out/postfix/main.cf"
    changed.write_text(changed.read_text() + "relayhost = [smart.example.net]\n")
    before = files_in(tmp_path / "out")

    with pytest.raises(CommandError, match=r"changed since: postfix/main\.cf"):
        run("--hostname", "other.example.net")
    assert files_in(tmp_path / "out") == before

    output = run("--hostname", "other.example.net", "--force")
    assert "-relayhost = [smart.example.net]" in output
    assert "relayhost" not in changed.read_text()


def test_refuses_to_overwrite_a_file_it_did_not_write(run, tmp_path):
    foreign = tmp_path / "out/dovecot/2.3/dovecot.conf"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("protocols = imap\npassword=hunter2\n")

    with pytest.raises(CommandError, match="Nothing was written"):
        run()

    assert files_in(tmp_path / "out") == {
        "dovecot/2.3/dovecot.conf": "protocols = imap\npassword=hunter2\n"
    }


def test_a_dry_run_shows_and_writes_nothing(run, tmp_path):
    foreign = tmp_path / "out/postfix/main.cf"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("relayhost = x\npassword = hunter2\n")

    output = run("--dry-run")

    assert "-relayhost = x\n" in output
    assert "hunter2" not in output
    assert files_in(tmp_path / "out") == {"postfix/main.cf": foreign.read_text()}


@pytest.mark.parametrize(
    ("options", "fields", "blocks"),
    [
        ([], {}, set()),
        ([], {"backupmx": True}, {"backup-mx"}),
        ([], {"transport": "smtp:[192.0.2.7]"}, {"transport"}),
        ([], {"backupmx": True, "verify_recipients": True}, {"backup-mx", "verify-recipients"}),
        (["--no-backup-mx"], {"backupmx": True}, set()),
        (["--backup-mx", "--transport"], {}, {"backup-mx", "transport"}),
    ],
)
def test_what_a_domain_needs_of_main_cf_comes_when_a_domain_needs_them(
    run, tmp_path, add_domain, options, fields, blocks
):
    add_domain("example.org", **fields)

    run(*options)

    main = (tmp_path / "out/postfix/main.cf").read_text()
    assert set(re.findall(r"^# BEGIN (.*)$", main, re.MULTILINE)) == blocks | {
        "no-dane",
        "unsigned",
    }
    assert ("\nrelay_domains = " in main) is ("backup-mx" in blocks)
    assert ("\ntransport_maps = " in main) is ("transport" in blocks)
    assert main.count("relay_recipients.cf") == ("verify-recipients" in blocks)
    assert set(WrittenBlock.objects.values_list("pk", flat=True)) == blocks


def test_a_dry_run_leaves_what_the_pages_say_of_main_cf(run, add_domain):
    add_domain("example.org", backupmx=True)

    run("--dry-run")

    assert not WrittenBlock.objects.exists()


@pytest.mark.parametrize(
    ("password", "options", "weak"),
    [
        (None, [], False),
        ("{SHA512-CRYPT}$6$x", [], False),
        ("$6$x$y", [], False),
        ("{BLF-CRYPT}$2y$05$x", [], False),
        ("$1$x$y", [], True),
        ("{MD5-CRYPT}$1$x$y", [], True),
        ("{SSHA}x", [], True),
        ("{PLAIN-MD5}x", [], True),
        ("$1$x$y", ["--no-weak-hashes"], False),
        (None, ["--weak-hashes"], True),
    ],
)
def test_dovecot_2_4_takes_weak_hashes_if_a_mailbox_has_one(
    run, tmp_path, add_domain, add_mailbox, password, options, weak
):
    if password:
        add_domain("example.org")
        Mailbox.objects.filter(pk=add_mailbox("ann@example.org").pk).update(password=password)

    run(*options)

    written = (tmp_path / "out/dovecot/2.4/dovecot.conf").read_text()
    assert ("\nauth_allow_weak_schemes = yes\n" in written) is weak


@pytest.mark.parametrize(
    ("database", "hosts", "connect"),
    [
        ({}, "unix:/run/mysqld/mysqld.sock", "host=/run/mysqld/mysqld.sock dbname"),
        ({"HOST": "localhost"}, "unix:/run/mysqld/mysqld.sock", "host=/run/mysqld/mysqld.sock db"),
        ({"HOST": "/tmp/x.sock"}, "unix:/tmp/x.sock", "host=/tmp/x.sock dbname"),
        ({"OPTIONS": {"unix_socket": "/tmp/y"}}, "unix:/tmp/y", "host=/tmp/y dbname"),
        ({"HOST": "127.0.0.1"}, "inet:127.0.0.1:3306", "host=127.0.0.1 port=3306 dbname"),
        ({"HOST": "127.0.0.1", "PORT": 3307}, "inet:127.0.0.1:3307", "port=3307 dbname"),
    ],
)
def test_the_connection_of_the_panel_is_that_of_the_daemons(database, hosts, connect):
    values = mailconf.marker_values({**MYSQL, **database}, PASSWORDS)

    assert values["POSTFIX_SQL_HOSTS"] == hosts
    assert connect in values["DOVECOT_SQL_CONNECT"]
    assert values["SQL_CLIENT"] == ("127.0.0.1" if "inet" in hosts else "localhost")
    two_four = shipped.render(values)["dovecot/2.4/dovecot.conf"]
    assert ("\n  port = " in two_four) is ("inet" in hosts)


def test_a_database_elsewhere_asks_where_the_mail_server_is():
    database = {**MYSQL, "HOST": "db.example.net"}

    with pytest.raises(shipped.NotPossible, match="--sql-client"):
        mailconf.marker_values(database, PASSWORDS)

    values = mailconf.marker_values(database, PASSWORDS, SQL_CLIENT="192.0.2.25")
    assert "'mailadmin_postfix'@'192.0.2.25'" in shipped.render(values)["mariadb/grants.sql"]


CLUSTER = {"SQL_HOSTS": "192.0.2.1,192.0.2.2,192.0.2.3", "SQL_CLIENT": "192.0.2.25,192.0.2.26"}


def test_the_daemons_know_every_server_of_a_database_cluster():
    files = shipped.render(mailconf.marker_values(MYSQL, PASSWORDS, **CLUSTER))

    hosts = "hosts = inet:192.0.2.1:3306 inet:192.0.2.2:3306 inet:192.0.2.3:3306\n"
    maps = [name for name in files if re.fullmatch(r"postfix/(?!main|master)\w+\.cf", name)]
    assert len(maps) > 5
    assert [name for name in maps if hosts not in files[name]] == []
    connect = "connect = host=192.0.2.1 host=192.0.2.2 host=192.0.2.3 port=3306 dbname=panel "
    for name in ("mailadmin-sql.conf.ext", "mailadmin-dict-quota.conf.ext"):
        assert connect in files[f"dovecot/2.3/{name}"]
    servers = re.findall(
        r"^mysql (\S+) {\n(?:# .*\n)?  port = (\d+)\n(?:# .*\n)?  dbname = panel\n  user = mailadmin_dovecot\n"
        r"  password = dovecot-secret\n}$",
        files["dovecot/2.4/dovecot.conf"],
        re.MULTILINE,
    )
    assert servers == [(f"192.0.2.{n}", "3306") for n in (1, 2, 3)]


def test_every_mail_host_is_granted_what_the_first_is():
    grants = shipped.render(mailconf.marker_values(MYSQL, PASSWORDS, **CLUSTER))[
        "mariadb/grants.sql"
    ]

    first, second = (
        re.findall(rf".*'(mailadmin_\w+)'@'{client}'.*", grants)
        for client in CLUSTER["SQL_CLIENT"].split(",")
    )
    assert first == second
    assert set(first) >= {"mailadmin_postfix", "mailadmin_dovecot"}


def test_dovecot_2_3_takes_one_port_for_all_servers():
    with pytest.raises(shipped.NotPossible, match="at the same port"):
        mailconf.marker_values(
            MYSQL, PASSWORDS, SQL_HOSTS="192.0.2.1,192.0.2.2:3307", SQL_CLIENT="192.0.2.25"
        )


def test_the_servers_of_a_cluster_ask_where_the_mail_server_is():
    with pytest.raises(shipped.NotPossible, match="--sql-client"):
        mailconf.marker_values(MYSQL, PASSWORDS, SQL_HOSTS="192.0.2.1,192.0.2.2")


@pytest.mark.parametrize(
    ("given", "sections"),
    [
        ({}, None),
        ({"PANELS": "192.0.2.11,192.0.2.12:8080"}, {"frontend panel", "backend panels"}),
        (CLUSTER, {"listen database"}),
        ({"PANELS": "192.0.2.11"} | CLUSTER, {"frontend panel", "listen database"}),
    ],
)
def test_haproxy_is_for_several_panels_or_several_database_servers(given, sections):
    files = shipped.render(mailconf.marker_values(MYSQL, PASSWORDS, **given))

    assert ("haproxy/haproxy.cfg" in files) is (sections is not None)
    if sections is None:
        return
    text = files["haproxy/haproxy.cfg"]
    found = set(
        re.findall(r"^(?:frontend panel|backend panels|listen database)$", text, re.MULTILINE)
    )
    assert sections <= found
    assert ("frontend panel" in found, "listen database" in found) == (
        "PANELS" in given,
        "SQL_HOSTS" in given,
    )


def test_haproxy_takes_what_is_written_without_a_word(tmp_path):
    given = {"PANELS": "192.0.2.11,192.0.2.12:8080", "HAPROXY_CERT": tmp_path / "panel.pem"}
    certify("mail.example.org", tmp_path / "cert.pem", tmp_path / "key.pem")
    pem = (tmp_path / "cert.pem").read_text() + (tmp_path / "key.pem").read_text()
    (tmp_path / "panel.pem").write_text(pem)
    files = shipped.render(mailconf.marker_values(MYSQL, PASSWORDS, **CLUSTER | given))
    (tmp_path / "haproxy.cfg").write_text(files["haproxy/haproxy.cfg"])

    command = [find("haproxy"), "-c", "-q", "-f", tmp_path / "haproxy.cfg"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_the_question_of_haproxys_check_is_the_one_that_stands_beside_it():
    text = (shipped.DEPLOY / "haproxy/haproxy.cfg").read_text()
    [(question, sent)] = re.findall(r"    # (SELECT .*)\n    tcp-check send-binary (\w+)\n", text)

    packet = bytes.fromhex(sent)
    assert packet[5:].decode() == question
    assert (int.from_bytes(packet[:3], "little"), packet[3:5]) == (len(packet) - 4, b"\0\3")


@pytest.mark.parametrize(
    "given",
    [
        {"HOSTNAME": "mail.example.org; rm"},
        {"VMAIL_ROOT": "/var/v mail"},
        {"TLS_KEY": "key.pem"},
        {"POSTFIX_SQL_USER": "x'@'%"},
        {"VMAIL_UID": "-1"},
        {"VMAIL_UID": "0"},
        {"VMAIL_GID": "0"},
        {"MAPS": "/etc/postfix\nuser = root"},
    ],
)
def test_values_that_would_break_out_of_their_place_are_refused(given):
    with pytest.raises(shipped.NotPossible, match="cannot be used"):
        mailconf.marker_values(MYSQL, PASSWORDS, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"POSTFIX_SQL_USER": "mail_reader", "DOVECOT_SQL_USER": "mail_reader"},
        {"POSTFIX_SQL_USER": "panel"},
        {"DOVECOT_SQL_USER": "panel"},
        {"DOVECOT_SQL_USER": "root"},
        {"SIGNER_SQL_USER": "panel"},
        {"SIGNER_SQL_USER": "mailadmin_dovecot"},
    ],
)
def test_no_program_gets_the_rights_and_the_password_of_another(given):
    with pytest.raises(shipped.NotPossible, match="SQL user of their own"):
        mailconf.marker_values(MYSQL | {"USER": "panel"}, PASSWORDS, **given)


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


def test_what_rewrites_senders_and_the_helper_come_with_their_settings(run, tmp_path, settings):
    theirs = {"postfix/srs_own.cf", "postsrsd/postsrsd", "helper/mailbox.cf"}
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


def test_the_signer_of_a_cluster_asks_the_first_server_and_every_host_may():
    files = shipped.render(mailconf.marker_values(MYSQL, PASSWORDS, **CLUSTER), {"opendkim"})

    assert "@3306+192.0.2.1/panel/" in files["opendkim/opendkim.conf"]
    assert "'mailadmin_signer'@'192.0.2.26'" in files["mariadb/signer.sql"]


def test_sqlite_is_not_what_postfix_reads():
    with pytest.raises(shipped.NotPossible, match="DATABASE_URL"):
        mailconf.marker_values({"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}, PASSWORDS)


def test_a_damaged_memory_is_not_taken_for_an_empty_one(run, tmp_path):
    run()
    (tmp_path / "out" / shipped.STATE_NAME).write_text("{")

    with pytest.raises(CommandError, match="damaged"):
        run()


def test_no_option_takes_a_password():
    from mailadmin.management.commands.mailconf import Command

    text = Command().create_parser("manage.py", "mailconf").format_help()
    assert "--postfix-user" in text
    assert not re.search(r"--\S*(password|secret)", text)


def test_each_shipped_file_says_how_to_try_it():
    for path in [p for folder in shipped.FOLDERS for p in (shipped.DEPLOY / folder).rglob("*")]:
        if path.is_file() and path.name != "main.cf":
            assert "Try it:" in path.read_text(), path
