"""What a hand-made Dovecot knows of its users: its passwd-files, and what it answers itself."""

import os
import re
import shutil
import subprocess
from dataclasses import replace

from mailadmin.importing.reader import Unreadable
from mailadmin.importing.readers.maps import SBIN
from mailadmin.importing.readers.passwd_file import PasswdFile, bytes_of_rule
from mailadmin.importing.records import Mailbox

TOGETHER = 100
BLOCK = re.compile(r"^(passdb|userdb)(?: \S+)? \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)


class Dovecot:
    """``users``: passwd-files; none named are those of its configuration."""

    @classmethod
    def options(cls, parser):
        parser.add_argument(
            "--users",
            metavar="FILE",
            action="append",
            default=[],
            help="A passwd-file of Dovecot, with %%d in its name where each domain has one: /etc/vmail/%%d/passwd. Several;"
            " where none is named, those that `doveconf` names.",
        )
        parser.add_argument(
            "--scheme",
            metavar="SCHEME",
            help="Of passwords in --users without one in front (default: CRYPT).",
        )
        parser.add_argument(
            "--home",
            metavar="PATH",
            help="Home directories, such as /var/vmail/%%d/%%n, where a line has none.",
        )
        parser.add_argument(
            "--mail",
            metavar="LOCATION",
            help="Dovecot's mail_location, such as maildir:~/Maildir (default: what `doveconf` says).",
        )
        parser.add_argument(
            "--dovecot-config",
            metavar="FILE",
            help="Its dovecot.conf (default: the one of this machine).",
        )
        parser.add_argument(
            "--doveadm",
            action="store_true",
            help="Ask the Dovecot that runs here (`doveadm user`) for home, place of mail and quota of each mailbox.",
        )

    def __init__(self, *, users, scheme, home, mail, doveadm, dovecot_config=None, **options):
        self.config = ["-c", str(dovecot_config)] if dovecot_config else []
        self.users, self.scheme, self.home, self.mail = users, scheme, home, mail
        self.asks = doveadm
        self._conf = None

    def records(self):
        if not self.asks:
            for file in self._files():
                yield from file.records()
            return
        group = []
        for file in self._files():
            for record in file.records():
                if isinstance(record, Mailbox):
                    group.append(record)
                else:
                    yield record
                if len(group) == TOGETHER:
                    yield from self._asked(group)
                    group = []
        yield from self._asked(group)

    def _files(self):
        quota = bytes_of_rule(self._setting(r"^\s*quota_rule = (.*)$"))
        mail = self.mail or self._setting(r"^mail_location = (.*)$")
        home = self.home or self._default_home()
        given = {"home": home, "mail": mail, "quota": quota}
        if self.users:
            for place in self.users:
                yield PasswdFile(place, scheme=self.scheme or "CRYPT", **given)
            return
        for place, scheme in sorted(self._places()):
            yield PasswdFile(place, scheme=scheme, **given)

    # --- Its configuration

    @property
    def conf(self):
        """What `doveconf -n` prints; "" where there is no Dovecot, or the files were named."""
        if self._conf is None:
            path = shutil.which("doveconf", path=SBIN)
            self._conf = ""
            if path and (not self.users or self.asks):
                run = subprocess.run(  # noqa: S603
                    [path, "-n"], capture_output=True, text=True
                )
                self._conf = run.stdout
        return self._conf

    def _setting(self, pattern):
        found = re.findall(pattern, self.conf, re.MULTILINE)
        return found[-1].strip() if found else ""

    def _blocks(self, kind):
        return [body for name, body in BLOCK.findall(self.conf) if name == kind]

    def _places(self):
        """(file, default scheme) of each passdb that is a passwd-file: ``args`` in 2.3, settings of their own in 2.4."""
        for body in self._blocks("passdb"):
            new = re.search(r"^\s*passwd_file_path = (\S+)", body, re.MULTILINE)
            old = re.search(r"^\s*args = (.*)$", body, re.MULTILINE)
            if new:
                scheme = re.search(r"^\s*default_password_scheme = (\S+)", body, re.MULTILINE)
                yield new[1], scheme[1] if scheme else "CRYPT"
            elif old and re.search(r"^\s*driver = passwd-file$", body, re.MULTILINE):
                words = old[1].split()
                schemes = [word.partition("=")[2] for word in words if word.startswith("scheme=")]
                yield words[-1], schemes[-1] if schemes else "CRYPT"

    def _default_home(self):
        for body in self._blocks("userdb"):
            if found := re.search(r"\bhome\s*=\s*(\S+)", body):
                return found[1]
        return self._setting(r"^mail_home = (.*)$")

    # --- Its answers

    def _asked(self, group):
        answers = self._answers([record.address for record in group])
        for record in group:
            said = answers.get(record.address)
            if said is None:
                yield record
                continue
            yield replace(
                record,
                home=said.get("home", record.home),
                mail=said.get("mail", record.mail),
                quota=bytes_of_rule(said["quota_rule"]) if "quota_rule" in said else record.quota,
            )

    def _answers(self, addresses):
        """``{address: {field: value}}`` as `doveadm user` prints it."""
        if not addresses:
            return {}
        blocks = self._doveadm(addresses)
        if len(blocks) != len(addresses):  # it passes over those that it does not know
            blocks = [next(iter(self._doveadm([address])), {}) for address in addresses]
        return {address: block for address, block in zip(addresses, blocks, strict=True) if block}

    def _doveadm(self, addresses):
        path = shutil.which("doveadm", path=SBIN)
        if path is None:
            raise Unreadable(
                "doveadm is not installed here: run this on the mail server, or leave out --doveadm."
            )
        run = subprocess.run(  # noqa: S603
            [path, *self.config, "user", *addresses],
            capture_output=True,
            text=True,
        )
        if run.returncode not in (0, os.EX_NOUSER):
            raise Unreadable(f"doveadm: {run.stderr.strip()}")
        blocks = []
        for text in re.split(r"(?m)^field\tvalue\n", run.stdout)[1:]:
            lines = (line.partition("\t") for line in text.splitlines() if line.strip())
            blocks.append({name: value.strip() for name, _tab, value in lines})
        return blocks
