import re
from pathlib import Path

from installer import machine
from installer.packages import Account
from installer.part import OWN_LINES, Answer, Part
from installer.services import Service, answers_on
from installer.steps import Command, Directory, File, Step, run, text_of
from installer.texts import our_services, with_own_lines, with_services

FETCHED_TO = "lmtp:/run/dovecot/mailadmin-lmtp"  # as mailadmin/mail_settings.py has it
DOVECOT, POSTFIX, MAPS = Path("/etc/dovecot"), Path("/etc/postfix"), Path("/etc/postfix/sql")


class Mail(Part):
    answers = {
        "mail_root": Answer(
            "Where mail lies (/var/vmail).", "/var/vmail", re.compile(r"/[A-Za-z0-9._/-]+")
        ),
        "pop3": Answer("Mail by POP3 too (yes).", "yes", switch=True),
    }
    places = [
        *("/etc/aliases", "/etc/aliases.db", "/etc/mailname", "/etc/dovecot", "/etc/postfix"),
        "/var/lib/dovecot/instances",
    ]
    keeps = ["/etc/aliases", DOVECOT / "local.conf", POSTFIX / "main.cf"]
    configurations = [DOVECOT / "dovecot.conf", POSTFIX / "main.cf"]

    def blocks(self):
        blocks = {"sieve", "reports", "quota-warnings"}
        if self.plan.environment.get("FETCHMAIL_TO", FETCHED_TO) == FETCHED_TO:
            blocks.add("fetched-mail")
        if self.plan.environment.get("AWAY_MESSAGES", "True") not in {"False", "false", "0"}:
            blocks.add("away-messages")
        return blocks if self.options.pop3 else blocks | {"imap-only"}

    def values(self):
        return {"VMAIL_USER": "vmail"}

    def users(self):
        root = self.options.mail_root
        yield Account("vmail", home=root, uid=self.plan.environment.get("VMAIL_UID", "5000"))
        yield Directory(root, 0o700, "vmail", "vmail", kind="mail")

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

    def last(self):
        yield Told(self.plan)

    def services(self):
        dovecot, postfix = [143, 993, 4190], [25, 465, 587]
        # Dovecot listens in there. Debian 13 makes them when Postfix starts for the first time.
        yield Command(
            "Postfix's directories", ["postfix", "check"], Path("/var/spool/postfix/private").is_dir
        )
        yield Service(
            "dovecot", check=["doveconf", "-n"], ready=lambda: all(map(answers_on, dovecot))
        )
        # Under systemd "postfix" starts it on every release.
        yield Service(
            "postfix" if machine.runs_systemd() else self.plan.release.postfix_unit,
            name="postfix",
            check=["postfix", "check"],
            ready=lambda: all(map(answers_on, postfix)),
        )


class Told(Step):
    """Tells the panel which blocks main.cf has: its pages say which rows wait for one."""

    title = "what main.cf has, for the panel's pages"

    def __init__(self, plan):
        self.rows, self.checkout, self.python = plan.rows, plan.checkout, plan.python

    def _has(self):
        text = text_of(POSTFIX / "main.cf") or ""
        return sorted({*re.findall(r"(?m)^# BEGIN (\S+)$", text)} & {*self.rows.get("all", [])})

    def difference(self, journal):
        has = self._has()
        return "" if has == sorted(self.rows.get("told", [])) else f"blocks: {' '.join(has)}"

    def do(self, journal, log):
        code = "import sys, django; django.setup(); from domains import main_cf; main_cf.remember(sys.argv[1:])"
        django = ["env", "DJANGO_SETTINGS_MODULE=mailadmin.settings", self.python, "-B", "-c", code]
        run([*django, *self._has()], log=log, user="mailadmin", cwd=self.checkout)
