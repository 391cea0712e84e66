import pwd
import secrets
import shutil
import smtplib
import tempfile
from contextlib import closing
from io import StringIO
from pathlib import Path
from threading import Event, Thread

from django.core.management import CommandError, call_command
from django.db import connection

from tests.adoption import postfixadmin
from tests.adoption.post import Post
from tests.servers.certificate import certify
from tests.servers.clients import imap, message
from tests.servers.dovecot import Dovecot
from tests.servers.mail import OWNER
from tests.servers.postfixadmin import PostfixAdmin
from tests.strangers import connect

# A mailbox, by its name in an alias domain, too, and an alias that leads to it.
RECIPIENTS = ["ann@example.org", "ann@other.example", "desk@example.org"]
SECRET = "tangerine-47-bicycle"
CONF = """
$CONF['emailcheck_resolve_domain'] = 'NO';
$CONF['quota'] = 'YES';
$CONF['vacation'] = 'YES';
$CONF['vacation_domain'] = 'autoreply.example';
$CONF['smtp_port'] = '1';
"""
READS_OURS = "$CONF['encrypt'] = 'php_crypt:SHA512::{SHA512-CRYPT}';\n"
DOVECOT = """
protocols = imap pop3
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
mail_plugins = quota quota_clone
protocol imap {{
  mail_plugins = quota quota_clone imap_quota
}}
passdb {{
  driver = sql
  args = {conf}/sql.conf.ext
}}
userdb {{
  driver = sql
  args = {conf}/sql.conf.ext
}}
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  quota_clone_dict = proxy::sqlquota
}}
dict {{
  sqlquota = mysql:{conf}/dict.conf.ext
}}
service dict {{
  unix_listener dict {{
    mode = 0666
  }}
}}
"""
CONNECT = "host={HOST} port={PORT} dbname={NAME} user={user} password={password}"
SQL = """driver = mysql
connect = {connect}
default_pass_scheme = CRYPT
password_query = SELECT username AS user,password FROM mailbox WHERE username = '%u' AND active='1'
user_query = SELECT CONCAT('{mail}/', maildir) AS home, CONCAT('maildir:{mail}/', maildir) AS mail, \
  {uid} AS uid, {gid} AS gid, CONCAT('*:bytes=', quota) AS quota_rule \
  FROM mailbox WHERE username = '%u' AND active='1'
"""
DICT = """connect = {connect}
map {{
  pattern = priv/quota/storage
  table = quota2
  username_field = username
  value_field = bytes
}}
map {{
  pattern = priv/quota/messages
  table = quota2
  username_field = username
  value_field = messages
}}
"""


