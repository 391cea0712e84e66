"""How long an import takes: ``python -m tests.importing.measure 100000`` brings a hand-made Postfix and Dovecot into an empty panel."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

from tests.mariadb import MariaDB
from tests.servers.processes import ROOT, find

DOMAINS = 50
HASH = "{SSHA512}" + "A" * 96
MAIN = """compatibility_level = 3.6
myhostname = mail.example.org
virtual_mailbox_domains = {here}/domains
virtual_alias_domains =
virtual_alias_maps = hash:{here}/virtual
virtual_mailbox_maps = hash:{here}/boxes
virtual_transport = lmtp:unix:private/dovecot-lmtp
"""


def write(here, size):
    domains = [f"d{number}.example" for number in range(DOMAINS)]
    names = [f"user{number}@{domains[number % DOMAINS]}" for number in range(size)]
    text = {
        "domains": "".join(f"{name} ok\n" for name in domains),
        "boxes": "".join(
            f"{name} {name.partition('@')[2]}/{name.partition('@')[0]}/\n" for name in names
        ),
        "virtual": "".join(f"a{name} {name}, x@elsewhere.example\n" for name in names[: size // 2]),
        "users": "".join(
            f"{name}:{HASH}:5000:5000::/var/vmail/{name.partition('@')[2]}/{name.partition('@')[0]}::"
            "userdb_quota_rule=*:storage=1G\n"
            for name in names
        ),
        "main.cf": MAIN.format(here=here),
        "master.cf": "",
    }
    for name, content in text.items():
        (here / name).write_text(content)
    for name in ("boxes", "virtual"):
        subprocess.run([find("postmap"), "-c", here, f"hash:{here / name}"], check=True)


def main(size):
    with tempfile.TemporaryDirectory() as directory, MariaDB() as server:
        here = Path(directory)
        write(here, size)
        environment = os.environ | {
            "ENV_FILE": "/dev/null",
            "DATABASE_URL": server.url,
            "SECRET_KEY": "only-for-this-measurement-0123456789-abcdefghijklmnopqrstuvwxyz",
        }
        command = [sys.executable, "manage.py"]
        subprocess.run([*command, "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
        words = [
            "import",
            "postfix",
            "--config",
            here,
            "--users",
            here / "users",
            "--mail",
            "maildir:~/Maildir",
        ]
        start = monotonic()
        program = subprocess.Popen([*command, *words], cwd=ROOT, env=environment)
        _pid, status, used = os.wait4(program.pid, 0)
        print(
            f"{size:,} mailboxes: {monotonic() - start:.0f} s, CPU {used.ru_utime + used.ru_stime:.0f} s,"
            f" status {status}, at most {used.ru_maxrss / 1024:.0f} MB"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
