import secrets
from pathlib import Path

from installer import releases
from installer.certificate import PLACE
from installer.packages import Account
from installer.part import NAME, Answer, Part
from installer.services import Service, Stopped
from installer.steps import Command, Directory, File, Gone, Link, Sql, succeeds
from installer.world import note, points_here

CONF, TEMP = PLACE / "webmail", Path("/var/lib/mailadmin-webmail")
PLUGIN = Path("/var/lib/roundcube/plugins/mailadmin/mailadmin.php")
DRIVER = Path("/usr/share/roundcube/plugins/password/drivers/mailadmin.php")
TABLES = "/usr/share/roundcube/SQL/mysql.initial.sql"
SOCKET = Path("/run/php/mailadmin-webmail.sock")
SITE = Path("/etc/nginx/sites-available/mailadmin-webmail")
ENABLED = Path("/etc/nginx/sites-enabled/mailadmin-webmail")


class Webmail(Part):
    answers = {
        "webmail": Answer("The webmail's name, e.g. webmail.example.org (none).", shape=NAME)
    }
    secrets = {
        "webmail": lambda: secrets.token_hex(20),
        "roundcube": lambda: secrets.token_hex(20),
        "roundcube_key": lambda: secrets.token_hex(20),
    }
    purposes = ["webmail"]
    places = [
        *("/etc/php", "/etc/roundcube", "/etc/apache2", "/etc/dbconfig-common"),
        *("/var/lib/roundcube", "/var/lib/php", "/etc/alternatives/php-fpm.sock"),
    ]

    def __init__(self, plan):
        super().__init__(plan)
        self.php = releases.here().php
        self.unit = f"php{self.php}-fpm"

    @classmethod
    def wanted(cls, options):
        return bool(options.webmail)

    @classmethod
    def without(cls):
        return [Gone(ENABLED, stale=["nginx"]), Stopped(f"php{releases.here().php}-fpm")]

    @classmethod
    def findings(cls, options):
        if options.webmail and not points_here(options.webmail):
            yield note(
                "webmail",
                f"{options.webmail} does not point here.",
                "Give it the addresses of this server in the DNS, and run this again: its certificate waits for that.",
            )

    def blocks(self):
        return {"webmail"}

    def values(self):
        return {
            "WEBMAIL_HOST": self.options.webmail,
            "WEBMAIL_SECRET": self.journal.secrets["webmail"],
        }

    def users(self):
        yield Account("roundcube", home="/nonexistent")

    def steps(self):
        files = {
            name.removeprefix("roundcube/"): self.plan.files[name]
            for name in self.files_in("roundcube/")
        }
        database = self.plan.values["ROUNDCUBE_DB"]
        yield Sql("the webmail's database", "roundcube.sql", files["database.sql"])
        yield Command(
            "the webmail's tables",
            ["sh", "-c", f"mariadb {database} < {TABLES}"],
            lambda: succeeds(["mariadb", database, "-e", "SELECT 1 FROM `system`"]),
        )
        yield Directory(TEMP, 0o700, "roundcube", "roundcube")
        yield Directory(CONF)
        for name in ("config.inc.php", "mimetypes.php"):
            yield File(CONF / name, files[name], 0o640, "root", "roundcube", stale=[self.unit])
        yield File(PLUGIN, files["plugins/mailadmin/mailadmin.php"], stale=[self.unit])
        yield File(DRIVER, files["password-mailadmin.php"], stale=[self.unit])
        pool = Path(f"/etc/php/{self.php}/fpm/pool.d/mailadmin-webmail.conf")
        yield File(pool, files["pool.conf"], stale=[self.unit])
        yield File(SITE, files["nginx.conf"], stale=["nginx"])
        yield Link(ENABLED, f"../sites-available/{SITE.name}", stale=["nginx"])
        for name, text in files.items():
            if name.startswith("systemd/"):
                unit = name.removeprefix("systemd/")
                yield File(Path("/etc/systemd/system", unit), text, stale=["units"])

    def services(self):
        yield Service(self.unit, check=[f"php-fpm{self.php}", "-t"], ready=SOCKET.exists)

    def closing(self):
        return [f"Webmail: https://{self.options.webmail}/"]