class Evening:
    """Everything runs between start() and stop(), on a database of its own that becomes the panel's."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="evening-"))
        self.directory.chmod(0o755)
        self.settings = connection.settings_dict
        self.own = self.settings["NAME"]
        self.name = f"evening_{secrets.token_hex(4)}"
        self.user, self.password = self.name, secrets.token_hex(16)
        self.certificate, self.key = self.directory / "cert.pem", self.directory / "key.pem"

    def start(self):
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        root = connect()
        root.query(f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")
        root.close()
        connection.close()
        self.settings["NAME"] = self.name
        self.pages = PostfixAdmin(self.directory / "pages", self.settings, CONF, opcache="0")
        self.pages.start()
        self.pages.upgrade()
        self._install_dovecot()
        self.dovecot.start()
        self.post = Post(self)
        self.post.install()
        self.post.start()
        return self

    def stop(self):
        # First of all, or every other test would go on in this database.
        connection.close()
        self.settings["NAME"] = self.own
        for server in ("post", "dovecot", "pages"):
            if hasattr(self, server):
                getattr(self, server).stop()
        root = connect()
        for name in (self.name, f"{self.name}_adopt"):
            root.query(f"DROP DATABASE IF EXISTS {name}")
        root.query(f"DROP USER IF EXISTS '{self.user}'@'%'")
        root.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def adopt(self, *arguments):
        conf = [word for file in self.pages.files for word in ("--config", file)]
        out = StringIO()
        if "--apply" in arguments:
            conf += ["--report", "/dev/null"]
        try:
            call_command("adopt", *conf, *arguments, stdout=out, stderr=StringIO())
        except (CommandError, SystemExit) as error:
            raise AssertionError(out.getvalue()) from error

    def visitor(self, account, *, of="admin", password=SECRET):
        return self.pages.visitor(account, password, of=of)

    @property
    def imaps_port(self):
        return self.dovecot.imaps_port

    def may_read(self, account, password=SECRET):
        return self.dovecot.may_log_in(account, password)

    def _install_dovecot(self):
        postfixadmin.run(
            f"CREATE USER '{self.user}'@'%' IDENTIFIED BY '{self.password}';\n"
            f"GRANT SELECT ON {self.name}.mailbox TO '{self.user}'@'%';\n"
            f"GRANT SELECT, INSERT, UPDATE ON {self.name}.quota2 TO '{self.user}'@'%'"
        )
        certify("localhost", self.certificate, self.key)
        owner = pwd.getpwnam(OWNER)
        mail, files = self.directory / "mail", self.directory / "files"
        mail.mkdir()
        shutil.chown(mail, owner.pw_uid, owner.pw_gid)
        files.mkdir()
        self.dovecot = Dovecot(self.directory, files)
        connect = CONNECT.format(**self.settings, user=self.user, password=self.password)
        values = {
            "connect": connect,
            "mail": mail,
            "conf": self.dovecot.conf,
            "uid": owner.pw_uid,
            "gid": owner.pw_gid,
            "certificate": self.certificate,
            "key": self.key,
        }
        for name, text in {
            "dovecot.conf": DOVECOT + f"first_valid_uid = {owner.pw_uid}\n",
            "sql.conf.ext": SQL,
            "dict.conf.ext": DICT,
        }.items():
            (files / name).write_text(text.format(**values))
        self.dovecot.install()


class Life:
    """While it is inside: somebody makes mailboxes in PostfixAdmin, mail is stored, sent and delivered, Postfix asks."""

    def __init__(self, evening):
        self.evening, self.over = evening, Event()
        self.acknowledged, self.refused, self.errors = [], [], []
        self.arrived = self.accepted = self.hung_up = 0
        works = (self._create, self._store, self._ask, self._send)
        self.threads = [Thread(target=self._run, args=[work]) for work in works]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exception):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _run(self, work):
        try:
            work()
        except Exception as error:
            self.errors.append(error)

    def _create(self):
        visitor, count = self.evening.visitor("root@example.org"), 0
        while not self.over.is_set():
            count += 1
            said = new_mailbox(visitor, f"life{count}")
            done = f"The mailbox life{count}@example.org has been added" in said
            (self.acknowledged if done else self.refused).append(f"life{count}@example.org")

    def _store(self):
        with imap(self.evening, "joe@example.org", SECRET) as session:
            over = False
            while not over:
                # One more at the end: Dovecot writes the whole sum each time.
                over = self.over.wait(0.02)
                session.append("INBOX", None, None, b"Subject: one\r\n\r\nHello\r\n")
                self.arrived += 1

    def _send(self):
        """A stranger, on one connection, or on another where Postfix ends it: each answer but "accepted" is an error."""
        while not self.over.is_set():
            try:
                self._send_on(smtplib.SMTP("127.0.0.1", self.evening.post.smtp_port, timeout=60))
            except smtplib.SMTPServerDisconnected:
                self.hung_up += 1

    def _send_on(self, session):
        with closing(session):
            session.ehlo("client.example.net")
            while not self.over.wait(0.1):
                _subject, text = message("a@elsewhere.example", RECIPIENTS[0])
                refused = session.sendmail("a@elsewhere.example", RECIPIENTS, text)
                if refused:
                    self.errors.append(refused)
                self.accepted += 1

    def _ask(self):
        database = connect()
        database.autocommit(True)
        with closing(database):
            while not self.over.wait(0.02):
                database.query(
                    "SELECT goto FROM alias WHERE address='info@example.org' AND active='1'"
                )
                found = database.store_result().fetch_row(0)
                if len(found) != 1:
                    self.errors.append(found)


def new_mailbox(visitor, local_part, domain="example.org", **values):
    return visitor.edit(
        "mailbox",
        **{
            "local_part": local_part,
            "domain": domain,
            "password": SECRET,
            "password2": SECRET,
            "quota": "10",
            "welcome_mail": "",
        }
        | values,
    )
