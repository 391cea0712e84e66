"""A mail server of other people: Dovecot with mailboxes that all have one password, for what is fetched from there."""

import imaplib
import pwd
import shutil
import ssl
from base64 import b64encode

from tests.servers.certificate import certify
from tests.servers.processes import PATIENCE_SECONDS, Process, answers, find, free_ports

OWNER = "mail"
NAME, PASSWORD = "imap.elsewhere.example", 'päss "word\\'
SECRET = b64encode(PASSWORD.encode()).decode()
USERS = ("joe", "ann", "eve")
CONFIG = """
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
protocols = imap pop3
listen = 127.0.0.1
default_vsz_limit = 0
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:{directory}/mail/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/users
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={directory}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {ports[0]}
  }}
  inet_listener imaps {{
    port = {ports[1]}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {ports[2]}
  }}
  inet_listener pop3s {{
    port = {ports[3]}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


class Elsewhere:
    def __init__(self, directory):
        self.directory = directory
        self.certificate, self.key = directory / "cert.pem", directory / "key.pem"
        self.imap_port, self.imaps_port, self.pop3_port, self.pop3s_port = self.ports = free_ports(
            4
        )
        self._main = directory / "dovecot.conf"
        self._process = Process(
            [find("dovecot"), "-F", "-c", self._main], directory / "dovecot.out"
        )

    def start(self):
        owner = pwd.getpwnam(OWNER)
        for folder in (self.directory, *self.directory.parents[:3]):
            folder.chmod(0o755)
        mail = self.directory / "mail"
        mail.mkdir()
        shutil.chown(mail, owner.pw_uid, owner.pw_gid)
        certify(NAME, self.certificate, self.key)
        lines = (f"{name}:{{PLAIN.B64}}{SECRET}\n" for name in USERS)
        (self.directory / "users").write_text("".join(lines))
        values = {"directory": self.directory, "certificate": self.certificate, "key": self.key}
        self._main.write_text(CONFIG.format(owner=owner, ports=self.ports, **values))
        self._process.start(lambda: all(map(answers, self.ports)))
        return self

    def stop(self):
        self._process.stop()

    def session(self, user):
        context = ssl.create_default_context(cafile=self.certificate)
        session = imaplib.IMAP4_SSL(
            "localhost", self.imaps_port, ssl_context=context, timeout=PATIENCE_SECONDS
        )
        secret = f"\0{user}\0{PASSWORD}".encode()
        session.authenticate("PLAIN", lambda _challenge: secret)
        return session

    def put(self, user, *subjects, folder="INBOX", flags="", size=0):
        session = self.session(user)
        if folder != "INBOX":
            session.create(f'"{folder}"')
        for subject in subjects:
            body = "x" * 70 + "\r\n"
            text = f"From: <a@far.example>\r\nSubject: {subject}\r\n\r\n.Hello\r\n{body * (size // 72)}"
            kind, said = session.append(f'"{folder}"', flags, None, text.encode())
            assert kind == "OK", said
        session.logout()

    def subjects(self, user, folder="INBOX"):
        session = self.session(user)
        session.select(f'"{folder}"', readonly=True)
        _ok, [numbers] = session.search(None, "ALL")
        found = []
        for number in numbers.split():
            _ok, answer = session.fetch(number, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            found.append(answer[0][1].decode().removeprefix("Subject:").strip())
        session.logout()
        return found
