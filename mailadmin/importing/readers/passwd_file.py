"""Dovecot's passwd-files: ``user:{SCHEME}hash:uid:gid::home::userdb_quota_rule=*:storage=1G``."""

import re
from glob import glob

from mailadmin.importing.reader import Unreadable
from mailadmin.importing.records import Leftover, Mailbox
from panel.addresses import split_address

UNITS = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
# What a system writes where nobody may sign in.
LOCKED = ("!", "*", "x")


def bytes_of(text, unit="b"):
    """``1G`` in bytes; without a letter it counts in ``unit``. 0 for what is no size."""
    found = re.fullmatch(r"\s*([0-9]+)\s*([bkmgt]?)(?:i?b)?\s*", text.lower())
    return int(found[1]) * UNITS[found[2] or unit] if found else 0


def bytes_of_rule(rule):
    """The limit of a quota_rule for all folders: ``*:storage=1G``, ``*:bytes=1000``."""
    found = re.search(r"^(?:\*|\?)[^=]*:(storage|bytes)=([0-9]+[a-zA-Z]*)", rule) or re.search(
        r"\b(storage|bytes)=([0-9]+[a-zA-Z]*)", rule
    )
    return bytes_of(found[2], "k" if found[1] == "storage" else "b") if found else 0


def with_scheme(text, scheme):
    if not text or (text.startswith(LOCKED) and len(text) < 3):
        return ""
    return text if text.startswith(("{", "$")) else f"{{{scheme}}}{text}"


class PasswdFile:
    """``place`` may have %d and %n in it, as Dovecot writes them: /etc/vmail/%d/passwd holds bare names.

    ``home`` and ``mail`` are what holds where a line says nothing; ``quota`` too, in bytes.
    """

    def __init__(self, place, *, scheme="CRYPT", home="", mail="", quota=0):
        self.place, self.scheme = place, scheme.upper()
        self.home, self.mail, self.quota = home, mail, quota

    def records(self):
        found = list(self._files())
        if not found:
            raise Unreadable(f"{self.place}: there is no such file")
        for path, domain in found:
            try:
                with open(path, errors="surrogateescape") as lines:
                    yield from self.records_in(lines, domain)
            except OSError as error:
                raise Unreadable(f"{path}: {error.strerror}") from error

    def records_in(self, lines, domain=""):
        for line in lines:
            if line.strip() and not line.startswith("#"):
                yield self._record(line.rstrip("\r\n"), domain)

    def _files(self):
        pattern = re.sub(r"%L?d|%\{\s*user\s*\|\s*domain[^}]*\}", "*", self.place)
        before, star, after = pattern.partition("*")
        for path in sorted(glob(pattern)):
            yield path, path[len(before) : len(path) - len(after)] if star else ""

    def _record(self, line, domain):
        fields = [*line.split(":", 7), *[""] * 7]
        user, password, home, extra = fields[0], fields[1], fields[5], fields[7]
        address = f"{user}@{domain}" if domain and "@" not in user else user
        if not split_address(address)[0]:
            return Leftover("names-without-domain", user)
        more = dict(pair.partition("=")[::2] for pair in extra.split())
        more = {name.removeprefix("userdb_"): value for name, value in more.items()}
        rule = more.get("quota_rule", "")
        return Mailbox(
            address,
            hash=with_scheme(password, self.scheme),
            name=fields[4] if "," not in fields[4] else fields[4].partition(",")[0],
            quota=bytes_of_rule(rule) if rule else self.quota,
            home=more.get("home") or home or self.home,
            mail=more.get("mail") or self.mail,
            may_sign_in=not ("nologin" in more or password.startswith(("!", "*"))),
        )
