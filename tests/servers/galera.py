import contextlib
import re
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import MySQLdb

from tests.mariadb import FAST, LIKE_DEBIAN, NAME
from tests.servers.processes import Process, find, free_ports, wait_until

PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")
OWNER = "nobody"  # root should not run a database server
SYNCED = "4"
# A busy machine must not be taken for a lost node, so these are little less than Galera's own values.
QUICK = {
    "evs.keepalive_period": "PT0.3S",
    "evs.inactive_check_period": "PT0.2S",
    "evs.suspect_timeout": "PT4S",
    "evs.inactive_timeout": "PT12S",
    "evs.install_timeout": "PT7S",
    "gcache.size": "64M",
}


class Node:
    """One server; kill() is the power cut, and start() also comes back after one."""

    def __init__(self, number, port, directory, passwords):
        self.host, self.port = f"127.0.0.{number}", port
        self.name = f"node{number}"
        self.directory = directory / self.name
        self.passwords = passwords
        self.data = self.directory / "data"
        self.socket = self.directory / "mariadb.sock"
        self.log = self.directory / "mariadb.log"
        self.group_port, self.ist_port, self.sst_port = free_ports(3)
        self._process = None

    @property
    def database_url(self):
        """As the panel's user, who has all rights on its own database and none beside."""
        return f"mysql://{NAME}:{self.passwords[NAME]}@{self.host}:{self.port}/{NAME}"

    def start(self, cluster, *, first=False):
        self.launch(cluster, first=first)
        self.wait()

    def launch(self, cluster, *, first=False):
        """Start without waiting. In the main thread: the server ends with the thread that started it."""
        provider = QUICK | {
            "gmcast.listen_addr": f"tcp://{self.host}:{self.group_port}",
            "ist.recv_addr": f"{self.host}:{self.ist_port}",
        }
        members = ",".join(f"{node.host}:{node.group_port}" for node in cluster)
        options = [
            *[f"--port={self.port}", f"--bind-address={self.host}"],
            *["--wsrep-on=ON", f"--wsrep-provider={PROVIDER}"],
            f"--wsrep-provider-options={';'.join(f'{k}={v}' for k, v in provider.items())}",
            f"--wsrep-cluster-address=gcomm://{members}",
            *[
                f"--wsrep-node-name={self.name}",
                f"--wsrep-node-address={self.host}:{self.group_port}",
                f"--wsrep-node-incoming-address={self.host}:{self.port}",
            ],
            f"--wsrep-sst-receive-address={self.host}:{self.sst_port}",
            # Where it stood when it ended, as Debian's unit finds out with galera_recovery.
            *["--wsrep-sst-method=rsync", *self._position()],
            *(["--wsrep-new-cluster"] if first else []),
        ]
        self._process = Process(self._command(*options), self.log)
        self._process.start(lambda: True)

    def wait(self):
        wait_until(self.is_synced, f"{self.name}, see {self.log}", seconds=180)

    def stop(self):
        if self._process:
            self._process.stop()
            self._process = None

    def kill(self):
        self._process.process.kill()
        self._process.process.wait()
        self._process = None

    def _command(self, *options):
        return [
            # Once more the wish to end with us: a change of user undoes it.
            *[find("setpriv"), f"--reuid={OWNER}", "--regid=nogroup", "--clear-groups"],
            *["--pdeathsig=TERM", find("mariadbd"), "--no-defaults", *LIKE_DEBIAN, *FAST],
            *[f"--datadir={self.data}", f"--tmpdir={self.directory}", f"--socket={self.socket}"],
            *[f"--pid-file={self.directory}/mariadb.pid", "--binlog-format=ROW"],
            *["--innodb-autoinc-lock-mode=2", "--innodb-buffer-pool-size=64M", *options],
        ]

    def _position(self):
        if not self.log.exists():
            return []
        provider = ["--wsrep-on=ON", f"--wsrep-provider={PROVIDER}"]
        options = [*provider, "--wsrep-cluster-address=gcomm://", "--wsrep-recover"]
        command = [str(part) for part in self._command(*options)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=180).stderr
        position = re.findall(r"WSREP: Recovered position: *(\S+)", said)[-1]
        return [f"--wsrep-start-position={position}"]

    def is_synced(self):
        try:
            return self.status("wsrep_local_state") == SYNCED
        except MySQLdb.Error:
            return False

    def status(self, name):
        [[_name, value]] = self.execute("SHOW GLOBAL STATUS LIKE %s", [name])
        return value

    def connect(self, database=None):
        return MySQLdb.connect(
            host=self.host,
            port=self.port,
            user="keeper",
            password=self.passwords["keeper"],
            database=database or "",
            charset="utf8mb4",
            autocommit=True,
        )

    def execute(self, statement, parameters=None, database=None):
        with (
            contextlib.closing(self.connect(database)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, parameters)
            return cursor.fetchall()


class Cluster:
    """``nodes``, three of them, between start() and stop(): on 127.0.0.1, 127.0.0.2 …, at one port."""

    def __init__(self, number=3):
        self.directory = Path(tempfile.mkdtemp(prefix="mailadmin-galera-"))
        self.directory.chmod(0o755)
        self.passwords = {name: secrets.token_hex(16) for name in (NAME, "keeper")}
        [self.port] = free_ports(1)
        self.nodes = [
            Node(n, self.port, self.directory, self.passwords) for n in range(1, number + 1)
        ]

    def start(self):
        try:
            self._create()
            first, *others = self.nodes
            first.start(self.nodes, first=True)
            for node in others:
                node.launch(self.nodes)
            for node in others:
                node.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        for node in self.nodes:
            node.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *exception):
        self.stop()

    def running(self):
        return [node for node in self.nodes if node.is_synced()]

    def _create(self):
        first = self.nodes[0]
        for node in self.nodes:
            node.directory.mkdir()
            shutil.chown(node.directory, OWNER, "nogroup")
        users = self.directory / "users.sql"
        users.write_text(
            "FLUSH PRIVILEGES;\n"  # or CREATE USER is refused there
            f"CREATE DATABASE {NAME};\n"
            f"CREATE USER '{NAME}'@'%' IDENTIFIED BY '{self.passwords[NAME]}';\n"
            f"GRANT ALL ON {NAME}.* TO '{NAME}'@'%';\n"
            f"CREATE USER 'keeper'@'%' IDENTIFIED BY '{self.passwords['keeper']}';\n"
            "GRANT ALL ON *.* TO 'keeper'@'%' WITH GRANT OPTION;\n"
        )
        command = [
            *[find("mariadb-install-db"), "--no-defaults", "--skip-test-db", f"--user={OWNER}"],
            *[f"--datadir={first.data}", f"--tmpdir={first.directory}", f"--extra-file={users}"],
            *[*LIKE_DEBIAN, *FAST],
        ]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"mariadb-install-db: {run.stdout}{run.stderr}")
        for node in self.nodes[1:]:
            shutil.copytree(first.data, node.data)
            for path in [node.data, *node.data.rglob("*")]:
                shutil.chown(path, OWNER, "nogroup")
