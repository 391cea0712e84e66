import contextlib
from pathlib import Path
from urllib.parse import quote, urlencode

import MySQLdb
from passlib.hash import sha512_crypt

from tests.bench import cpu, data
from tests.bench.browser import Browser
from tests.bench.nginx import before_panel
from tests.e2e.panel import Panel
from tests.mariadb import NAME
from tests.servers.postfixadmin import PostfixAdmin as DebiansPostfixAdmin
from tests.servers.postfixadmin import token
from tests.servers.processes import ROOT

DATABASE = "postfixadmin"
TABLES = (
    "domain",
    "alias_domain",
    "mailbox",
    "alias",
    "admin",
    "domain_admins",
    "quota2",
    "log",
)

SETTINGS = "$CONF['encrypt'] = 'php_crypt:SHA512';\n"


def peer(site, name):
    return PostfixAdmin(site) if name == "postfixadmin" else Checkout(site, Path(name).resolve())


class Checkout:
    """The panel of the directory ``root``, with the rows of ``site``: its schema must be the same."""

    def __init__(self, site, root=ROOT):
        self.name = root.name
        directory = site.directory / f"panel-{root.name}"
        directory.mkdir()
        kind = type("ThatPanel", (Panel,), {"root": root})
        # The throttle would take 4 clients for one that guesses.
        self.panel = kind(site.database.url, directory, LOGIN_FAILURES="1000")
        self.nginx = before_panel(directory, self.panel.port, root)
        self.port = self.nginx.port

    def start(self):
        self.panel.start()
        self.nginx.start()
        return self

    def stop(self):
        self.nginx.stop()
        self.panel.stop()

    def programs(self):
        return cpu.tree(self.panel.pid)

    def sign_in(self, account):
        return Browser(self.port).sign_in(account, data.PASSWORD)

    def url(self, account, name, samples, ours):
        return ours


class PostfixAdmin(DebiansPostfixAdmin):
    """Debian's package as it is, its own schema and defaults; of our rows what its columns hold."""

    name = "PostfixAdmin"

    def __init__(self, site):
        self.login = {
            "host": "127.0.0.1",
            "port": site.database.port,
            "user": NAME,
            "password": site.database.password,
        }
        database = {name.upper(): value for name, value in self.login.items()} | {"NAME": DATABASE}
        super().__init__(site.directory / "postfixadmin", database, SETTINGS)

    def start(self):
        super().start()
        self._copy_rows()
        return self

    def programs(self):
        return cpu.tree(self.fpm.process.pid)

    def _copy_rows(self):
        with contextlib.closing(MySQLdb.connect(**self.login)) as connection:
            cursor = connection.cursor()
            cursor.execute(f"CREATE OR REPLACE DATABASE {DATABASE}")
            self.upgrade()
            cursor.execute("SET unique_checks = 0, foreign_key_checks = 0")
            for table in TABLES:
                columns = ", ".join(
                    f"`{name}`"
                    for name in self._columns(cursor, DATABASE, table)
                    if name in self._columns(cursor, NAME, table)
                )
                cursor.execute(f"DELETE FROM {DATABASE}.{table}")
                cursor.execute(
                    f"INSERT INTO {DATABASE}.{table} ({columns})"
                    f" SELECT {columns} FROM {NAME}.{table}"
                )
            password = sha512_crypt.using(rounds=5_000).hash(data.PASSWORD)
            cursor.execute(f"UPDATE {DATABASE}.admin SET password = %s", [password])
            connection.commit()
            cursor.execute(f"ANALYZE TABLE {', '.join(f'{DATABASE}.{t}' for t in TABLES)}")

    def _columns(self, cursor, database, table):
        cursor.execute(f"SHOW COLUMNS FROM {database}.{table}")
        return [row[0] for row in cursor.fetchall()]

    def sign_in(self, account):
        browser = Browser(self.port)
        form = token(browser.get("/login.php").body.decode())
        values = {"fUsername": account, "fPassword": data.PASSWORD, "token": form}
        answer = browser.post("/login.php", values | {"lang": "en", "submit": "Login"})
        if answer.status != 302:
            raise RuntimeError(f"{account} cannot sign in to PostfixAdmin: {answer.status}")
        return browser

    def url(self, account, name, samples, ours):
        """The page for the same purpose, or None: a superadmin's."""
        of, big = samples, data.BIG
        if account != data.SUPERADMIN:
            return None
        return {
            "dashboard": "/main.php",
            "domains": "/list.php?table=domain",
            "administrators": "/list.php?table=admin",
            "domain, average": f"/list-virtual.php?domain={of.average}",
            "mailboxes of average": f"/list-virtual.php?domain={of.average}",
            "aliases of average": f"/list-virtual.php?domain={of.average}",
            "domain, big": f"/list-virtual.php?domain={big}",
            "mailboxes of big": f"/list-virtual.php?domain={big}",
            "search, few": "/list-virtual.php?" + urlencode({"search[_]": of.mailbox[:12]}),
            "mailbox, create": f"/edit.php?table=mailbox&domain={of.average}",
            "mailbox, edit": f"/edit.php?table=mailbox&edit={quote(of.mailbox)}",
            "alias, create": f"/edit.php?table=alias&domain={of.average}",
            "alias, edit": f"/edit.php?table=alias&edit={quote(of.alias)}",
            "domain, create": "/edit.php?table=domain",
            "domain, edit": f"/edit.php?table=domain&edit={of.average}",
            "log": "/viewlog.php",
        }.get(name)
