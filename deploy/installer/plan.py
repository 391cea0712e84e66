"""The steps from a bare Debian to a mail host, in the order in which they are done.

What is written comes from deploy/: the files of `manage.py mailconf` by mailadmin/shipped.py, and the few of
deploy/host/ that only this program writes.
"""

import json
import os
import subprocess
from pathlib import Path

from installer import machine, services
from installer.packages import Account, Packages
from installer.services import Service
from installer.steps import (
    Changed,
    Command,
    Directory,
    File,
    Link,
    Sql,
    Step,
    run,
    succeeds,
)
from installer.texts import (
    is_for,
    mark_of_code,
    our_services,
    settings_in,
    with_own_lines,
    with_services,
)
from installer.world import points_here
from mailadmin import shipped

PLACE = Path("/etc/mailadmin")
TLS = PLACE / "tls"
DOVECOT, POSTFIX, MAPS = Path("/etc/dovecot"), Path("/etc/postfix"), Path("/etc/postfix/sql")
OWN_LINES = "\n# --- Own lines: what stands below is never written by deploy/install.\n"
DATABASE = {"ENGINE": "django.db.backends.mysql", "NAME": "mail", "USER": "mailadmin", "HOST": ""}
VERSION = "2.3"  # of Dovecot, in Debian 12


