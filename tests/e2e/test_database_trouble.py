import http.client
import re
import sqlite3
import subprocess
import tempfile
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import MySQLdb
import pytest

from tests.e2e.panel import Panel
from tests.mariadb import NAME, MariaDB
from tests.servers.processes import wait_until

pytestmark = pytest.mark.xdist_group("mail")

USER, PASSWORD = "panel", "letters-and-digits-1"
LOGIN = "root@example.org"
MOST = 10  # the least that MariaDB can be set to


class Database:
    def __init__(self, server):
        self.server = server
        self.url = f"mysql://{USER}:{PASSWORD}@127.0.0.1:{server.port}/{NAME}"

    def connect(self, url):
        parts = urlsplit(url)
        return closing(
            MySQLdb.connect("127.0.0.1", parts.username, parts.password, NAME, port=parts.port)
        )

    def execute(self, statement):
        with self.connect(self.server.url) as connection:
            connection.cursor().execute(statement)
            connection.commit()

    def ask(self, statement):
        with self.connect(self.server.url) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0]


@contextmanager
def panel_database(*options):
    with MariaDB(*options) as server:
        database = Database(server)
        database.execute(f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'")
        database.execute(f"GRANT ALL ON {NAME}.* TO '{USER}'@'%'")
        yield database


@pytest.fixture
def database():
    with panel_database() as database:
        yield database


@pytest.fixture
def panel(database, tmp_path):
    with panel_on(database.url, tmp_path) as panel:
        yield panel


@contextmanager
def panel_on(url, tmp_path):
    panel = Panel(url, tmp_path)
    panel.start()
    try:
        panel.password = re.search(
            r"Password: (\S+)", panel.manage("admin", "add", LOGIN, "--superadmin", "--generate")
        )[1]
        yield panel
    finally:
        panel.stop()


def visit(panel, path, values=None, cookie=""):
    """Return (status, headers, page) of one request: a POST with ``values``."""
    with closing(http.client.HTTPConnection("127.0.0.1", panel.port, timeout=60)) as connection:
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        body = None if values is None else urlencode(values)
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def hidden_fields(page):
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def sign_in(panel):
    _status, headers, page = visit(panel, "/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    fields = {"username": LOGIN, "password": panel.password, "csrfmiddlewaretoken": token}
    status, headers, _page = visit(
        panel, "/login/", fields, headers["Set-Cookie"].partition(";")[0]
    )
    cookies = headers.get_all("Set-Cookie", [])
    return status, "; ".join(line.partition(";")[0] for line in cookies)


def test_without_a_free_connection_the_panel_says_so_and_goes_on_afterwards(panel, database):
    database.execute(f"SET GLOBAL max_connections = {MOST}")
    with ExitStack() as others:
        for _connection in range(MOST):
            others.enter_context(database.connect(database.url))

        assert visit(panel, "/healthz")[0] == 503
        assert sign_in(panel)[0] == 503

    assert visit(panel, "/healthz")[0] == 200
    assert sign_in(panel)[0] == 302


def test_while_the_database_takes_no_changes_pages_are_read(panel, database):
    _status, session = sign_in(panel)
    database.execute("SET GLOBAL read_only = ON")

    assert visit(panel, "/", cookie=session)[0] == 200
    assert sign_in(panel)[0] == 503

    database.execute("SET GLOBAL read_only = OFF")
    assert sign_in(panel)[0] == 302


@contextmanager
def mariadb_without_room():
    """All tables in one file that may not grow: MariaDB 10.11 may end itself on a disk that is full."""
    options = [
        "--innodb-file-per-table=0",
        "--innodb-data-file-path=ibdata1:12M:autoextend:max:40M",
    ]
    with panel_database(*options) as database:

        def fill():
            database.execute(f"CREATE TABLE {NAME}.filler (text TEXT) ENGINE=InnoDB")
            with suppress(MySQLdb.OperationalError):
                while True:
                    database.execute(f"INSERT INTO {NAME}.filler VALUES (REPEAT('x', 7000))")

        def make_room():
            database.execute(f"DROP TABLE {NAME}.filler")

        yield database.url, database.ask, fill, make_room


@contextmanager
def sqlite_on_a_full_disk():
    """A file system of its own, with 160 MB."""
    with tempfile.TemporaryDirectory(prefix="mailadmin-disk-") as directory:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160M", "none", directory], check=True)
        file, filler = f"{directory}/panel.sqlite3", Path(directory, "filler")

        def ask(statement):
            with closing(sqlite3.connect(file)) as connection:
                return connection.execute(statement).fetchone()[0]

        def fill():
            with filler.open("wb", buffering=0) as blocks, suppress(OSError):
                while True:
                    blocks.write(b"x" * 4096)

        try:
            yield f"sqlite:///{file}", ask, fill, filler.unlink
        finally:
            subprocess.run(["umount", directory], check=True)


@pytest.mark.parametrize("database_in", [mariadb_without_room, sqlite_on_a_full_disk])
def test_without_room_nothing_is_half_saved(database_in, tmp_path):
    with database_in() as (url, ask, fill, make_room), panel_on(url, tmp_path) as panel:
        panel.manage("domain", "add", "example.org", "--aliases", "unlimited")
        _status, session = sign_in(panel)
        targets = "\n".join(f"a{number}@elsewhere.test" for number in range(100))

        def save(number):
            path = "/aliases/new/?domain=example.org"
            _status, _headers, page = visit(panel, path, cookie=session)
            fields = hidden_fields(page) | {"domain": "example.org", "targets": targets}
            fields["local_part"] = f"list-{number}"
            return visit(panel, path, fields, session)

        def stored():
            tables = ("alias", "alias_target", "log WHERE action = 'create_alias'")
            counted = [ask(f"SELECT COUNT(*) FROM {table}") for table in tables]
            return [*counted, ask("SELECT alias_rows FROM domain_usage")]

        assert save(0)[0] == 302
        fill()
        saved = 1
        while (answer := save(saved))[0] == 302:  # where a file has free pages of its own
            saved += 1

        assert answer[0] == 503
        assert "The database has no room left. Nothing was saved." in answer[2]
        assert f"list-{saved}" in answer[2]
        assert stored() == [saved, 100 * saved, saved, saved]
        assert visit(panel, "/aliases/?domain=example.org", cookie=session)[0] == 200

        make_room()
        # InnoDB gives the pages of a dropped table free a moment later.
        wait_until(lambda: save(saved)[0] == 302, "room for a row")
        assert stored() == [saved + 1, 100 * (saved + 1), saved + 1, saved + 1]
