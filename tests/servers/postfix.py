import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.servers.processes import Process, answers, find, free_ports, wait_until

MASTER = Path("/usr/lib/postfix/sbin/master")
STOCK_MASTER_CF = Path("/usr/share/postfix/master.cf.dist")  # Debian's, before ours is added


class Postfix:
    """Installs ``files`` (a folder that mailconf wrote) below ``directory``.

    Whoever comes to ``local_port``, if there is one, is a program on this machine.
    """

    def __init__(self, directory, files, *, outside_port, local_port=None):
        self.directory = directory
        self.files = files
        self.outside_port = outside_port  # where mail for other servers goes
        self.local_port = local_port
        self.conf = directory / "postfix"
        self.maps = self.conf / "sql"
        self.queue = directory / "queue"
        self.log = directory / "mail.log"
        self.smtp_port, self.submission_port, self.submissions_port = free_ports(3)
        # The daemon itself: `postfix start-fg` would leave it behind when it is stopped.
        self._process = Process([MASTER, "-c", self.conf, "-s"], directory / "postfix.out")

    def prepare(self):
        """Make the directories that Dovecot's sockets go to, before either starts."""
        self.directory.joinpath("data").mkdir()
        shutil.chown(self.directory / "data", "postfix")
        self.queue.mkdir()
        private = self.queue / "private"
        private.mkdir(mode=0o700)
        shutil.chown(private, "postfix")

    def install(self):
        """Do what deploy/README.md says, then set apart what must not meet the machine's own."""
        self.maps.mkdir(parents=True)
        for source in self.files.glob("*.cf"):
            if source.name == "main.cf":
                shutil.copy(source, self.conf)
            elif source.name != "master.cf":
                shutil.copy(source, self.maps)
        for path in [self.maps, *self.maps.iterdir()]:
            shutil.chown(path, "root", "postfix")
            path.chmod(0o750 if path.is_dir() else 0o640)
        self.conf.joinpath("master.cf").write_text(STOCK_MASTER_CF.read_text())
        self.add_services()
        master = self.conf.joinpath("master.cf").read_text()
        for service, port in [
            ("smtp", self.smtp_port),
            ("submission", self.submission_port),
            ("submissions", self.submissions_port),
        ]:
            master = re.sub(
                rf"^{service} +inet ", f"127.0.0.1:{port} inet ", master, flags=re.MULTILINE
            )
        if self.local_port:
            master += (
                f"127.0.0.1:{self.local_port} inet n - n - - smtpd -o mynetworks=127.0.0.0/8\n"
            )
        self.conf.joinpath("master.cf").write_text(master)
        self.set(
            queue_directory=self.queue,
            data_directory=self.directory / "data",
            maillog_file=self.log,
            maillog_file_prefixes=self.directory,
            inet_interfaces="127.0.0.1",
            inet_protocols="ipv4",
            # Tests come from 127.0.0.1 and are strangers; 127.0.0.2 is "this machine".
            mynetworks="127.0.0.2",
            # What is counted by address would be counted for all tests together.
            smtpd_client_event_limit_exceptions="127.0.0.1",
            # What may be done so often in a minute takes a busy machine longer.
            anvil_rate_time_unit="600s",
            alias_maps="",
            disable_dns_lookups="yes",
            default_transport=f"smtp:[127.0.0.1]:{self.outside_port}",
            relay_transport=f"relay:[127.0.0.1]:{self.outside_port}",
            minimal_backoff_time="1s",
            maximal_backoff_time="1s",
            queue_run_delay="1s",
            # Answers after an error would be slowed down for a second.
            smtpd_error_sleep_time="0",
        )

    def add_services(self):
        for service in ("submission/inet", "submissions/inet", "relayhost/unix", "reports/unix"):
            command = [find("postconf"), "-c", self.files, "-M", service]
            entry = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            self._run("postconf", "-Me", f"{service}={entry.strip()}")

    def set(self, **parameters):
        self._run("postconf", "-e", *(f"{name}={value}" for name, value in parameters.items()))
        self._age_files()

    def set_of_service(self, service, **parameters):
        """Change ``-o`` options of a service in master.cf, such as ``relayhost/unix``, in place.

        It leaves the chroot, in which there is no /etc/hosts here.
        """
        self._run("postconf", "-F", f"{service}/chroot=n")
        for name, value in parameters.items():
            self._run("postconf", "-P", f"{service}/{name}={value}")
        self._age_files()

    def _age_files(self):
        # Postfix waits up to two seconds for a file that changed just now to "cool down".
        for path in [self.conf, *self.conf.rglob("*.cf")]:
            os.utime(path, (0, 0))

    def start(self):
        ports = [self.smtp_port, self.submission_port, self.submissions_port]
        self._run("postfix", "check")  # makes the directories of the queue
        self._process.start(lambda: all(map(answers, ports)))

    def stop(self):
        self._process.stop()

    def lookup(self, name, key):
        """Ask the map ``name`` through postmap; return its answer or None for "not found".

        Anything else postmap has to say is an error, but for what it says of bytes that are not
        UTF-8: those never reach the database.
        """
        table = f"mysql:{self.maps}/{name}.cf"
        command = [find("postmap"), "-c", self.conf, "-q", key, table]
        run = subprocess.run(command, capture_output=True)
        errors = [line for line in run.stderr.splitlines() if b": non-UTF-8 key " not in line]
        if errors or run.returncode not in (0, 1):
            raise RuntimeError(run.stderr.decode(errors="replace"))
        return run.stdout.decode(errors="replace").rstrip("\n") if run.returncode == 0 else None

    def query(self, name):
        text = re.sub(r"^#.*\n", "", (self.maps / f"{name}.cf").read_text(), flags=re.MULTILINE)
        return " ".join(re.search(r"^query = (.*(?:\n\s+.*)*)", text, re.MULTILINE)[1].split())

    def flush(self):
        self._run("postqueue", "-f")

    def drop_queue(self):
        self._run("postsuper", "-d", "ALL")

    def reload(self):
        self._run("postfix", "reload")

    def listing(self):
        return self._run("postqueue", "-p")

    def queue_ids(self):
        return re.findall(r"^([0-9A-F]+)\S* ", self.listing(), re.MULTILINE)

    def wait_until_delivered(self):
        """Wait for the queue to be empty.

        A lookup may fail for a minute after a server did not answer once. And what was on its way during a
        reload waits in the incoming queue for the next mail, or for ``flush()``.
        """

        def is_empty():
            self.flush()
            return self.queue_ids() == []

        wait_until(is_empty, "the queue is empty", seconds=180)

    def wait_for_log(self, pattern, after=0):
        """Wait for a line that matches; return the match. ``after`` is where to begin to look."""
        return wait_until(
            lambda: re.search(pattern, self.log.read_text()[after:]), f"log line {pattern!r}"
        )

    def _run(self, program, *arguments):
        command = [find(program), "-c", self.conf, *arguments]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"{program} {' '.join(map(str, arguments))}: {run.stderr}")
        return run.stdout
