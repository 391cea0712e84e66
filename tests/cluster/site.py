import re
import secrets
import shutil
import tempfile
from pathlib import Path

import environ

from mailadmin import mailconf, shipped
from tests.bench.browser import Browser
from tests.e2e.panel import Panel
from tests.mariadb import NAME
from tests.servers.certificate import certify
from tests.servers.galera import Cluster
from tests.servers.haproxy import HAProxy
from tests.servers.processes import answers, wait_until

HOST = "panel.example.com"
# The tests sign in as one person from one address, many times.
SETTINGS = {
    "ALLOWED_HOSTS": f"127.0.0.1,{HOST}",
    "LOGIN_FAILURES": "1000",
    "SRS": "False",
    "SECRET_KEY": secrets.token_urlsafe(48),  # one for all, or a session ends at the next panel
}


class Twin(Panel):
    def __init__(self, first, database_url, directory):
        super().__init__(database_url, directory, **SETTINGS)
        self._environment["STATIC_ROOT"] = first._environment["STATIC_ROOT"]

    def start(self):
        self._process.start(lambda: answers(self.port))
        return self


class Site:
    """``panels``: the first one saves on node 1, the second on node 2; ``lone`` has node 3 alone.

    ``front`` is the HAProxy before the two panels.
    """

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="mailadmin-cluster-"))
        self.directory.chmod(0o755)
        self.cluster = Cluster()
        self.nodes = self.cluster.nodes
        self.browsers = []
        self.balancers = [HAProxy(self._folder(f"haproxy{n}")) for n in (1, 2)]
        urls = [self._through(balancer.sql_port) for balancer in self.balancers]
        urls.append(self.nodes[2].database_url)
        self._all = [
            Panel(url, self._folder(f"panel{n}"), **SETTINGS) for n, url in enumerate(urls)
        ]
        *self.panels, self.lone = self._all
        self.front = self.balancers[0]

    def start(self):
        try:
            self.cluster.start()
            for node in self.nodes:
                node.execute("SET GLOBAL log_bin_trust_function_creators = 1")
                node.execute(f"CREATE USER IF NOT EXISTS haproxy@'{node.host}'")
                node.execute("CREATE USER IF NOT EXISTS haproxy@'127.0.0.1'")
            certify(HOST, self.certificate, self.directory / "key.pem")
            both = self.certificate.read_text() + (self.directory / "key.pem").read_text()
            (self.directory / "panel.pem").write_text(both)
            for number, balancer in enumerate(self.balancers):
                balancer.start(self._haproxy_file(number))
            for panel in self._all:
                panel.start()
            words = self._all[0].manage("firstrun")
            self.superadmin = re.search(r"Sign in as (\S+) with the password (\S+)", words).groups()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        for browser in self.browsers:
            browser.close()
        for part in [*self._all, *self.balancers, self.cluster]:
            part.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def certificate(self):
        return self.directory / "cert.pem"

    def sign_in(self, panel, *account):
        return self.stranger(panel).sign_in(*(account or self.superadmin))

    def stranger(self, panel):
        self.browsers.append(Browser(panel.port))
        return self.browsers[-1]

    def execute(self, statement, parameters=None, node=0):
        return self.nodes[node].execute(statement, parameters, database=NAME)

    def everywhere(self, statement, parameters=None):
        """Return what all nodes answer, once they agree."""

        def agreed():
            nodes = range(len(self.nodes))
            answers = {self.execute(statement, parameters, node) for node in nodes}
            return list(answers) if len(answers) == 1 else None

        return wait_until(agreed, f"the same answer of all nodes to {statement}")[0]

    def _folder(self, name):
        folder = self.directory / name
        folder.mkdir()
        return folder

    def _through(self, port):
        return self.nodes[0].database_url.replace(
            f"{self.nodes[0].host}:{self.cluster.port}", f"127.0.0.1:{port}"
        )

    def _haproxy_file(self, number):
        nodes = self.nodes[number:] + self.nodes[:number]
        values = mailconf.marker_values(
            environ.Env.db_url_config(self.nodes[0].database_url),
            {"postfix": "", "dovecot": ""},
            SQL_HOSTS=",".join(f"{node.host}:{node.port}" for node in nodes),
            PANELS=",".join(f"127.0.0.1:{panel.port}" for panel in self.panels),
            PANEL_HOST=HOST,
            HAPROXY_CERT=self.directory / "panel.pem",
            HAPROXY_SQL_PORT=self.balancers[number].sql_port,
        )
        return shipped.render(values)["haproxy/haproxy.cfg"]
