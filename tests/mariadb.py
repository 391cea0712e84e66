"""A private MariaDB: its own data in a temporary directory, gone when its owner is.

As a pytest plugin (``-p tests.mariadb``) it points DATABASE_URL there before Django reads its
settings; TEST_DATABASE=sqlite runs the tests in SQLite's memory instead.
``python -m tests.mariadb COMMAND ...`` runs a command with DATABASE_URL set likewise.
"""

import atexit
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.servers.processes import free_ports

NAME = "mailadmin"
START_SECONDS = 180
STOP_SECONDS = 60
PROGRAMS = os.environ.get("PATH", "") + ":/usr/sbin"  # where mariadbd is; not on a user's path

# What Debian's configuration files would say; --no-defaults leaves this machine's own out.
LIKE_DEBIAN = ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci"]
# The data need not survive a crash.
FAST = [
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-log-file-size=64M",
]


class MariaDB:
    """A server on 127.0.0.1, as a context manager or with start() and stop().

    ``options`` are mariadbd's and come after ours. With a ``directory`` the data is kept there
    and found again (for root, one that the user nobody can reach); the default is temporary.
    """

    def __init__(self, *options, directory=None):
        self.kept = directory is not None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="mailadmin-mariadb-"))
        # A starting server deletes what it takes for its own left-overs: not in a shared /tmp.
        self.options = [*LIKE_DEBIAN, *FAST, f"--tmpdir={self.directory}", *options]
        self.socket = self.directory / "mariadb.sock"
        self.log = self.directory / "mariadb.log"
        self.password = secrets.token_hex(16)
        self.port = None
        self.process = None

    @property
    def url(self):
        return f"mysql://{NAME}:{self.password}@127.0.0.1:{self.port}/{NAME}"

    def start(self):
        try:
            self._create()
            self._launch()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if not self.kept:
            shutil.rmtree(self.directory, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *exception):
        self.stop()

    def _create(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)  # Postfix's own user comes to the socket
        owner = _server_user()
        if owner:
            shutil.chown(self.directory, owner)
        if not (self.directory / "data" / "mysql").exists():
            options = ["--skip-test-db", f"--datadir={self.directory}/data"]
            if owner:
                options.append(f"--user={owner}")
            with self.log.open("w") as log:
                command = [_find("mariadb-install-db"), "--no-defaults", *options, *self.options]
                if subprocess.run(command, stdout=log, stderr=log).returncode:
                    raise self._failure()

    def _launch(self):
        # Before the server listens: a database, and the only account that has a password.
        users = self.directory / "init.sql"
        users.touch(mode=0o600)
        users.write_text(
            f"CREATE DATABASE IF NOT EXISTS {NAME};\n"
            f"CREATE OR REPLACE USER '{NAME}'@'%' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO '{NAME}'@'%' WITH GRANT OPTION;\n"
        )
        owner = _server_user()
        # The server ends with us even if we are killed. A change of user would undo that
        # wish, so setpriv changes it first.
        command = [_find("setpriv"), "--pdeathsig=TERM"]
        if owner:
            shutil.chown(users, owner)
            command += [f"--reuid={owner}", "--regid=nogroup", "--clear-groups"]
        [self.port] = free_ports(1)
        command += [
            *[_find("mariadbd"), "--no-defaults", "--bind-address=127.0.0.1"],
            *[f"--port={self.port}", f"--datadir={self.directory}/data"],
            *[f"--socket={self.socket}", f"--pid-file={self.directory}/mariadb.pid"],
            *[f"--init-file={users}", *self.options],
        ]
        with self.log.open("w") as log:
            # Its own session: Ctrl-C is for us, who still need the server to clean up.
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while "ready for connections" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise self._failure()
            time.sleep(0.05)

    def _failure(self):
        return RuntimeError(f"MariaDB did not start. Its log ends:\n{self.log.read_text()[-3000:]}")


def _server_user():
    """The user the server runs as when we are root, who should not run one; else None."""
    return "nobody" if os.geteuid() == 0 else None


def _find(program):
    path = shutil.which(program, path=PROGRAMS)
    if not path:
        raise RuntimeError(f"{program} is missing: run `make setup`, or TEST_DATABASE=sqlite.")
    return path


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around pytest-django's, which loads the settings
def pytest_load_initial_conftests():
    if "PYTEST_XDIST_WORKER" not in os.environ:  # workers inherit the controller's DATABASE_URL
        if os.environ.get("TEST_DATABASE") == "sqlite":
            os.environ["DATABASE_URL"] = "sqlite://:memory:"
        else:
            # `kill` ends a test run as Ctrl-C does: with its fixtures torn down.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            server = MariaDB().start()
            atexit.register(server.stop)
            os.environ["DATABASE_URL"] = server.url
    return (yield)


def main(command):
    if not command:
        sys.exit("Usage: python -m tests.mariadb COMMAND ...")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with MariaDB() as server:
        environment = {**os.environ, "DATABASE_URL": server.url}
        try:
            return subprocess.call(command, env=environment)
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
