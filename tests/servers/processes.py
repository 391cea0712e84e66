import fcntl
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A daemon's PATH and an ordinary user's differ.
PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# For what comes at once: waited for so long only by a machine that is much too busy.
PATIENCE_SECONDS = 120

_reserved = []  # locked files, until the process ends


def find(program):
    path = shutil.which(program, path=PROGRAMS)
    if not path:
        raise RuntimeError(f"{program} is missing: run `make setup`.")
    return path


def free_ports(number):
    """Return free ports that no other test on this machine is given before this process ends.

    They are below those that the kernel gives to clients, one of which could take them meanwhile.
    """
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = []
    while len(found) < number:
        port = random.randrange(10_000, max(low, 20_000))
        if _reserve(port):
            found.append(port)
    return found


def _reserve(port):
    """Whether nobody listens on ``port`` or is about to: another test's server may not have started yet."""
    directory = Path(tempfile.gettempdir(), f"mailadmin-test-ports-{os.getuid()}")
    directory.mkdir(exist_ok=True)
    lock = directory.joinpath(str(port)).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        lock.close()
        return False
    _reserved.append(lock)
    return True


def wait_until(condition, what, seconds=PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} seconds")
        time.sleep(0.02)
    return answer


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except OSError:
        return False
    return True


class Process:
    """A daemon kept in the foreground. It ends with us even if we are killed."""

    def __init__(self, command, log):
        self.command = [find("setpriv"), "--pdeathsig=TERM", *map(str, command)]
        self.log = log
        self.process = None

    def start(self, ready, seconds=PATIENCE_SECONDS):
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": PROGRAMS, "LC_ALL": "C"},
                cwd=ROOT,
                start_new_session=True,
            )
        wait_until(lambda: self._failed() or ready(), f"start of {self.command[2]}", seconds)
        if self._failed():
            raise RuntimeError(f"{self.command} ended:\n{self.log.read_text()[-3000:]}")

    def _failed(self):
        return self.process.poll() is not None

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def run_sql(database, script):
    address = [f"--host={database['HOST']}", f"--port={database['PORT']}"]
    with open(script) as statements:
        subprocess.run(
            [find("mariadb"), "--no-defaults", *address, f"--user={database['USER']}"],
            stdin=statements,
            env={**os.environ, "MYSQL_PWD": database["PASSWORD"]},
            check=True,
        )
