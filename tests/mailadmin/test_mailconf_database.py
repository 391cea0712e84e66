import re
import subprocess

import pytest

from mailadmin import mailconf, shipped
from tests.mailadmin.written import MYSQL, PASSWORDS
from tests.servers.certificate import certify
from tests.servers.processes import find

CLUSTER = {"SQL_HOSTS": "192.0.2.1,192.0.2.2,192.0.2.3", "SQL_CLIENT": "192.0.2.25,192.0.2.26"}


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


def test_the_signer_of_a_cluster_asks_the_first_server_and_every_host_may():
    files = shipped.render(mailconf.marker_values(MYSQL, PASSWORDS, **CLUSTER), {"opendkim"})

    assert "@3306+192.0.2.1/panel/" in files["opendkim/opendkim.conf"]
    assert "'mailadmin_signer'@'192.0.2.26'" in files["mariadb/signer.sql"]


def test_sqlite_is_not_what_postfix_reads():
    with pytest.raises(shipped.NotPossible, match="DATABASE_URL"):
        mailconf.marker_values({"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}, PASSWORDS)
