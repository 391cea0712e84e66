import json
import re
import secrets
import subprocess
from pathlib import Path

from installer.packages import Account
from installer.part import ADDRESS, DATABASE, OWN_LINES, Answer, Part
from installer.restored import Database, Webhooks
from installer.services import Service
from installer.steps import Changed, Command, Directory, File, Link, Once, Sql, Step, run, succeeds
from installer.texts import mark_of_code, with_own_lines

TIMERS = {
    "snapshot": "the day's figures for the panel's plots, four times a day",
    "daily": "checks, and sessions that ended, once a day",
    "checkdns": "what the DNS says of the domains, once a day",
    "reports": "reports of other servers about DMARC and TLS, every ten minutes",
    "endings": "ends of aliases and mailboxes, once an hour",
    "fetchmail": "mail from mailboxes elsewhere, every five minutes",
    "doctor": "what is wrong with this mail server, once an hour",
    "expunge": "old mail out of Trash and Junk, once a day",
}


WEBHOOKS = "mailadmin-webhooks"


def _time_zone():
    try:
        return Path("/etc/timezone").read_text().strip() or "UTC"
    except OSError:
        return "UTC"


CUT_SHORT = (
    "Was an upgrade cut short here? MariaDB cannot take back the half of a migration. The way back is the backup that was made before it:"
    "\n  deploy/restore DIR --overwrite\nThat brings the tables up to date, too."
)


class Panel(Part):
    answers = {
        "admin": Answer(
            "The first superadmin's login, an address (postmaster@ the host's domain).",
            shape=ADDRESS,
        ),
        "time_zone": Answer(
            "The time zone of the dates (the machine's).",
            _time_zone(),
            re.compile(r"[A-Za-z0-9_+/-]+"),
        ),
        "expunge_days": Answer(
            "Days until mail in Trash and Junk is removed (15).",
            "15",
            re.compile(r"[1-9][0-9]{0,3}"),
        ),
    }
    secrets = {
        "postfix": lambda: secrets.token_hex(20),
        "dovecot": lambda: secrets.token_hex(20),
        "panel": lambda: secrets.token_hex(20),
        "secret_key": lambda: secrets.token_urlsafe(48),
    }
    purposes = ["run", "mysql", "host"]
    places = ["/etc/mysql"]

    def blocks(self):
        return {"no-srs"} if self.options.no_srs else set()

    def values(self):
        return {
            "PANEL_SQL_PASSWORD": self.journal.secrets["panel"],
            "SECRET_KEY": self.journal.secrets["secret_key"],
            "ADMIN": self.options.admin,
            "TIME_ZONE": self.options.time_zone,
            "EXPUNGE_DAYS": self.options.expunge_days,
        }

    def users(self):
        yield Account("mailadmin", home=self.checkout)
        yield Directory(self.checkout / "var", 0o750, "mailadmin", "mailadmin")
        # Postfix's delivery program writes there, with the rights of this user.
        yield Directory(self.checkout / "var/reports", 0o700, "mailadmin", "mailadmin", kind="tree")

    def steps(self):
        checkout = self.checkout
        make = ["make", "--no-print-directory", "-C", checkout, ".venv/installed-mysql"]
        yield Command(
            "the panel's Python packages",
            ["env", "PIP_NO_CACHE_DIR=1", *make],
            lambda: succeeds([*make, "-q"]),
            makes=[checkout / ".venv", checkout / "mailadmin.egg-info"],
            advice="Is the package index reachable, and is there 1 GB of memory? Then run this again.",
        )
        yield Link("/usr/local/bin/mailadmin", checkout / ".venv/bin/mailadmin")
        # Without it nobody could say what the panel's rows ask of the files.
        answers = ["mariadb", "-e", "SELECT 1"]
        yield Service("mariadb", ready=lambda: succeeds(answers), replan=True)
        yield File(
            checkout / ".env",
            self.filled("host/env"),
            0o640,
            "root",
            "mailadmin",
            stale=["mailadmin", WEBHOOKS],
            **with_own_lines(OWN_LINES),
        )
        empty = self.filled("host/database.sql")
        yield Sql("the panel's database", "database.sql", empty)
        if self.options.restore:
            yield Database(self.options.restore, empty, WEBHOOKS)
        yield self._tables(empty)
        if self.options.restore:
            pause = [self.plan.python, "-B", checkout / "manage.py", "webhooks", "--pause"]
            yield Webhooks(self.options.restore, pause, user="mailadmin", cwd=checkout)
        yield Changed(
            "the panel's code",
            "code",
            mark_of_code(checkout),
            stale=["mailadmin", WEBHOOKS, "static files"],
        )
        yield _Static(self.plan.python, checkout)
        grants = self.plan.files["mariadb/grants.sql"]
        yield Sql("what Postfix and Dovecot may read", "grants.sql", grants)

    def _tables(self, empty):
        python = self.plan.python
        migrate = [python, "-B", self.checkout / "manage.py", "migrate"]
        asked = ["runuser", "-u", "mailadmin", "--", *migrate, "--check"]
        return Tables(
            empty,
            [*migrate, "--no-input", "-v", "0"],
            lambda: python.exists() and succeeds(asked, cwd=self.checkout),
            advice=CUT_SHORT,
            user="mailadmin",
            cwd=self.checkout,
            replan=True,
        )

    def services(self):
        yield Service("mailadmin.socket")
        yield Service("mailadmin")
        for timer in TIMERS:
            yield Service(f"mailadmin-{timer}.timer")
        yield Service(WEBHOOKS)

    def last(self):
        manage = [self.plan.python, "-B", self.checkout / "manage.py"]
        yield Once("the first figures", [*manage, "snapshot"], user="mailadmin", cwd=self.checkout)
        yield Superadmin(self.plan.python, self.checkout, self.options.admin)


