import contextlib
import os
import pwd
import shutil
import tempfile
from pathlib import Path

import MySQLdb

from mailadmin import mailconf, shipped, written_files
from tests.servers.certificate import certify
from tests.servers.dovecot import Dovecot
from tests.servers.gate import Gate
from tests.servers.opendkim import OpenDKIM
from tests.servers.postfix import Postfix
from tests.servers.postsrsd import PostSRSd
from tests.servers.processes import free_ports, run_sql
from tests.servers.rspamd import Rspamd
from tests.servers.sink import Sink

HOSTNAME = "mail.example.com"
OWNER = "mail"  # whose files the mail is; every Debian has this account


class MailServer:
    """Postfix and Dovecot on ``database``, an entry of settings.DATABASES.

    install() writes the files and makes the SQL users, start() does that and starts everything,
    stop() ends it and removes ``directory`` if it was made here (all users must be able to
    enter it). ``gate`` takes the database away from the daemons, ``outside`` collects mail for
    other servers. Ports are ``smtp_port``, ``submission_port``, ``submissions_port``,
    ``imap_port``, ``imaps_port``, ``pop3_port`` and ``pop3s_port``.
    """

    def __init__(self, database, directory=None, *, blocks=(), worker="", **markers):
        if os.geteuid() != 0:
            raise RuntimeError("Postfix and Dovecot change users as they start: run this as root.")
        if not database["PORT"]:
            raise RuntimeError(
                "Postfix and Dovecot read MariaDB: run this without TEST_DATABASE=sqlite."
            )
        self.database = database
        self.blocks = blocks
        self.markers = markers  # of mailconf, which stand above ours
        self.kept = directory is not None
        self.directory = Path(directory or tempfile.mkdtemp(prefix="mail-"))
        self.directory.chmod(0o755)
        self.certificate = self.directory / "cert.pem"
        self.key = self.directory / "key.pem"
        self.mail_root = self.directory / "vmail"
        # Several tests may share a database server, whose users are not per database.
        self.postfix_sql_user = f"postfix_{worker or os.getpid()}"
        self.dovecot_sql_user = f"dovecot_{worker or os.getpid()}"
        self.signer_sql_user = f"signer_{worker or os.getpid()}"
        self.files = written_files.Directory(self.directory / "files")
        self.gate = Gate((database["HOST"], int(database["PORT"])), self.directory / "gate.out")
        self.outside = Sink()
        with_filters = "sieve" in blocks
        self.postfix = Postfix(
            self.directory,
            self.files.path / "postfix",
            outside_port=self.outside.port,
            local_port=free_ports(1)[0] if with_filters else None,
        )
        self.dovecot = Dovecot(
            self.directory,
            self.files.path / "dovecot" / "2.3",
            filters=self.files.path / "sieve" if with_filters else None,
            smtp_port=self.postfix.local_port,
        )
        self.opendkim = None
        if "opendkim" in blocks:
            self.opendkim = OpenDKIM(self.directory, self.files.path / "opendkim")
        self.rspamd = None
        if "rspamd" in blocks:
            self.rspamd = Rspamd(self.directory, self.files.path)
        self.postsrsd = None
        if "srs" in blocks:
            self.postsrsd = PostSRSd(self.directory, self.files.path / "postsrsd")
        self.smtp_port = self.postfix.smtp_port
        self.submission_port = self.postfix.submission_port
        self.submissions_port = self.postfix.submissions_port
        self.imap_port, self.imaps_port = self.dovecot.imap_port, self.dovecot.imaps_port
        self.pop3_port, self.pop3s_port = self.dovecot.pop3_port, self.dovecot.pop3s_port

    def install(self):
        self.gate.open()
        owner = pwd.getpwnam(OWNER)
        values = mailconf.marker_values(
            {**self.database, "PORT": self.gate.port},
            self.files.passwords,
            **{
                "HOSTNAME": HOSTNAME,
                "VMAIL_ROOT": self.mail_root,
                "VMAIL_UID": owner.pw_uid,
                "VMAIL_GID": owner.pw_gid,
                "TLS_CERT": self.certificate,
                "TLS_KEY": self.key,
                "MAPS": self.postfix.maps,
                "DOVECOT_CONF": self.dovecot.conf,
                "POSTFIX_QUEUE": self.postfix.queue,
                "POSTFIX_SQL_USER": self.postfix_sql_user,
                "DOVECOT_SQL_USER": self.dovecot_sql_user,
                "SIGNER_SQL_USER": self.signer_sql_user,
                "PANEL_USER": OWNER,
                **(self.opendkim.markers if self.opendkim else {}),
                **(self.rspamd.markers if self.rspamd else {}),
                **(self.postsrsd.markers if self.postsrsd else {}),
                **self.markers,
            },
        )
        blocks = {
            *self.blocks,
            *shipped.postfix_blocks(shipped.postfix_here()),
            *shipped.nginx_blocks(shipped.nginx_here()),
        }
        self.files.write(shipped.render(values, blocks))
        self.grant()
        certify(HOSTNAME, self.certificate, self.key)
        self.mail_root.mkdir(mode=0o700)
        shutil.chown(self.mail_root, owner.pw_uid, owner.pw_gid)
        self.postfix.prepare()
        self.postfix.install()
        self.dovecot.install()
        for signer in filter(None, [self.opendkim, self.rspamd]):
            run_sql(self.database, self.files.path / "mariadb" / "signer.sql")
            signer.install()
        return self

    def start(self):
        try:
            self.install()
            self.outside.start()
            self.dovecot.start()
            for program in filter(None, [self.opendkim, self.rspamd, self.postsrsd]):
                program.start()
            self.postfix.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        self.postfix.stop()
        for program in filter(None, [self.opendkim, self.rspamd, self.postsrsd]):
            program.stop()
        self.dovecot.stop()
        self.gate.shut()
        self.outside.stop()
        if not self.kept:
            shutil.rmtree(self.directory, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *exception):
        self.stop()

    def connect(self, user=None, password=None, database=None):
        """Return a connection to the database, past the gate; by default as the panel's user."""
        return MySQLdb.connect(
            host=self.database["HOST"],
            port=int(self.database["PORT"]),
            user=user or self.database["USER"],
            password=password or self.database["PASSWORD"],
            database=database or self.database["NAME"],
            charset="utf8mb4",
            autocommit=True,
        )

    def connect_as_postfix(self):
        return self.connect(self.postfix_sql_user, self.files.passwords["postfix"])

    def connect_as_dovecot(self):
        return self.connect(self.dovecot_sql_user, self.files.passwords["dovecot"])

    def connect_as_signer(self):
        return self.connect(self.signer_sql_user, self.files.passwords["signer"])

    def execute(self, statement, parameters=None, *, connection=None):
        connection = connection or self.connect()
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall()

    @contextlib.contextmanager
    def statements_of(self, user):
        """Collect, in a list that is filled at the end, the statements ``user`` sends meanwhile."""
        self.execute("SET GLOBAL log_output = 'TABLE'")
        [[start]] = self.execute("SELECT NOW(6)")
        self.execute("SET GLOBAL general_log = ON")
        collected = []
        try:
            yield collected
        finally:
            self.execute("SET GLOBAL general_log = OFF")
        rows = self.execute(
            "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log WHERE event_time >= %s"
            " AND command_type = 'Query' AND user_host LIKE %s ORDER BY event_time",
            [start, f"{user}[%"],
        )
        collected += [" ".join(argument.split()) for [argument] in rows]

    @contextlib.contextmanager
    def slow_after_guesses(self):
        """Dovecot's waits are as on a real server meanwhile.

        Postfix is started anew with it: it would hold on to the process that it knows, and that to its rules.
        """
        self.postfix.stop()
        try:
            with self.dovecot.with_its_delays():
                self.postfix.start()
                try:
                    yield
                finally:
                    self.postfix.stop()
        finally:
            self.postfix.start()

    def grant(self):
        run_sql(self.database, self.files.path / "mariadb" / "grants.sql")
