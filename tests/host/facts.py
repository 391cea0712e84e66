import hashlib
import json
import os
import re
import stat

from tests.host.machine import CHECKOUT

NAME = "mail.example.org"
VERSIONS = {"bookworm": "12", "trixie": "13"}
POSTFIX = {"bookworm": "postfix@-", "trixie": "postfix"}
PASSWORD = "tangerine-7-bicycle"
PANEL = [
    "runuser",
    "-u",
    "mailadmin",
    "--",
    f"{CHECKOUT}/.venv/bin/python",
    "-B",
    f"{CHECKOUT}/manage.py",
]
# What a package manager keeps for itself, and what is no file of a disk.
NOT_COMPARED = re.compile(
    r"/(proc|dev|run|tmp|var/cache|var/log|var/lib/apt|var/lib/dpkg|var/tmp)(/|$)"
    r"|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/etc/ld\.so\.cache$"
)
STATE = "/var/lib/mailadmin-install/state.json"
LOG = "/var/log/mailadmin-install.log"


def files_of(machine, folder="/"):
    """{path: (mode, owner, group, content)}"""
    found = {}
    for place, folders, names in os.walk(machine.path(folder)):
        inside = "/" + os.path.relpath(place, machine.root).removeprefix(".")
        folders[:] = [n for n in folders if not NOT_COMPARED.match(os.path.join(inside, n))]
        for name in [*folders, *names]:
            path, shown = os.path.join(place, name), os.path.join(inside, name)
            if NOT_COMPARED.match(shown):
                continue
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
            else:
                content = ""
            found[shown] = (oct(status.st_mode), status.st_uid, status.st_gid, content)
    return found


def settings_of(machine):
    """The files that are somebody's to write; daemons write in the other places."""
    folders = ("/etc", "/opt", "/root", "/usr", "/var/lib/mailadmin-install")
    return {path: facts for folder in folders for path, facts in files_of(machine, folder).items()}


def differences(before, after):
    return sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )


def python(machine, code, *, elsewhere=False):
    head = "import imaplib, smtplib, socket, ssl, urllib.request as web\ncontext = ssl._create_unverified_context()\n"
    return machine.run("python3", "-c", head + code, elsewhere=elsewhere)


def services(machine):
    """{service: process id} as they were started."""
    listed = machine.run("sh", "-c", "cd /run/mailadmin-install && grep . *.pid")
    return dict(line.split(":") for line in listed.split())


def secrets(machine):
    return json.loads(machine.path(STATE).read_text())["secrets"]
