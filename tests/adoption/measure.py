"""How long an adoption takes, and how long others wait for it: ``python -m tests.adoption.measure 100000``."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import MySQLdb

from tests.adoption.postfixadmin import script
from tests.mariadb import NAME, MariaDB
from tests.servers.processes import ROOT

DOMAINS = 1_000
ROWS = """
INSERT INTO config (name, value) VALUES ('version', '1847');
INSERT INTO domain (domain, description, transport) VALUES ('ALL', '', '');
INSERT INTO domain (domain, description, transport)
  SELECT CONCAT('domain', seq, '.example'), '', 'virtual' FROM seq_1_to_{domains};
INSERT INTO admin (username, password, superadmin) VALUES ('root@domain1.example', '', 1);
INSERT INTO domain_admins (username, domain) VALUES ('root@domain1.example', 'ALL');
INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain)
  SELECT CONCAT('user', seq, '@', d), '$1$c9804962$9gHrd5apTpEkXg8RB0MrT.', CONCAT('Person ', seq),
    CONCAT(d, '/user', seq, '/'), 1024000000, CONCAT('user', seq), d
  FROM (SELECT seq, CONCAT('domain', 1 + seq % {domains}, '.example') d FROM seq_1_to_{size}) x;
INSERT INTO alias (address, goto, domain) SELECT username, username, domain FROM mailbox;
INSERT INTO alias (address, goto, domain)
  SELECT CONCAT('alias', local_part, '@', domain), CONCAT(username, ',x@elsewhere.example'), domain FROM mailbox
  WHERE username LIKE 'user%0@%';
INSERT INTO quota2 (username, bytes, messages) SELECT username, 1000000, 100 FROM mailbox
"""


class Waits:
    def __init__(self, login, statement, pause):
        self.login, self.statement, self.pause = login, statement, pause
        self.longest, self.sent, self.refused, self.others, self.refusals = 0, 0, 0, [], []
        self.over = Event()
        self.thread = Thread(target=self._run)
        self.thread.start()

    def stop(self):
        self.over.set()
        self.thread.join()

    def _run(self):
        with contextlib.closing(MySQLdb.connect(**self.login, autocommit=True)) as database:
            cursor = database.cursor()
            while not self.over.wait(self.pause):
                self.sent += 1
                start = monotonic()
                try:
                    cursor.execute(self.statement.replace("#", str(self.sent)))
                except MySQLdb.Error as error:
                    if error.args[0] == 1644:
                        self.refusals.append(monotonic())
                    else:
                        self.others.append(error)
                self.longest = max(self.longest, monotonic() - start)

    @property
    def refused_for(self):
        return self.refusals[-1] - self.refusals[0] if self.refusals else 0


def main(size):
    with MariaDB("--innodb-buffer-pool-size=1G") as server:
        login = {
            "host": "127.0.0.1",
            "port": server.port,
            "user": NAME,
            "password": server.password,
        }
        login["database"] = NAME
        with contextlib.closing(MySQLdb.connect(**login, autocommit=True)) as database:
            cursor = database.cursor()
            start = monotonic()
            for statement in (
                script("3.3") + ";\n" + ROWS.format(size=size, domains=DOMAINS)
            ).split(";\n"):
                cursor.execute(statement)
            print(f"{size:,} mailboxes stored in {monotonic() - start:.0f} s", flush=True)
        waits = {
            "PostfixAdmin's writes": Waits(
                login,
                "INSERT INTO alias (address, goto, domain, created, modified)"
                " VALUES ('new#@domain1.example', 'x@y.example', 'domain1.example', NOW(), NOW())",
                pause=0.5,
            ),
            "Postfix's look-ups": Waits(
                login,
                "SELECT goto FROM alias WHERE address='user7@domain8.example' AND active='1'",
                pause=0.01,
            ),
            "Dovecot's quota": Waits(
                login,
                "INSERT INTO quota2 (username, bytes, messages) VALUES ('user#@domain1.example', 10, 1)"
                " ON DUPLICATE KEY UPDATE bytes = bytes + 10, messages = messages + 1",
                pause=0.1,
            ),
        }
        try:
            adopt(server)
        finally:
            for wait in waits.values():
                wait.stop()
        for name, wait in waits.items():
            print(
                f"{name}: {wait.sent:,} sent, longest {wait.longest:.2f} s, {len(wait.refusals)} refused"
                f" in {wait.refused_for:.1f} s, other errors: {wait.others[:3]}"
            )


def cpu(pid):
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def adopt(server):
    environment = os.environ | {
        "ENV_FILE": "/dev/null",
        "DATABASE_URL": server.url,
        "SECRET_KEY": "only-for-this-measurement-0123456789-abcdefghijklmnopqrstuvwxyz",
        "PYTHONUNBUFFERED": "1",
    }
    words = ["manage.py", "adopt", "--apply", "--no-dump", "--config", "/dev/null"]
    words += ["--report", "/dev/null"]
    start, before = monotonic(), cpu(server.process.pid)
    program = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    for line in program.stdout:
        spent = cpu(program.pid), cpu(server.process.pid) - before
        print(
            f"{monotonic() - start:7.1f} s ({spent[0]:.0f} + {spent[1]:.0f} s CPU)  {line}",
            end="",
            flush=True,
        )
    _pid, status, used = os.wait4(program.pid, 0)
    print(
        f"{monotonic() - start:.0f} s, CPU {used.ru_utime + used.ru_stime:.0f} s and the database's"
        f" {cpu(server.process.pid) - before:.0f} s, status {status}, at most {used.ru_maxrss / 1024:.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
