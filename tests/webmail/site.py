import shutil
import tempfile
from pathlib import Path

from mailadmin import written_files
from tests.e2e.web import HOST, WebHost
from tests.servers.processes import Process, find, free_ports, run_sql

WEBMAIL = "webmail.example.org"
SECRET = "s3cret" * 8
DEBIAN = Path("/var/lib/roundcube")  # links to /usr/share/roundcube and /etc/roundcube
POOL_OWNER = "nobody"  # the tests make no users
FPM = """
[global]
pid = {directory}/php-fpm.pid
error_log = {directory}/php-fpm.log
daemonize = no
include = {directory}/pool.conf
"""


class WebmailSite(WebHost):
    """``mail_server`` is the tests.servers.mail.MailServer whose mailboxes it reads; ``database`` has both databases."""

    options = ("--webmail-host", WEBMAIL, "--sieve")

    def __init__(self, database, mail_server):
        self.database, self.mail_server = database, mail_server
        # Not pytest's own, which PHP's user may not enter.
        directory = Path(tempfile.mkdtemp(prefix="webmail-"))
        directory.chmod(0o755)
        url = "mysql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format_map(database)
        super().__init__(url, directory, WEBMAIL_SECRET=SECRET)
        [self.panel_port] = free_ports(1)
        self.webmail_url = f"https://{WEBMAIL}:{self.https_port}"
        self.panel_url = f"https://{HOST}:{self.https_port}"
        self.tree = directory / "roundcube"
        self.conf_directory, self.temp = directory / "webmail-conf", directory / "temp"
        self.php_socket = directory / "php.sock"
        self.php = None

    def migrate(self):
        self.manage("migrate", "--no-input", "-v", "0")

    def start(self):
        super().start()
        self._install()
        program = find(next(p.name for p in sorted(Path("/usr/sbin").glob("php-fpm*"))))
        conf = self.directory / "fpm.conf"
        conf.write_text(FPM.format(directory=self.directory))
        self.php = Process([program, "-F", "-y", conf], self.log)
        self.php.start(self.php_socket.exists)
        return self

    def stop(self):
        if self.php:
            self.php.stop()
        super().stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def sites(self):
        text = self._file("nginx.conf")
        changes = {
            str(DEBIAN / "public_html"): str(self.tree / "public_html"),
            r"unix:\S+;": f"unix:{self.php_socket};",
            r"127\.0\.0\.1:8025": f"127.0.0.1:{self.panel_port}",
        }
        return super().sites() | {"webmail.conf": self.on_private_ports(text, changes)}

    def _file(self, name):
        return (self.files / "roundcube" / name).read_text()

    def _install(self):
        files = self.files / "roundcube"
        run_sql(self.database, files / "database.sql")
        tables = self.directory / "tables.sql"
        tables.write_text("USE roundcube;\nSOURCE /usr/share/roundcube/SQL/mysql.initial.sql;\n")
        run_sql(self.database, tables)
        self._link_debians_files()
        plugins = self.tree / "plugins"
        plugins.joinpath("mailadmin").mkdir()
        for file, place in {
            "plugins/mailadmin/mailadmin.php": "mailadmin/mailadmin.php",
            "password-mailadmin.php": "password/drivers/mailadmin.php",
        }.items():
            shutil.copyfile(files / file, plugins / place)
        self.conf_directory.mkdir()
        shutil.copy(files / "mimetypes.php", self.conf_directory)
        config = self._file("config.inc.php")
        for old, new in {
            ":143'": f":{self.mail_server.imap_port}'",
            ":587'": f":{self.mail_server.submission_port}'",
            ":8025/": f":{self.panel_port}/",
            "managesieve_host'] = '127.0.0.1'": f"managesieve_host'] = '127.0.0.1:{self.mail_server.dovecot.sieve_port}'",
            "/var/lib/mailadmin-webmail": str(self.temp),
            "= 'syslog'": "= 'file'",
        }.items():
            assert old in config, old
            config = config.replace(old, new)
        config += f"\n$config['log_dir'] = '{self.temp}';\n"
        (self.conf_directory / "config.inc.php").write_text(config)
        self.temp.mkdir()
        pool = self._file("pool.conf").replace(
            "/run/php/mailadmin-webmail.sock", str(self.php_socket)
        )
        pool = pool.replace("= roundcube\n", f"= {POOL_OWNER}\n").replace(
            "group = nobody", "group = nogroup"
        )
        pool = pool.replace("/etc/mailadmin/webmail", str(self.conf_directory))
        pool = pool.replace("/var/lib/mailadmin-webmail", str(self.temp))
        (self.directory / "pool.conf").write_text(pool)
        for path in (self.temp, self.conf_directory, *self.conf_directory.iterdir()):
            shutil.chown(path, POOL_OWNER, "nogroup")
            path.chmod(0o700 if path.is_dir() else 0o600)

    def _link_debians_files(self):
        """Roundcube finds plugins below its own directory only: one that belongs to the test."""
        shutil.copytree(DEBIAN / "public_html", self.tree / "public_html", symlinks=True)
        for name in ("index.php", "program", "skins", "SQL"):
            self.tree.joinpath(name).symlink_to(DEBIAN / name)
        self.tree.joinpath("plugins").mkdir()
        for plugin in (DEBIAN / "plugins").iterdir():
            if plugin.name == "password":
                shutil.copytree(
                    plugin.resolve(), self.tree / "plugins" / plugin.name, symlinks=True
                )
            else:
                self.tree.joinpath("plugins", plugin.name).symlink_to(plugin.resolve())

    @property
    def passwords(self):
        return written_files.Directory(self.files).passwords

    def execute(self, statement, *parameters):
        return self.mail_server.execute(statement, parameters)
