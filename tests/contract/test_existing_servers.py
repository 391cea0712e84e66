"""Queries that servers already run against PostfixAdmin's tables, unchanged, by the real programs.

Their SQL user is an old one, with rights on whole tables.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from tests.contract.world import PASSWORD
from tests.servers.dovecot import Dovecot
from tests.servers.processes import ROOT, find

ANN = "ann@example.org"
fresh = count()
# The test processes share one database server.
USER, SECRET = f"old_{os.environ.get('PYTEST_XDIST_WORKER', 'server')}", "old-secret"

# postfixadmin.md names none of our files: these are DOCUMENTS/POSTFIX_CONF.txt and its variants.
ADDRESS_MAPS = {
    "alias": "SELECT goto FROM alias WHERE address='%s' AND active='1'",
    "alias, true": "SELECT goto FROM alias WHERE address='%s' AND active = true",
    "alias domain": "SELECT goto FROM alias,alias_domain WHERE alias_domain.alias_domain='%d' and"
    " alias.address=CONCAT('%u','@',alias_domain.target_domain) AND alias.active='1'"
    " AND alias_domain.active='1'",
    "alias domain catch-all": "SELECT goto FROM alias,alias_domain WHERE"
    " alias_domain.alias_domain='%d' and alias.address=CONCAT('@',alias_domain.target_domain)"
    " AND alias.active='1' AND alias_domain.active='1'",
    "mailbox": "SELECT maildir FROM mailbox WHERE username='%s' AND active='1'",
    "mailbox, true": "SELECT maildir FROM mailbox WHERE username='%s' AND active = true",
    "alias domain mailbox": "SELECT maildir FROM mailbox,alias_domain WHERE"
    " alias_domain.alias_domain='%d' and mailbox.username=CONCAT('%u','@',alias_domain.target_domain)"
    " AND mailbox.active='1' AND alias_domain.active='1'",
    "sender login": "SELECT username FROM mailbox WHERE username='%s' AND active='1'",
    "mailbox limit": "SELECT quota FROM mailbox WHERE username='%s' AND active='1'",
    "mailbox limit, any": "SELECT quota FROM mailbox WHERE username='%s'",
}
DOMAIN_MAPS = {
    "domains": "SELECT domain FROM domain WHERE domain='%s' AND active='1'",
    "domains, no backup": "SELECT domain FROM domain WHERE domain='%s' AND backupmx='0' AND active='1'",
    "domains, false": "SELECT domain FROM domain WHERE domain='%s' AND backupmx = false AND active = true",
    "domains, not relayed": "SELECT domain FROM domain WHERE domain='%s' AND active='1'"
    " AND NOT (transport LIKE 'smtp%%' OR transport LIKE 'relay%%')",
    "relay domains": "SELECT domain FROM domain WHERE domain='%s' AND active='1'"
    " AND (transport LIKE 'smtp%%' OR transport LIKE 'relay%%')",
    "backup mx": "SELECT domain FROM domain WHERE domain='%s' AND backupmx='1'",
    "transport": "SELECT REPLACE(transport,'virtual',':') AS transport FROM domain WHERE domain='%s'"
    " AND active='1'",
}


@pytest.fixture(scope="module", autouse=True)
def world(empty_world, mail_server):
    world = empty_world
    world.domain("example.org")
    world.mailbox("ann@example.org", quota=10_240_000)
    world.mailbox("closed@example.org", active=False)
    world.mailbox("reader@example.org", smtp_active=False)
    world.alias("sales@example.org", "ann@example.org", "joe@elsewhere.test")
    world.alias("@example.org", "ann@example.org")
    world.domain("alias.example")
    world.alias_domain("alias.example", "example.org")
    world.domain("backup.example", backupmx=True)
    world.domain("smart.example", transport="relay:[192.0.2.7]")
    name = mail_server.database["NAME"]
    mail_server.execute(f"DROP USER IF EXISTS {USER}@'127.0.0.1'")
    mail_server.execute(f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{SECRET}'")
    mail_server.execute(f"GRANT SELECT ON `{name}`.* TO {USER}@'127.0.0.1'")
    yield world
    mail_server.execute(f"DROP USER {USER}@'127.0.0.1'")


@pytest.fixture(scope="module")
def ask(mail_server, tmp_path_factory):
    """Ask postmap with an old server's .cf; return the answer, None for "not found"."""
    folder = tmp_path_factory.mktemp("old")
    (folder / "main.cf").write_text("compatibility_level = 3.6\n")
    os.utime(folder / "main.cf", (0, 0))

    def ask(query, key, user=USER):
        table = folder / "table.cf"
        table.write_text(
            f"user = {user}\npassword = {SECRET}\ndbname = {mail_server.database['NAME']}\n"
            f"hosts = inet:127.0.0.1:{mail_server.database['PORT']}\nquery = {query}\n"
        )
        os.utime(table, (0, 0))  # Postfix waits two seconds for a file that changed just now
        command = [find("postmap"), "-c", folder, "-q", key, f"mysql:{table}"]
        run = subprocess.run(command, capture_output=True, text=True)
        assert not run.stderr
        return run.stdout.strip() or None

    return ask


