import contextlib
import re

import environ
import MySQLdb
import pytest

from tests.bench.browser import Browser
from tests.cluster.site import NAME
from tests.e2e.panel import Panel
from tests.mariadb import MariaDB
from tests.servers.processes import wait_until

UNAVAILABLE = 503


@pytest.fixture(scope="module")
def person(site):
    site.execute("INSERT INTO domain (domain) VALUES ('trouble.test')")
    return site.sign_in(site.lone)


@pytest.fixture
def health(site):
    stranger = site.stranger(site.lone)

    def ask():
        answer = stranger.get("/healthz")
        return answer.status, answer.body.decode().strip()

    yield ask
    wait_until(lambda: ask() == (200, "ok"), "the server is well again")


@pytest.fixture
def node(site):
    return site.nodes[2]


def new_alias(person, name, domain="trouble.test"):
    values = {"local_part": name, "domain": domain, "targets": "x@other.test", "active": "on"}
    return person.post("/aliases/new/", values)


@contextlib.contextmanager
def setting(node, name, value, well):
    node.execute(f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        node.execute(f"SET GLOBAL {name} = {well}")


def test_a_read_only_server_is_shown_but_not_changed(site, person, health, node):
    with setting(node, "read_only", 1, 0):
        assert health() == (UNAVAILABLE, "database read_only")
        assert person.get("/mailboxes/").status == 200
        answer = new_alias(person, "joe")
        assert answer.status == UNAVAILABLE
        assert (
            b"The database takes no changes now. Nothing was saved, try again later." in answer.body
        )
        assert b'value="joe"' in answer.body
        stranger = site.stranger(site.lone)
        stranger.get("/login/")
        login, password = site.superadmin
        sign_in = stranger.post("/login/", {"username": login, "password": password})
        assert sign_in.status == UNAVAILABLE
        assert b"The database takes no changes now" in sign_in.body

    assert site.execute("SELECT * FROM alias WHERE address = 'joe@trouble.test'") == ()
    assert new_alias(person, "joe").status == 302


def test_a_node_that_is_not_in_step_is_no_balancers_choice(health, node):
    with setting(node, "wsrep_desync", "ON", "OFF"):
        assert health() == (UNAVAILABLE, "database not_synced")


def test_a_node_cut_off_from_the_others_says_so(person, health, node):
    with setting(node, "wsrep_provider_options", "'gmcast.isolate=1'", "'gmcast.isolate=0'"):
        wait_until(
            lambda: node.status("wsrep_cluster_status") == "non-Primary", "the node is alone"
        )
        assert health() == (UNAVAILABLE, "database not_synced")
        answer = person.get("/mailboxes/")
        assert answer.status == UNAVAILABLE
        assert b"The database lost the rest of its cluster" in answer.body
        assert b"Mail is waiting, not lost" in answer.body


def test_a_connection_that_the_server_closed_is_not_seen_by_the_person(person, node):
    person.get("/mailboxes/")
    killed = 0
    listed = "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = %s"
    for (number,) in node.execute(listed, [NAME]):
        node.execute(f"KILL {number}")
        killed += 1

    assert killed > 0
    assert [person.get("/mailboxes/").status for _thread in range(8)] == [200] * 8
    assert new_alias(person, "closed").status == 302


def test_a_server_without_room_for_a_connection_says_so(site, person, health, node):
    """Ten is the least that MariaDB takes, and one more is for its administrator."""
    account = {"user": NAME, "password": site.cluster.passwords[NAME]}
    taken = []
    site.lone.stop()  # with its connections
    site.lone.start()
    with contextlib.closing(node.connect()) as keeper:
        keeper.query("SET GLOBAL max_connections = 10")
        try:
            with contextlib.suppress(MySQLdb.OperationalError):
                while len(taken) < 20:
                    taken += [MySQLdb.connect(host=node.host, port=node.port, **account)]
            assert health() == (UNAVAILABLE, "database too_many")
            answer = person.get("/mailboxes/")
            assert answer.status == UNAVAILABLE
            assert b"The database has too many connections" in answer.body
        finally:
            keeper.query("SET GLOBAL max_connections = 151")
            for connection in taken:
                connection.close()


def test_a_full_disk_loses_nothing_and_leaves_the_form_as_it_was(tmp_path):
    """One data file that may not grow stands for the disk."""
    small = ["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:24M:autoextend:max:32M"]
    with MariaDB(*small) as server:
        panel = Panel(server.url, tmp_path)
        try:
            panel.start()
            login, password = re.search(
                r"Sign in as (\S+) with the password (\S+)", panel.manage("firstrun")
            ).groups()
            person = Browser(panel.port).sign_in(login, password)
            database = environ.Env.db_url_config(server.url)
            with contextlib.closing(
                MySQLdb.connect(
                    host="127.0.0.1",
                    port=server.port,
                    user=database["USER"],
                    password=database["PASSWORD"],
                    database=database["NAME"],
                    autocommit=True,
                )
            ) as other:
                other.query("INSERT INTO domain (domain) VALUES ('full.test')")
                fill(other)
                answer = new_alias(person, "joe", "full.test")
                cursor = other.cursor()
                cursor.execute("SELECT COUNT(*) FROM alias")
                stored = cursor.fetchall()
            person.close()
        finally:
            panel.stop()

    assert answer.status == UNAVAILABLE
    assert b"The database has no room left. Nothing was saved." in answer.body
    assert b'value="joe"' in answer.body
    assert stored == ((0,),)


def fill(connection):
    for size in (60_000, 10_000, 1_000, 100, 1):
        with connection.cursor() as cursor, contextlib.suppress(MySQLdb.OperationalError):
            while True:
                cursor.execute(
                    "INSERT INTO log (timestamp, username, domain, action, data)"
                    " VALUES (NOW(), 'other', '', 'filler', %s)",
                    ["x" * size],
                )
