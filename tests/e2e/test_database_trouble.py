"""A database that takes no more connections, or no changes: 503 meanwhile, and afterwards as before."""

import http.client
import re
from contextlib import ExitStack, closing
from urllib.parse import urlencode, urlsplit

import MySQLdb
import pytest

from tests.e2e.panel import Panel
from tests.mariadb import NAME, MariaDB

pytestmark = pytest.mark.xdist_group("mail")

USER, PASSWORD = "panel", "letters-and-digits-1"
LOGIN = "root@example.org"
MOST = 10  # the least that MariaDB can be set to


class Database:
    """The server as its administrator, and as the panel's SQL user of docs/operations.md."""

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


@pytest.fixture
def database():
    with MariaDB() as server:
        database = Database(server)
        database.execute(f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'")
        database.execute(f"GRANT ALL ON {NAME}.* TO '{USER}'@'%'")
        yield database


@pytest.fixture
def panel(database, tmp_path):
    panel = Panel(database.url, tmp_path)
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


def sign_in(panel):
    """Return (status, the session's cookies)."""
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
