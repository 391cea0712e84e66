import difflib
import hashlib
import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from mailadmin import webmail_files

# Each has an SQL user of its own.
SQL_USERS = ("postfix", "dovecot", "signer", "deliveries", "signins", "purge")
STATE_NAME = ".mailconf.json"
# How Postfix's maps and Dovecot's files name an SQL user and its password.
OF_USER = r"\buser\s*=\s*{}\s+password\s*=\s*([\w.-]+)(?=\s|$)"
SECRET = re.compile(
    r"(password\s*=\s*|Authorization: Bearer |auth_policy_hash_nonce\s*=\s*|IDENTIFIED BY\s+'|SHA2\(CONCAT\('|mysql://[^:]*:|(?:_secret|_key)'\] = ')[^\s'@]+",
    re.IGNORECASE,
)


class NotPossible(Exception):
    pass


@dataclass
class Change:
    path: str
    old: str | None
    new: str
    ours: bool  # we wrote ``old``, and nobody changed it since

    @property
    def diff(self):
        lines = difflib.unified_diff(
            _masked(self.old or ""), _masked(self.new), f"{self.path} (there)", f"{self.path} (new)"
        )
        return "".join(lines)


def _masked(text):
    return SECRET.sub(r"\1********", text).splitlines(keepends=True)


def passwords_in_use(users, folders):
    """The passwords of these SQL users, ``{name: user}``, as files in ``folders`` have them: where a mail server runs on this machine."""
    found = {}
    for file in [file for folder in folders for file in sorted(Path(folder).glob("*"))]:
        try:
            text = file.read_text(errors="replace") if file.is_file() else ""
        except OSError:  # root's alone
            continue
        for name, user in users.items():
            if password := re.search(OF_USER.format(re.escape(user)), text):
                found.setdefault(name, password[1])
    return found


class Directory:
    """A directory of written files. It remembers their checksums and the SQL passwords; the first ones are those ``in_use``, if any."""

    def __init__(self, path, in_use=None):
        self.path = Path(path)
        self.passwords = {}
        self.checksums = {}
        try:
            state = json.loads((self.path / STATE_NAME).read_text())
            self.passwords, self.checksums = dict(state["passwords"]), dict(state["checksums"])
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError) as error:
            raise NotPossible(
                f"{self.path / STATE_NAME} is damaged. Remove it to make new passwords; then"
                " the written files count as foreign and need --force."
            ) from error
        for user in (*SQL_USERS, *webmail_files.SECRETS):
            self.passwords.setdefault(user, (in_use or {}).get(user) or secrets.token_hex(20))

    def compare(self, files):
        changes = []
        for path, new in files.items():
            try:
                old = (self.path / path).read_text(errors="surrogateescape")
            except FileNotFoundError:
                old = None
            except OSError as error:
                raise NotPossible(f"{self.path / path}: {error.strerror}") from error
            if old != new:
                ours = old is not None and self.checksums.get(path) == _checksum(old)
                changes.append(Change(path, old, new, ours))
        return changes

    def write(self, files):
        """Write ``files`` and remember them. A reader sees the old or the new text, never half of it."""
        self.path.mkdir(mode=0o750, parents=True, exist_ok=True)
        for path, text in files.items():
            target = self.path / path
            for folder in reversed(target.parents):
                if folder != self.path and folder.is_relative_to(self.path):
                    folder.mkdir(mode=0o750, exist_ok=True)
            _replace(target, text, 0o640)
        self.checksums |= {path: _checksum(text) for path, text in files.items()}
        state = {"passwords": self.passwords, "checksums": self.checksums}
        _replace(self.path / STATE_NAME, json.dumps(state, indent=1) + "\n", 0o600)


def _checksum(text):
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _replace(target, text, mode):
    new = target.with_name(f"{target.name}.new{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
    new.replace(target)
