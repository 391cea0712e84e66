import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin

from tests.bench.browser import Browser
from tests.bench.nginx import Nginx
from tests.pages.reading import FormReader
from tests.servers.processes import PROGRAMS, Process, find

# Or another release's: a folder with its config.inc.php in it, and no links that lead nowhere.
PACKAGE = Path(os.environ.get("POSTFIXADMIN", "/usr/share/postfixadmin"))
FPM = """
[global]
error_log = {directory}/fpm.log
daemonize = no
[www]
{user}
listen = {directory}/fpm.sock
listen.mode = 0666
pm = static
pm.max_children = 4
; Its configuration is changed between two requests.
php_admin_value[opcache.enable] = {opcache}
"""
PHP = """
root {root}/public;
index index.php;
location ~ [.]php$ {{
    include /etc/nginx/fastcgi_params;
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    fastcgi_pass unix:{directory}/fpm.sock;
}}
"""
DATABASE_SETTINGS = """<?php
$dbtype = 'mysqli'; $dbserver = '{HOST}';
$dbuser = '{USER}'; $dbpass = '{PASSWORD}'; $dbname = '{NAME}';
"""


class PostfixAdmin:
    """On ``database``, an entry of settings.DATABASES. ``conf`` are lines of its config.local.php."""

    def __init__(self, directory, database, conf="", opcache="1"):
        self.directory, self.database = directory, database
        self.root = directory / "www"
        directory.mkdir()
        leave = shutil.ignore_patterns("config*.php", "templates_c")
        shutil.copytree(PACKAGE, self.root, ignore=leave)
        shutil.copy(PACKAGE / "config.inc.php", self.root)
        self.configure(conf)
        cache = self.root / "templates_c"
        cache.mkdir()
        root = os.geteuid() == 0
        if root:
            for path in (directory, cache):
                shutil.chown(path, "www-data")
        fpm = directory / "fpm.conf"
        user = "user = www-data\ngroup = www-data" if root else ""
        fpm.write_text(FPM.format(directory=directory, user=user, opcache=opcache))
        self.fpm = Process([find(_fpm()), "-F", "-y", fpm], directory / "fpm.out")
        block = PHP.format(root=self.root, directory=directory)
        self.nginx = Nginx(directory, block, user="user www-data;" if root else "")
        self.port = self.nginx.port

    @property
    def files(self):
        names = ("config.inc.php", "dbconfig.inc.php", "config.local.php")
        return [self.root / name for name in names]

    def configure(self, conf):
        text = DATABASE_SETTINGS.format(**self.database)
        (self.root / "dbconfig.inc.php").write_text(text)
        port = f"$CONF['database_port'] = '{self.database['PORT']}';\n"
        (self.root / "config.local.php").write_text(f"<?php\n{port}{conf}")

    def start(self):
        self.fpm.start((self.directory / "fpm.sock").exists)
        self.nginx.start()
        return self

    def stop(self):
        self.nginx.stop()
        self.fpm.stop()

    __enter__ = start

    def __exit__(self, *exception):
        self.stop()

    def upgrade(self):
        answer = OneByOne(self.port).get("/upgrade.php")
        if answer.status != 200:
            raise RuntimeError(answer.body[-3000:].decode())
        return answer.body.decode()

    def command(self, *arguments):
        program = self.root / "scripts" / "postfixadmin-cli"
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, env={"PATH": PROGRAMS}
        )
        if done.returncode:
            raise RuntimeError(f"postfixadmin-cli {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def visitor(self, account, password, *, of="admin"):
        """Somebody who is signed in there, an administrator or a user; None if it lets them not in."""
        browser = OneByOne(self.port)
        page = "/login.php" if of == "admin" else "/users/login.php"
        values = {"fUsername": account, "fPassword": password, "lang": "en", "submit": "Login"}
        answer = browser.post(page, values | {"token": token(browser.get(page).body.decode())})
        return Visitor(browser) if answer.status == 302 else None


class OneByOne(Browser):
    def _ask(self, *arguments):
        try:
            return super()._ask(*arguments)
        finally:
            self.close()

    def _exchange(self, request):
        head, body = super()._exchange(request)
        # Else the length of a part may stand in the midst of a form's value.
        is_in_parts = re.search(rb"(?i)\r\ntransfer-encoding: chunked", head)
        return head, _joined(body) if is_in_parts else body


def _joined(parts):
    found, number = b"", -1
    while number != 0:
        length, _end, parts = parts.partition(b"\r\n")
        number = int(length, 16)
        found, parts = found + parts[:number], parts[number + 2 :]
    return found


class Visitor:
    def __init__(self, browser):
        self.browser = browser

    def page(self, path):
        answer = self.browser.get(path)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        return answer.body.decode()

    def edit(self, table, key=None, **values):
        """Save the form of ``table``, a new row or that of ``key``, with ``values`` changed; what it answered."""
        path = f"/edit.php?table={table}" + (f"&edit={quote(key)}" if key else "")
        return self.send(path, dict(_fields(values)))

    def send(self, path, values):
        form = next(form for form in FormReader(self.page(path)).forms if "token" in form)
        answer = self.browser.post(path, form | values)
        while answer.status == 302:
            path = urljoin(path, answer.header("location"))
            answer = self.browser.get(path)
        return answer.body.decode()

    def delete(self, table, key):
        values = {"table": table, "delete": key, "token": self.token(table)}
        return self.browser.post("/delete.php", values)

    def switch(self, table, key, *, on):
        query = {"table": table, "id": key, "active": int(on), "token": self.token(table)}
        return self.browser.get(f"/editactive.php?{urlencode(query)}")

    def token(self, table):
        return token(self.page(f"/edit.php?table={table}"))


def _fields(values):
    for name, value in values.items():
        if isinstance(value, list):
            yield from ((f"value[{name}][{number}]", item) for number, item in enumerate(value))
        else:
            yield f"value[{name}]", value


def token(page):
    return re.search(r'name="token" value="([^"]+)"', page)[1]


def _fpm():
    """Debian's php-fpm carries its version in its name."""
    return max(path.name for path in Path("/usr/sbin").glob("php-fpm[0-9]*"))
