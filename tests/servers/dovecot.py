import contextlib
import re
import shutil
import subprocess

from tests.servers.processes import Process, answers, find, free_ports, wait_until

# Later settings win, and services of one name are merged: the shipped file itself stays whole.
PRIVATE = """
base_dir = {run}
state_dir = {run}/state
log_path = {log}
listen = 127.0.0.1
default_vsz_limit = 0
service imap-login {{
  inet_listener imap {{
    port = {ports[0]}
  }}
  inet_listener imaps {{
    port = {ports[1]}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {ports[2]}
  }}
  inet_listener pop3s {{
    port = {ports[3]}
  }}
}}
"""


# Where the shipped file has filters. Their answers leave through the tests' own Postfix, not through the machine's sendmail.
FILTERS = """
service managesieve-login {{
  inet_listener sieve {{
    port = {sieve_port}
  }}
}}
submission_host = 127.0.0.1:{smtp_port}
"""

# Wrong passwords are answered at once; the shipped file keeps Dovecot's delays.
AT_ONCE = """
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
"""


class Dovecot:
    """Installs ``files`` (a folder that mailconf wrote) below ``directory``.

    ``filters``: the folder of Sieve scripts, where the files have that block; what these send goes to ``smtp_port``.
    """

    def __init__(self, directory, files, *, filters=None, smtp_port=None):
        self.directory = directory
        self.files = files
        self.filters, self.smtp_port = filters, smtp_port
        self.conf = directory / "dovecot"
        self.log = directory / "dovecot.log"
        ports = free_ports(4)
        self.imap_port, self.imaps_port, self.pop3_port, self.pop3s_port = self.ports = ports
        if filters:
            [self.sieve_port] = free_ports(1)
            self.ports = [*ports, self.sieve_port]
        self._main = self.conf / "dovecot.conf"
        self._process = Process(
            [find("dovecot"), "-F", "-c", self._main], directory / "dovecot.out"
        )

    def install(self):
        """Do what deploy/README.md says, then set apart what must not meet the machine's own."""
        shutil.copytree(self.files, self.conf)
        private = PRIVATE.format(run=self.directory / "run", log=self.log, ports=self.ports)
        if self.filters:
            private += FILTERS.format(sieve_port=self.sieve_port, smtp_port=self.smtp_port)
        self._main.write_text(self._main.read_text() + private + AT_ONCE)
        for path in [self.conf, *self.conf.iterdir()]:
            shutil.chown(path, "root", "dovecot")
            path.chmod(0o750 if path.is_dir() else 0o640)
        if self.filters:
            self._install_filters()

    def _install_filters(self):
        place = self.conf / "sieve"
        shutil.copytree(self.filters, place)
        command = [find("sievec"), "-c", self._main, place / "junk.sieve"]
        subprocess.run(command, check=True, capture_output=True, text=True)
        # Read by whoever owns the mail.
        for path in [self.conf, place, *place.iterdir()]:
            path.chmod(0o755 if path.is_dir() else 0o644)

    def start(self):
        self._process.start(lambda: all(map(answers, self.ports)))

    def stop(self):
        self._process.stop()

    @contextlib.contextmanager
    def with_its_delays(self):
        """Wrong passwords are answered late meanwhile, as on a real server."""
        with self._as(self._main.read_text().replace(AT_ONCE, "")):
            yield

    def with_more(self, settings):
        return self._as(self._main.read_text() + settings)

    @contextlib.contextmanager
    def _as(self, other):
        text = self._main.read_text()
        self.stop()
        self._main.write_text(other)
        self.start()
        try:
            yield
        finally:
            self.stop()
            self._main.write_text(text)
            self.start()

    def query(self, name, file="mailadmin-sql"):
        text = (self.conf / f"{file}.conf.ext").read_text().replace("\\\n", "")
        return " ".join(re.search(rf"^{name} = (.*)", text, re.MULTILINE)[1].split())

    def may_log_in(self, username, password, service="imap"):
        """Ask doveadm whether this login works. A failure other than "no" raises."""
        run = self._doveadm("auth", "test", "-x", f"service={service}", username, password)
        if "auth succeeded" in run.stdout:
            return True
        if "auth failed" in run.stdout:
            return False
        raise RuntimeError(run.stdout + run.stderr)

    def user(self, username):
        """Return what doveadm says of a user as a dict, or None if there is none."""
        run = self._doveadm("user", username)
        if run.returncode == 67 or "doesn't exist" in run.stderr:
            return None
        if run.returncode:
            raise RuntimeError(run.stdout + run.stderr)
        rows = [line.split("\t", 1) for line in run.stdout.splitlines()[1:]]
        return {row[0]: row[1] if len(row) > 1 else "" for row in rows}

    def doveadm(self, *arguments):
        run = self._doveadm(*arguments)
        if run.returncode:
            raise RuntimeError(f"doveadm {' '.join(arguments)}: {run.stdout}{run.stderr}")
        return run.stdout

    def wait_for_log(self, pattern):
        return wait_until(lambda: re.search(pattern, self.log.read_text()), f"log line {pattern!r}")

    def _doveadm(self, *arguments):
        command = [find("doveadm"), "-c", self._main, *arguments]
        return subprocess.run(command, capture_output=True, text=True)
