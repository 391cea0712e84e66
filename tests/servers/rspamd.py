import json
import shutil
import socket
import sys
from datetime import datetime
from functools import partial

from tests.servers.processes import ROOT, Process, answers, find, free_ports, wait_until

# No network here: no name server to wait for, no lists of others. The patterns are those of GTUBE for each verdict.
ALONE = {
    "options.inc": 'dns { nameserver = "127.0.0.2"; timeout = 0.1s; retransmits = 1; }\n'
    'gtube_patterns = "all"; enable_test_patterns = true; map_watch_interval = 10s;\n',
    "rbl.conf": "enabled = false;\n",
    "fuzzy_check.conf": "enabled = false;\n",
    "phishing.conf": "enabled = false;\n",
    "greylist.conf": "enabled = false;\n",
    "logging.inc": 'type = "console"; log_usec = true;\n',
}
SUBJECT_TO_SPAM = "YJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


WORKERS = 3  # two that scan, and the controller


class Rspamd:
    def __init__(self, directory, files):
        self.files = files
        self.place = directory / "rspamd"
        [self.port] = free_ports(1)
        self.keys = self.place / "keys/keys.map"
        self.limits = self.keys.with_name("limits.map")
        self.socket = self.place / "run/redis.sock"
        self.helper_socket = directory / "helper.sock"
        self.markers = {
            "SPAM_PORT": self.port,
            "SPAM_RUN": self.place / "run",
            "REDIS_SOCKET": self.socket,
            "SIGNING_KEYS": self.keys,
            "SENDING_LIMITS": self.limits,
            "MAILBOX_LIMIT": "40",
            "DOMAIN_LIMIT": "60",
        }
        self.log = directory / "rspamd.log"
        self._redis = Process(
            [find("redis-server"), self.place / "redis.conf"], directory / "redis.log"
        )
        places = {"LOCAL_CONFDIR": "conf", "DBDIR": "db", "RUNDIR": "run", "LOGDIR": "log"}
        variables = [f"--var={name}={self.place / place}" for name, place in places.items()]
        user = ["-u", "_rspamd", "-g", "_rspamd"]
        command = [find("rspamd"), "-c", "/etc/rspamd/rspamd.conf", "-f", *user, *variables]
        self._process = Process(command, self.log)
        helper = [sys.executable, "-I", "-B", ROOT / "deploy/helper", "--panel", "root"]
        helper += ["--socket", self.helper_socket, "--signer", self.files / "helper/signer.cnf"]
        self._helper = Process([*helper, "--keys", self.keys], directory / "helper.log")

    def install(self):
        for name in ("conf/local.d", "conf/override.d", "db", "run", "log", "keys"):
            (self.place / name).mkdir(parents=True)
        for file in (self.files / "rspamd").iterdir():
            shutil.copy(file, self.place / "conf/local.d")
        for name, text in ALONE.items():
            (self.place / "conf/override.d" / name).write_text(text)
        for name in ("db", "run", "log"):
            shutil.chown(self.place / name, "_rspamd", "_rspamd")
        shutil.chown(self.keys.parent, "root", "_rspamd")
        self.keys.parent.chmod(0o2750)
        text = (self.files / "redis/redis.conf").read_text()
        # Root's here, so that no user of redis is needed.
        for old, new in {
            "dir /var/lib/redis": f"dir {self.place / 'db'}",
            "/var/log/redis/redis-server.log": '""',
            "pidfile /run/redis/redis-server.pid": "",
            "unixsocketperm 770": "unixsocketperm 777",
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        (self.place / "redis.conf").write_text(text)

    def start(self):
        self._redis.start(self.socket.exists)
        self._helper.start(self.helper_socket.exists)
        # It compiles ten thousand patterns first. The helper has written the files long before.
        self._process.start(lambda: answers(self.port), seconds=180)
        self._read = {file: put_there(file) for file in (self.keys, self.limits)}

    def stop(self):
        for process in (self._process, self._helper, self._redis):
            process.stop()

    def away(self):
        self._process.stop()

    def start_again(self):
        self._process.start(lambda: answers(self.port), seconds=180)

    def write_files(self):
        """As the panel asks for it, until all of its processes have read what is new of keys and limits.

        The helper writes them each minute, too: what counts is when the file was put there, not who did it.
        """
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.helper_socket))
            line.sendall(b"write-signing-files\n")
            answer = json.loads(line.makefile().read())
        assert "ok" in answer, answer
        for file in (self.keys, self.limits):
            since = put_there(file)
            if since != self._read.get(file):
                read_by_all = partial(self._is_read_by_all, file, since)
                wait_until(read_by_all, f"rspamd reads {file.name}")
                self._read[file] = since

    def _is_read_by_all(self, file, since):
        lines = self.log.read_text(errors="replace").splitlines()
        read = (line[:25] for line in lines if f"elements from {file}" in line)
        later = [one for one in read if datetime.fromisoformat(one).timestamp() >= since]
        return len(later) >= WORKERS


def put_there(file):
    return file.stat().st_ctime if file.exists() else None
