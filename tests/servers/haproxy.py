import re

from tests.servers.processes import Process, answers, find, free_ports


class HAProxy:
    """Serves ``text``, a filled in deploy/haproxy/haproxy.cfg, on private ports.

    The panels are at ``panel_port`` (TLS, with ``certificate``), the database at ``sql_port``.
    """

    def __init__(self, directory):
        self.directory = directory
        self.conf = directory / "haproxy.cfg"
        self.plain_port, self.panel_port, self.sql_port = free_ports(3)
        self._process = Process(
            [find("haproxy"), "-db", "-f", self.conf], directory / "haproxy.log"
        )

    def start(self, text):
        for old, new in {
            r"bind :80$": f"bind 127.0.0.1:{self.plain_port}",
            r"bind :443 ": f"bind 127.0.0.1:{self.panel_port} ",
            r"log /dev/log local0": "log stdout format raw local0",
            r"    (user|group) haproxy\n": "",
            r"/run/haproxy/admin.sock": str(self.directory / "admin.sock"),
        }.items():
            text = re.sub(old, new, text, flags=re.MULTILINE)
        self.conf.write_text(text)
        port = self.panel_port if "frontend panel" in text else self.sql_port
        self._process.start(lambda: answers(port))

    def stop(self):
        self._process.stop()