class Plan:
    def __init__(self, options, journal):
        self.options, self.journal = options, journal
        self.checkout = options.checkout
        self.python = self.checkout / ".venv/bin/python"
        self.live = Path("/etc/letsencrypt/live", options.hostname)
        self.environment = settings_in(self.checkout / ".env")
        self.values = self._values()
        self.files = shipped.render(self.values, self._blocks())

    def steps(self):
        return [
            *self._packages_and_users(),
            *self._panel_and_database(),
            *self._certificate(),
            *self._dovecot(),
            *self._postfix(),
            *self._around(),
            *self._services(),
            *self._from_an_authority(),
        ]

    # --- What is filled in

    def _values(self):
        options, secrets = self.options, self.journal.secrets
        wanted = {
            "HOSTNAME": options.hostname,
            "VMAIL_ROOT": options.mail_root,
            "VMAIL_UID": self.environment.get("VMAIL_UID", "5000"),
            "VMAIL_GID": self.environment.get("VMAIL_GID", "5000"),
            "RECIPIENT_DELIMITER": self.environment.get("RECIPIENT_DELIMITER", "+"),
            "PASSWORD_DEFAULT_SCHEME": self.environment.get("PASSWORD_DEFAULT_SCHEME", "CRYPT"),
        }
        given = {
            "TLS_CERT": TLS / "fullchain.pem",
            "TLS_KEY": TLS / "privkey.pem",
            "VMAIL_USER": "vmail",
            "EXPUNGE_DAYS": options.expunge_days,
        }
        return shipped.fill_in(wanted, DATABASE, secrets, **given) | {
            "PANEL_SQL_PASSWORD": secrets["panel"],
            "SECRET_KEY": secrets["secret_key"],
            "ADMIN": options.admin,
            "TIME_ZONE": options.time_zone,
        }

    def _blocks(self):
        return {
            "sieve",
            *shipped.postfix_blocks(shipped.postfix_here() or shipped.POSTFIX),
            *shipped.nginx_blocks(shipped.nginx_here() or shipped.NGINX),
            *self._blocks_of_the_tables(),
        }

    def _blocks_of_the_tables(self):
        """The blocks that the panel's rows ask for; none before the panel is there."""
        code = (
            "import django; django.setup(); from mailadmin.mailconf import blocks_needed;"
            "print(*blocks_needed())"
        )
        if os.geteuid() != 0 or not self.python.exists():
            return []
        found = subprocess.run(  # noqa: S603
            ["runuser", "-u", "mailadmin", "--", self.python, "-B", "-c", code],  # noqa: S607
            capture_output=True,
            text=True,
            cwd=self.checkout,
            env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "mailadmin.settings"},
        )
        return found.stdout.split() if found.returncode == 0 else []

    def _host(self, name):
        text = (shipped.DEPLOY / "host" / name).read_text()
        return shipped.MARKER.sub(lambda m: self.values[m[1]], text)

    # --- The steps

    def _packages_and_users(self):
        configurations = [DOVECOT / "dovecot.conf", POSTFIX / "main.cf"]
        yield Packages(
            shipped.DEPLOY / "bin/install-packages", ["run", "mysql", "host"], configurations
        )
        yield Account("vmail", home=self.options.mail_root, uid=self.values["VMAIL_UID"])
        yield Account("mailadmin", home=self.checkout)
        yield Directory(self.options.mail_root, 0o700, "vmail", "vmail", mail=True)
        yield Directory(self.checkout / "var", 0o750, "mailadmin", "mailadmin")

    def _panel_and_database(self):
        checkout = self.checkout
        make = ["make", "--no-print-directory", "-C", checkout, ".venv/installed-mysql"]
        yield Command(
            "the panel's Python packages",
            ["env", "PIP_NO_CACHE_DIR=1", *make],
            lambda: succeeds([*make, "-q"]),
            makes=[checkout / ".venv", checkout / "mailadmin.egg-info"],
            advice="Is the package index reachable, and is there 1 GB of memory? Then run this again.",
        )
        yield Service("mariadb", ready=lambda: succeeds(["mariadb", "-e", "SELECT 1"]))
        yield File(
            checkout / ".env",
            self._host("env"),
            0o640,
            "root",
            "mailadmin",
            stale=["mailadmin"],
            **with_own_lines(OWN_LINES),
        )
        yield Sql("the panel's database", "database.sql", self._host("database.sql"))
        yield self._manage("tables", ["migrate", "--no-input", "-v", "0"], ["migrate", "--check"])
        yield Changed(
            "the panel's code", "code", mark_of_code(checkout), stale=["mailadmin", "static files"]
        )
        yield _Static(self.python, checkout)
        yield Sql(
            "what Postfix and Dovecot may read", "grants.sql", self.files["mariadb/grants.sql"]
        )

    def _manage(self, title, command, check):
        manage = [self.python, "-B", self.checkout / "manage.py"]
        asked = ["runuser", "-u", "mailadmin", "--", *manage, *check]
        return Command(
            title,
            [*manage, *command],
            lambda: self.python.exists() and succeeds(asked, cwd=self.checkout),
            user="mailadmin",
            cwd=self.checkout,
            replan=True,
        )

    def _certificate(self):
        stale = ["postfix", "dovecot", "nginx"]
        yield Directory(PLACE)
        yield Directory(TLS)
        if self.options.tls_cert:
            cert, key = self.options.tls_cert, self.options.tls_key
        elif self._certified():
            cert, key = self.live / "fullchain.pem", self.live / "privkey.pem"
        else:
            cert, key = TLS / "self-signed.pem", TLS / "self-signed.key"
            yield Command(
                "a certificate, signed by itself",
                [
                    *(
                        "openssl",
                        "req",
                        "-x509",
                        "-newkey",
                        "ec",
                        "-pkeyopt",
                        "ec_paramgen_curve:P-256",
                    ),
                    *("-nodes", "-days", "3650", "-subj", f"/CN={self.options.hostname}"),
                    *("-addext", f"subjectAltName=DNS:{self.options.hostname}"),
                    *("-keyout", key, "-out", cert),
                ],
                lambda: (
                    succeeds(["openssl", "x509", "-noout", "-checkend", "86400", "-in", cert])
                    and is_for(cert, self.options.hostname)
                ),
                makes=[cert, key],
            )
        yield Link(TLS / "fullchain.pem", cert, stale=stale)
        yield Link(TLS / "privkey.pem", key, stale=stale)

    def _certified(self):
        return self.options.certificate == "certbot" and (self.live / "fullchain.pem").exists()

    def _from_an_authority(self):
        """Last: nginx must be there to be asked, and without an answer the host works all the same."""
        hook = "systemctl reload nginx postfix dovecot"
        place = Path("/etc/letsencrypt")
        yield Command(
            "a certificate that everybody knows",
            [
                *(
                    "certbot",
                    "certonly",
                    "--non-interactive",
                    "--agree-tos",
                    "-m",
                    self.options.admin,
                ),
                *("--webroot", "-w", "/var/www/html", "-d", self.options.hostname),
                *("--deploy-hook", hook if machine.runs_systemd() else "true"),
            ],
            lambda: (
                self.options.tls_cert
                or self.options.certificate != "certbot"
                or self._certified()
                or not points_here(self.options.hostname)
            ),
            # The rest goes with the package, unless it has other names' certificates.
            makes=[
                self.live,
                place / "archive" / self.options.hostname,
                place / "renewal" / f"{self.options.hostname}.conf",
                Path("/var/lib/letsencrypt"),
            ],
            advice="Until then the certificate is the one that signs itself. Does port 80 reach this machine?"
            " Or say --certificate self-signed.",
            replan=True,
        )

    def _dovecot(self):
        for name in self._names(f"dovecot/{VERSION}/"):
            path = DOVECOT / Path(name).name
            yield File(path, self.files[name], 0o640, "root", "dovecot", stale=["dovecot"])
        script = DOVECOT / "sieve/junk.sieve"
        yield File(script, self.files["sieve/junk.sieve"], stale=["dovecot"])
        compiled = script.with_suffix(".svbin")
        yield Command(
            "the filter for Junk",
            ["sievec", script],
            lambda: compiled.exists() and compiled.stat().st_mtime >= script.stat().st_mtime,
            makes=[compiled],
        )

    def _postfix(self):
        yield Directory(MAPS, 0o750, "root", "postfix")
        for name in self._names("postfix/"):
            if name not in ("postfix/main.cf", "postfix/master.cf"):
                yield File(MAPS / Path(name).name, self.files[name], 0o640, "root", "postfix")
        yield File(
            POSTFIX / "main.cf",
            self.files["postfix/main.cf"],
            stale=["postfix"],
            **with_own_lines(OWN_LINES),
        )
        yield File(
            POSTFIX / "master.cf",
            self.files["postfix/master.cf"],
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

    def _around(self):
        for name in self._names("systemd/"):
            unit = name.removeprefix("systemd/")
            stale = ["units", "mailadmin"] if unit == "mailadmin.service" else ["units"]
            yield File(Path("/etc/systemd/system") / unit, self.files[name], stale=stale)
        site = Path("/etc/nginx/sites-available/mailadmin")
        yield File(site, self.files["nginx/mailadmin.conf"], stale=["nginx"])
        yield Link(
            "/etc/nginx/sites-enabled/mailadmin", "../sites-available/mailadmin", stale=["nginx"]
        )
        for name in self._names("fail2ban/"):
            path = Path("/etc/fail2ban") / name.removeprefix("fail2ban/")
            yield File(path, self.files[name], stale=["fail2ban"])
        journald = Path("/etc/systemd/journald.conf.d/mailadmin.conf")
        yield File(journald, self.files["journald/mailadmin.conf"], stale=["systemd-journald"])

    def _services(self):
        port = services.answers_on
        yield services.Units()
        yield Service("systemd-journald")
        yield Service(
            "dovecot", check=["doveconf", "-n"], ready=lambda: all(map(port, [143, 993, 4190]))
        )
        # Under systemd the unit "postfix" only stands for this one.
        postfix = "postfix" if machine.runs_systemd() else "postfix@-"
        yield Service(
            postfix,
            name="postfix",
            check=["postfix", "check"],
            ready=lambda: all(map(port, [25, 465, 587])),
        )
        yield Service("mailadmin.socket")
        yield Service("mailadmin")
        yield Service("nginx", check=["nginx", "-t"], ready=lambda: all(map(port, [80, 443])))
        yield Service("fail2ban", check=["fail2ban-client", "-t"])
        for timer in ["snapshot", "daily", "checkdns", "expunge"]:
            yield Service(f"mailadmin-{timer}.timer")
        yield Superadmin(self.python, self.checkout, self.options.admin)

    def _names(self, folder):
        return [name for name in self.files if name.startswith(folder)]


class _Static(Command):
    """Style sheets and scripts under hashed names, again when the code is new."""

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

    def difference(self, journal):
        listed = subprocess.run(  # noqa: S603
            [*map(str, self.manage), "admin", "list", "--superadmins"],
            capture_output=True,
            text=True,
            cwd=self.checkout,
        )
        return (
            ""
            if listed.returncode == 0 and listed.stdout.strip()
            else f"{self.login}, with a new password"
        )

    def do(self, journal, log):
        command = [*self.manage, "admin", "add", self.login, "--superadmin", "--generate", "--json"]
        printed = run(command, log=log, cwd=self.checkout, secret_output=True)
        password = json.loads(printed)["password"]
        log.tell(f"\n  Superadmin {self.login}, password: {password}\n  It is shown this once.\n")
