"""A whole private mail server to make ill: what the doctor prints is done, and then it must find nothing more.

The commands are those that are printed. MAIL_CONFIG leads Postfix's programs to the private main.cf; what systemd would do is done to the
private daemons.
"""

import os
import re
import shutil
import subprocess

import pytest
from django.core.management import call_command
from django.db import connection

from mailadmin.doctor import host as hosts
from mailadmin.doctor import looking
from tests.contract.world import World
from tests.servers.mail import MailServer
from tests.servers.processes import PROGRAMS

ADDRESS = "ann@example.org"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items):
    for item in items:
        if "/doctor/" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("doctor"))


class Patient:
    """``found()``: what the doctor finds, by name. ``cure(finding)`` does what it prints."""

    def __init__(self, server):
        self.server = server
        self.postfix, self.dovecot = server.postfix, server.dovecot
        self.main_cf = self.postfix.conf / "main.cf"
        self.dovecot_conf = self.dovecot.conf / "dovecot.conf"
        self.webmail = server.directory / "roundcube.php"

    def look(self, *subjects):
        look = looking.look(subjects or ("postfix", "maps", "dovecot", "queue"))
        for finding in look.findings:
            check = finding.check
            texts = " ".join(map(str, (check.seen, check.why, check.mend, check.command)))
            assert set(re.findall(r"%\((\w+)\)", texts)) <= finding.details.keys()
        return look

    def found(self, *subjects):
        return {finding.name: finding for finding in self.look(*subjects).findings}

    def cure(self, finding):
        for part in finding.say("command").split("; "):
            self.do(part)

    def do(self, command):
        if command.startswith("systemctl restart dovecot"):
            self.dovecot.stop()
            self.dovecot.start()
        elif command.startswith("systemctl restart postfix"):
            self.postfix.start()
        elif command.startswith("journalctl"):
            pass
        else:
            environment = {"PATH": PROGRAMS, "MAIL_CONFIG": str(self.postfix.conf)}
            subprocess.run(["/bin/bash", "-c", command], env=environment, check=True, capture_output=True)  # fmt: skip
            self.postfix._age_files()


@pytest.fixture(scope="module")
def server(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        database = connection.settings_dict
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        with MailServer(database, worker=f"{os.getpid()}d{worker}") as server:
            world = World()
            world.domain("example.org")
            world.mailbox(ADDRESS)
            yield server
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def patient(server, settings, monkeypatch):
    settings.VMAIL_ROOT = str(server.mail_root)
    settings.MAIL_HOSTNAME = "mail.example.com"
    webmail = server.directory / "roundcube.php"
    places = ("--postfix", server.postfix.conf, "--dovecot", server.dovecot.conf / "dovecot.conf")
    places += ("--webmail", webmail)
    monkeypatch.setattr(hosts, "PLACES", places)
    kept = server.directory / "kept"
    folders = (server.postfix.conf, server.dovecot.conf)
    for folder in folders:
        shutil.copytree(folder, kept / folder.name)
    patient = Patient(server)
    yield patient
    webmail.unlink(missing_ok=True)
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and not (kept / folder.name / file.relative_to(folder)).exists():
                file.unlink()
        for file in kept.joinpath(folder.name).rglob("*"):
            if file.is_file():
                shutil.copy2(file, folder / file.relative_to(kept / folder.name))
    shutil.rmtree(kept)
    server.postfix._age_files()
    server.postfix.drop_queue()


@pytest.fixture
def _django_db_helper(django_db_setup, django_db_blocker):
    """Replaces pytest-django's: the daemons see only what is committed."""
    with django_db_blocker.unblock():
        yield