@pytest.mark.parametrize(
    ("name", "key", "answer"),
    [
        ("alias", "sales@example.org", "ann@example.org,joe@elsewhere.test"),
        # Each mailbox has a row of its own: here it keeps a catch-all away.
        ("alias", "ann@example.org", "ann@example.org"),
        ("alias", "closed@example.org", None),
        ("alias", "@example.org", "ann@example.org"),
        ("alias, true", "sales@example.org", "ann@example.org,joe@elsewhere.test"),
        ("alias, true", "closed@example.org", None),
        ("alias domain", "sales@alias.example", "ann@example.org,joe@elsewhere.test"),
        ("alias domain", "ann@alias.example", "ann@example.org"),
        ("alias domain", "nobody@alias.example", None),
        ("alias domain catch-all", "nobody@alias.example", "ann@example.org"),
        ("mailbox", "ann@example.org", "example.org/ann/"),
        ("mailbox", "closed@example.org", None),
        ("mailbox, true", "ann@example.org", "example.org/ann/"),
        ("mailbox, true", "closed@example.org", None),
        ("alias domain mailbox", "ann@alias.example", "example.org/ann/"),
        ("sender login", "ann@example.org", "ann@example.org"),
        ("sender login", "sales@example.org", None),
        ("mailbox limit", "ann@example.org", "10240000"),
        ("mailbox limit, any", "closed@example.org", "0"),
    ],
)
def test_maps_of_addresses(ask, name, key, answer):
    assert ask(ADDRESS_MAPS[name], key) == answer


@pytest.mark.parametrize(
    ("name", "served"),
    [
        ("domains", {"example.org", "alias.example", "backup.example", "smart.example"}),
        ("domains, no backup", {"example.org", "alias.example", "smart.example"}),
        ("domains, false", {"example.org", "alias.example", "smart.example"}),
        ("domains, not relayed", {"example.org", "alias.example", "backup.example"}),
        ("relay domains", {"smart.example"}),
        ("backup mx", {"backup.example"}),
    ],
)
def test_maps_of_domains(ask, name, served):
    names = ["example.org", "alias.example", "backup.example", "smart.example", "elsewhere.test"]

    assert {key for key in names if ask(DOMAIN_MAPS[name], key)} == served


def test_the_transport_map(ask):
    assert ask(DOMAIN_MAPS["transport"], "example.org") == ":"
    assert ask(DOMAIN_MAPS["transport"], "smart.example") == "relay:[192.0.2.7]"


@pytest.mark.parametrize("name", [*ADDRESS_MAPS, *DOMAIN_MAPS])
def test_a_foreign_name_never_stops_the_server(ask, name):
    """PostfixAdmin's latin1 columns make these look-ups fail, and then all others for a minute."""
    query = {**ADDRESS_MAPS, **DOMAIN_MAPS}[name]

    for key in ["поль@example.org", "jösé@alias.example", "😀@пример.рф", "пример.рф"]:
        answer = ask(query, key)
        # The catch-all of an alias domain asks for the domain alone.
        assert answer is None or (name, key) == ("alias domain catch-all", "jösé@alias.example")


EXPIRY = "AND (m.password_expiry > now() or d.password_expiry = 0)"
PASSWORD_QUERIES = {
    "documented": "SELECT username AS user,password FROM mailbox WHERE username='%u' AND active='1'",
    "with home": "SELECT username as user, password, '/home/vmail/%u' as userdb_home,"
    " 'maildir:/home/vmail/%u' as userdb_mail, 5000 as userdb_uid, 5000 as userdb_gid"
    " FROM mailbox WHERE username = '%u' AND active = '1'",
    "smtp_active": "SELECT username AS user,password FROM mailbox WHERE username='%u'"
    " AND (('%s'='smtp' AND smtp_active='1') OR ('%s'<>'smtp' AND active='1'))",
    "expiry": "SELECT m.username AS user, m.password FROM mailbox m, domain d WHERE m.username='%u'"
    f" AND m.domain=d.domain AND m.active='1' {EXPIRY}",
}
USER_QUERIES = {
    "documented": "SELECT CONCAT('/var/mail/vmail/',maildir) AS home, 1001 AS uid, 1001 AS gid,"
    " CONCAT('*:bytes=',quota) AS quota_rule FROM mailbox WHERE username='%u' AND active='1'",
    "dirsize": "SELECT '/home/vmail/%u' as home, 'maildir:/home/vmail/%u' as mail, 5000 AS uid,"
    " 5000 AS gid, concat('dirsize:storage=', quota) AS quota FROM mailbox"
    " WHERE username = '%u' AND active = '1'",
    "2.4": "SELECT '/var/vmail/%d/%n' AS home, 150 AS uid, 12 AS gid,"
    " CONCAT(quota,'B') AS quota_storage_size FROM mailbox WHERE username='%u' AND active='1'",
}


