import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.pages import Samples
from tests.bench.peers import Checkout, peer
from tests.e2e.panel import Panel
from tests.mariadb import MariaDB
from tests.servers.processes import PROGRAMS, ROOT

# As on a host: nothing is lost when the machine fails, and the data fits into memory.
LIKE_A_HOST = [
    "--innodb-flush-method=fsync",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-doublewrite=1",
    "--innodb-log-file-size=1G",
]


class CountingPanel(Panel):
    def _write_settings(self, settings):
        super()._write_settings(settings)
        self._environment |= {
            "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
            "WEB_CONCURRENCY": "1",
        }


class Site:
    """``size`` mailboxes. With ``keep``, a directory, the database stays there for the next time.

    ``peer_name``: see peers.py.
    """

    def __init__(self, size, keep=None, peer_name=None):
        self.size = size
        self.temporary = tempfile.TemporaryDirectory(prefix="mailadmin-bench-")
        self.directory = Path(self.temporary.name)
        self.directory.chmod(0o755)  # postmap's and the database's users come in
        buffer_pool = f"--innodb-buffer-pool-size={max(256, size * 4_000 >> 20)}M"
        kept = Path(keep) / str(size) if keep else None
        self.database = MariaDB(*LIKE_A_HOST, buffer_pool, directory=kept)
        self.peer_name = peer_name
        self.servers = []
        self.sides = []  # what is measured: this checkout and, if there is one, its peer
        self.counting_port = None

    def __enter__(self):
        try:
            self.database.start()
            self.filled = self._fill()
            self.samples = Samples(**self.filled["samples"])
            self.counting_port = self._serve(self._panel(CountingPanel)).port
            self.sides.append(self._serve(Checkout(self)))
            if self.peer_name:
                self.sides.append(self._serve(peer(self, self.peer_name)))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        for server in reversed(self.servers):
            server.stop()
        self.database.stop()
        self.temporary.cleanup()

    def _panel(self, kind):
        directory = self.directory / kind.__name__
        directory.mkdir(exist_ok=True)
        # The throttle would take 4 clients for one that guesses.
        return kind(self.database.url, directory, LOGIN_FAILURES="1000")

    def _serve(self, server):
        self.servers.append(server)
        return server.start()

    def _fill(self):
        panel = self._panel(Panel)
        panel.manage("migrate", "--no-input", "-v", "0")
        self.manage = panel.manage
        self._environment = panel._environment | {"PATH": PROGRAMS}
        return self._told_by("fill", self.size)

    def measure_bulk(self, number):
        told = self._told_by("bulk", number)
        start = time.monotonic()
        self.manage("recount")
        return told | {"recount": time.monotonic() - start}

    def _told_by(self, module, number):
        command = [sys.executable, "-m", f"tests.bench.{module}", str(number)]
        run = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True
        )
        if run.returncode:
            raise RuntimeError(run.stderr[-3000:])
        return json.loads(run.stdout)
