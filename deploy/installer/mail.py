"""Postfix and Dovecot, and the user that owns the mail."""

import re
from pathlib import Path

from installer import machine
from installer.packages import Account
from installer.part import OWN_LINES, Answer, Part
from installer.services import Service, answers_on
from installer.steps import Command, Directory, File
from installer.texts import our_services, with_own_lines, with_services

DOVECOT, POSTFIX, MAPS = Path("/etc/dovecot"), Path("/etc/postfix"), Path("/etc/postfix/sql")


class Mail(Part):
    answers = {
        "mail_root": Answer(
            "Where mail lies (/var/vmail).", "/var/vmail", re.compile(r"/[A-Za-z0-9._/-]+")
        ),
    }
    places = [
        *("/etc/aliases", "/etc/aliases.db", "/etc/mailname", "/etc/dovecot", "/etc/postfix"),
        "/var/lib/dovecot/instances",
    ]
    configurations = [DOVECOT / "dovecot.conf", POSTFIX / "main.cf"]

    def blocks(self):
        return {"sieve"}

    def values(self):
        return {"VMAIL_USER": "vmail"}

    def users(self):
        root = self.options.mail_root
        yield Account("vmail", home=root, uid=self.plan.environment.get("VMAIL_UID", "5000"))
        yield Directory(root, 0o700, "vmail", "vmail", mail=True)

    def steps(self):
        yield from self._dovecot()
        yield from self._postfix()

    def _dovecot(self):
        files = self.plan.files
        for name in self.files_in(f"dovecot/{self.plan.release.dovecot}/"):
            path = DOVECOT / Path(name).name
            yield File(path, files[name], 0o640, "root", "dovecot", stale=["dovecot"])
        script = DOVECOT / "sieve/junk.sieve"
        yield File(script, files["sieve/junk.sieve"], stale=["dovecot"])
        compiled = script.with_suffix(".svbin")
        yield Command(
            "the filter for Junk",
            ["sievec", script],
            lambda: compiled.exists() and compiled.stat().st_mtime >= script.stat().st_mtime,
            makes=[compiled],
        )

    def _postfix(self):
        files = self.plan.files
        yield Directory(MAPS, 0o750, "root", "postfix")
        for name in self.files_in("postfix/"):
            if name not in ("postfix/main.cf", "postfix/master.cf"):
                yield File(MAPS / Path(name).name, files[name], 0o640, "root", "postfix")
        yield File(
            POSTFIX / "main.cf",
            files["postfix/main.cf"],
            stale=["postfix"],
            **with_own_lines(OWN_LINES),
        )
        yield File(
            POSTFIX / "master.cf",
            files["postfix/master.cf"],
            stale=["postfix"],
            part=our_services,
            joined=with_services,
        )
        aliases = Path("/etc/aliases")
        database = Path("/etc/aliases.db")
        yield Command(
            "the machine's own aliases",
            ["newaliases"],
            lambda: database.exists() and database.stat().st_mtime >= aliases.stat().st_mtime,
            makes=[database],
        )

    def services(self):
        dovecot, postfix = [143, 993, 4190], [25, 465, 587]
        yield Service(
            "dovecot", check=["doveconf", "-n"], ready=lambda: all(map(answers_on, dovecot))
        )
        # Under systemd the unit "postfix" only stands for this one.
        yield Service(
            "postfix" if machine.runs_systemd() else "postfix@-",
            name="postfix",
            check=["postfix", "check"],
            ready=lambda: all(map(answers_on, postfix)),
        )