@pytest.fixture
def old_dovecot(mail_server):
    made = []

    def make(password_query, user_query, user=USER):
        folder = mail_server.directory / f"old{next(fresh)}"
        files = folder / "files"
        files.mkdir(parents=True)
        files.joinpath("dovecot.conf").write_text(
            "protocols = imap pop3\nfirst_valid_uid = 100\nmail_location = maildir:~/Maildir\n"
            f"ssl_cert = <{mail_server.certificate}\nssl_key = <{mail_server.key}\n"
            f"passdb {{\n  driver = sql\n  args = {folder}/dovecot/sql.ext\n}}\n"
            f"userdb {{\n  driver = sql\n  args = {folder}/dovecot/sql.ext\n}}\n"
        )
        files.joinpath("sql.ext").write_text(
            "driver = mysql\n"
            f"connect = host=127.0.0.1 port={mail_server.database['PORT']}"
            f" dbname={mail_server.database['NAME']} user={user} password={SECRET}\n"
            f"password_query = {password_query}\nuser_query = {user_query}\n"
            "iterate_query = SELECT username as user FROM mailbox WHERE active='1'\n"
        )
        server = Dovecot(folder, files)
        server.install()
        made.append(server)
        server.start()
        return server

    yield make
    with ThreadPoolExecutor() as together:  # each takes a second
        list(together.map(Dovecot.stop, made))


def test_dovecot_queries(old_dovecot):
    homes = {}
    for (name, password_query), user_query in zip(
        PASSWORD_QUERIES.items(), [*USER_QUERIES.values(), USER_QUERIES["documented"]], strict=True
    ):
        dovecot = old_dovecot(password_query, user_query)
        assert dovecot.may_log_in(ANN, PASSWORD)
        assert not dovecot.may_log_in("closed@example.org", PASSWORD)
        assert dovecot.may_log_in("reader@example.org", PASSWORD, "smtp") is (name != "smtp_active")
        homes[name] = dovecot.user(ANN)
        assert sorted(dovecot.doveadm("user", "*").split()) == [ANN, "reader@example.org"]

    assert homes["documented"]["home"] == "/var/mail/vmail/example.org/ann/"
    assert homes["documented"]["quota_rule"] == "*:bytes=10240000"
    assert homes["with home"]["quota"] == "dirsize:storage=10240000"
    assert homes["smtp_active"]["quota_storage_size"] == "10240000B"


def in_the_readme(pattern):
    """The one place in README.md that matches, as a program reads it: without line ends."""
    [found] = re.findall(pattern, (ROOT / "README.md").read_text(), re.DOTALL)
    return " ".join(found.replace("\\\n", " ").split())


@pytest.fixture
def reader(mail_server, world):
    world.domain("off.example")
    world.mailbox("eve@off.example")
    world.raw("domain", "off.example", active=False)
    mail_server.execute("DELETE FROM alias WHERE address = 'closed@example.org'")
    mail_server.execute("UPDATE alias SET active = 0 WHERE address = 'reader@example.org'")
    statements = in_the_readme(r"```sql\n(CREATE USER mail_reader.*?)```")
    statements = statements.replace("mail_reader@localhost", f"{USER}_readme@'127.0.0.1'")
    statements = statements.replace("'…'", f"'{SECRET}'")
    statements = statements.replace("ON mail.", f"ON `{mail_server.database['NAME']}`.")
    for statement in statements.strip(";").split(";"):
        mail_server.execute(statement)
    yield f"{USER}_readme"
    mail_server.execute(f"DROP USER {USER}_readme@'127.0.0.1'")


def test_the_lines_of_the_readme(ask, old_dovecot, reader):
    maps = {
        name: in_the_readme(rf"# {name}\.cf\nquery = (.*?)\n(?:#|```)")
        for name in ("domains", "alias", "mailbox")
    }

    def answer(name, key):
        return ask(maps[name], key, reader)

    assert answer("domains", "example.org") == "example.org"
    assert [answer("domains", f"{name}.example") for name in ("off", "backup")] == [None, None]
    # The mailbox wins over the catch-all, also without a row of its own in alias.
    for key in (ANN, "reader@example.org"):
        assert answer("alias", key) == key
    assert answer("alias", "sales@example.org") == f"{ANN},joe@elsewhere.test"
    assert answer("alias", "@example.org") == ANN
    assert answer("alias", "closed@example.org") is None
    assert answer("mailbox", ANN) == "example.org/ann/"
    assert answer("mailbox", "closed@example.org") is None

    queries = [
        in_the_readme(rf"\n{name} = ((?:[^\n]*\\\n)*[^\n]*)\n")
        for name in ("password_query", "user_query")
    ]
    dovecot = old_dovecot(*queries, reader)
    assert dovecot.may_log_in(ANN, PASSWORD)
    assert not dovecot.may_log_in("closed@example.org", PASSWORD)
    assert not dovecot.may_log_in("eve@off.example", PASSWORD)
    assert not dovecot.may_log_in("reader@example.org", PASSWORD, "smtp")
    assert dovecot.user(ANN)["home"] == "/var/vmail/example.org/ann/"
    assert dovecot.user(ANN)["quota_rule"] == "*:bytes=10240000"