class Tables(Command):
    """The panel's migrations. MariaDB cannot take back the half of one (https://mariadb.com/kb/en/atomic-ddl/): where the first of
    them were cut short, all begin anew in an empty database. ``empty`` are statements that make it."""

    title = "tables"

    def __init__(self, empty, *command, **options):
        super().__init__(self.title, *command, **options)
        self.empty = empty

    def difference(self, journal):
        if self._is_begun(journal) and self.is_done():
            return "complete, as a run that was cut short could not write down"
        return super().difference(journal)

    def do(self, journal, log):
        if not self.is_done():
            self._make(journal, log)
        journal.carried_out[self.title] = "done"
        journal.save()

    def _make(self, journal, log):
        # Dropping it may have been what was cut short.
        run(["mariadb"], input=self.empty, log=log)
        there = self._there(log)
        if not there:
            journal.carried_out[self.title] = "begun"
            journal.save()
        elif self._is_begun(journal) and not self._has_rows(there, log):
            database = DATABASE["NAME"]
            run(["mariadb"], input=f"DROP DATABASE `{database}`;\n{self.empty}", log=log)
        super().do(journal, log)

    def _is_begun(self, journal):
        return journal.carried_out.get(self.title) == "begun"

    def _there(self, log):
        return run(["mariadb", "-N", "-e", "SHOW TABLES", DATABASE["NAME"]], log=log).split()

    def _has_rows(self, there, log):
        """Somebody may have made the rest by hand."""
        counted = "SELECT COUNT(*) FROM (SELECT 1 FROM `{}` LIMIT 1) AS one;"
        asked = [
            counted.format(table) for table in ("admin", "domain", "mailbox") if table in there
        ]
        ask = ["mariadb", "-N", DATABASE["NAME"]]
        return "1" in run(ask, input="\n".join(asked), log=log).split()


class _Static(Command):
    def __init__(self, python, checkout):
        self.target = checkout / "var/static"
        command = [python, "-B", checkout / "manage.py", "collectstatic", "--no-input", "-v", "0"]
        super().__init__(
            "style sheets and scripts",
            command,
            lambda: False,
            makes=[self.target],
            user="mailadmin",
            cwd=checkout,
        )

    def difference(self, journal):
        if self.target.exists() and "static files" not in journal.stale:
            return ""
        return super().difference(journal)

    def do(self, journal, log):
        super().do(journal, log)
        if "static files" in journal.stale:
            journal.stale.remove("static files")
        journal.save()


class Superadmin(Step):
    """The first account that may do everything. Its password is printed once, and is in no file."""

    title = "first superadmin"

    def __init__(self, python, checkout, login):
        self.manage = ["runuser", "-u", "mailadmin", "--", python, "-B", checkout / "manage.py"]
        self.checkout, self.login = checkout, login

    def _superadmins(self):
        listed = subprocess.run(  # noqa: S603
            [*map(str, self.manage), "admin", "list", "--superadmins"],
            capture_output=True,
            text=True,
            cwd=self.checkout,
        )
        return [line.partition("\t")[0] for line in listed.stdout.splitlines()]

    def difference(self, journal):
        # Begun and not done: the account may be there, and nobody has seen its password.
        if self._superadmins() and journal.carried_out.get(self.title) != "begun":
            return ""
        return f"{self.login}, with a new password"

    def do(self, journal, log):
        there = self.login in self._superadmins()
        verb = ["password", self.login] if there else ["add", self.login, "--superadmin"]
        journal.carried_out[self.title] = "begun"
        journal.save()
        command = [*self.manage, "admin", *verb, "--generate", "--json"]
        printed = run(command, log=log, cwd=self.checkout, secret_output=True)
        password = json.loads(printed)["password"]
        log.tell(f"\n  Superadmin {self.login}, password: {password}\n  It is shown this once.\n")
        journal.carried_out[self.title] = "done"
        journal.save()
