"""Read settings from the environment, and refuse a wrong value with one clear sentence."""

import ipaddress
import re
import warnings
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

KINDS = {
    "str": "text",
    "bool": "True or False",
    "int": "a whole number",
    "list": "a comma-separated list",
    "db_url": "a URL such as mysql://user:password@127.0.0.1:3306/mail or sqlite:///var/mailadmin.sqlite3",
    "email_url": "a URL such as smtp://127.0.0.1:25 or consolemail://",
}
WORDS = {"true", "false", "yes", "no", "on", "off", "1", "0"}
# What django-environ reads in a file, and what somebody may have meant to write.
LINE = re.compile(r"(?:export )?[A-Za-z_0-9]+=.*|\s*(?:#.*)?")
MEANT = re.compile(r"\s*(?:export\s+)?([A-Za-z_0-9]+)")
SECONDS = re.compile(r"[1-9][0-9]{0,4}")
PATH = re.compile(r"/.+")
# What may stand behind the ? of a database's URL; the driver fails at a word it does not know.
OPTIONS = {
    "django.db.backends.mysql": {
        "unix_socket": PATH,
        "read_default_file": PATH,
        "read_default_group": re.compile(r".+"),
        "connect_timeout": SECONDS,
        "read_timeout": SECONDS,
        "write_timeout": SECONDS,
        "ssl_mode": re.compile(r"DISABLED|PREFERRED|REQUIRED|VERIFY_CA|VERIFY_IDENTITY"),
    },
    "django.db.backends.sqlite3": {"timeout": SECONDS},
}
# Error numbers of MariaDB and MySQL: no server, host or socket (2xxx), no such user, database or
# right to connect, no room for one more.
CONNECTING = {
    *(2002, 2003, 2004, 2005, 2012, 2026, 2054, 2058, 2059, 2061),
    *(1040, 1044, 1045, 1049, 1129, 1130, 1203, 1226, 1251, 1698, 1862),
}
LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
HOST_NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*", re.IGNORECASE | re.ASCII)
NAME_AND_ADDRESS = re.compile(r'(?:"[^"]*"|[^"<>,@]*)\s*<([^<>]*)>')
LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+", re.ASCII)


def is_host_name(text):
    # What ends in a number is an address, or wants to be one.
    return (
        len(text) <= 253
        and HOST_NAME.fullmatch(text) is not None
        and not text.rpartition(".")[2].isdigit()
    )


def is_allowed_host(text):
    """Whether Django can find ``text`` in a Host header: IPv6 stands in brackets there."""
    try:
        if text.startswith("["):
            return text.endswith("]") and bool(ipaddress.IPv6Address(text[1:-1]))
        return (
            text == "*" or is_host_name(text.removeprefix(".")) or bool(ipaddress.IPv4Address(text))
        )
    except ValueError:
        return False


def is_origin(text):
    """Whether a browser can say ``text`` in an Origin header; ``*.`` stands for any names below."""
    scheme, separator, rest = text.partition("://")
    host, colon, port = rest.rpartition(":") if re.search(r":\d*\Z", rest) else (rest, "", "")
    return (
        scheme in {"https", "http"}
        and bool(separator)
        and host not in {"", "*"}
        and is_allowed_host(host.removeprefix("*"))
        and (not colon or port.isdecimal())
    )


def is_sender(text):
    """An address, or a name with the address in angle brackets."""
    named = NAME_AND_ADDRESS.fullmatch(text)
    local_part, _at, host = (named[1] if named else text).rpartition("@")
    return LOCAL_PART.fullmatch(local_part) is not None and is_host_name(host)


def keeps_rows(database):
    """Whether a database of settings.DATABASES is one we know, with a name to find it again."""
    if database["ENGINE"] not in OPTIONS or not database["NAME"]:
        return False
    if database["NAME"] == ":memory:" and "USER" in database:
        return False  # what django-environ makes of sqlite:///, a path that was left out
    known = OPTIONS[database["ENGINE"]]
    return all(
        name in known and known[name].fullmatch(str(value))
        for name, value in database.get("OPTIONS", {}).items()
    )


def is_about_connecting(error):
    """Whether a django.db.Error says that the database cannot be opened, not what it did not like."""
    if getattr(error.__cause__, "sqlite_errorname", "").startswith(
        ("SQLITE_CANTOPEN", "SQLITE_NOTADB")
    ):
        return True
    number, words = [*error.args, None, ""][:2]
    # 2013 also stands for a connection that broke later.
    return number in CONNECTING or (number == 2013 and "initial communication packet" in words)


def reaches_somebody(mail):
    """Whether what django-environ makes of a mail URL names a server, or a directory."""
    if mail["EMAIL_BACKEND"].endswith(".smtp.EmailBackend"):
        return bool(mail["EMAIL_HOST"])
    return bool(mail["EMAIL_FILE_PATH"]) or not mail["EMAIL_BACKEND"].endswith(
        "filebased.EmailBackend"
    )


class Environment(environ.Env):
    """django-environ, with errors that name the variable and say what is expected.

    ``read`` takes the name of one of django-environ's casts ("bool", "int", "list", "db_url" ...),
    the variable, and what it must fulfil: ``expected`` is the sentence shown when the value is
    none of ``choices``, when ``valid`` (a function of the value) is false or the cast fails.
    """

    @classmethod
    def read_env(cls, path, *, required=False):
        """Read a file of settings. A line that is not understood would leave a setting at its default."""
        try:
            lines = Path(path).read_text("utf-8").splitlines()
        except FileNotFoundError:
            if not required:
                return
            lines = None
        except (OSError, UnicodeDecodeError):
            lines = None
        if lines is None:
            name = f"ENV_FILE has a wrong value: {path}" if required else f"{path} cannot be read"
            raise ImproperlyConfigured(
                f"{name}. Expected: a text file that whoever starts this may read. See .env.example."
            )
        for number, line in enumerate(lines, start=1):
            if not LINE.fullmatch(line):
                # Nothing of the rest is repeated: it may be a password.
                meant = MEANT.match(line)
                raise ImproperlyConfigured(
                    f"{meant[1] if meant else 'A setting'} is not understood in line {number} of"
                    f" {path}. Expected: NAME=value, no blank before the = sign. See .env.example."
                )
        super().read_env(path)

    def get_value(self, var, cast=None, default=environ.Env.NOTSET, parse_default=False):
        """Return a value that begins with $ as it is, too: not what another variable holds."""
        value = self.ENVIRON.get(var, "")
        if value.startswith("$"):
            return self.parse_value(value, cast)
        return super().get_value(var, cast, default, parse_default)

    def read(self, cast, name, *, valid=None, choices=None, expected=None, **kwargs):
        wrong = f"Expected: {expected or KINDS[cast]}. See .env.example."
        given = self.ENVIRON.get(name, "").strip()
        if "default" not in kwargs and not given:
            raise ImproperlyConfigured(f"{name} is not set. {wrong}")
        # Empty is no number, no choice and neither yes nor no: as if the variable were not there.
        if name in self.ENVIRON and not given and (cast in {"bool", "int"} or choices):
            return kwargs["default"]
        try:
            # An unknown scheme of a URL is only a warning there.
            with warnings.catch_warnings(action="error", category=UserWarning):
                value = getattr(self, cast)(name, **kwargs)
            if cast == "list":
                value = [item.strip() for item in value if item.strip()]
            fits = (
                (valid is None or valid(value))
                and (choices is None or value in choices)
                # django-environ takes every unknown word for False: a typo must not switch a protection off.
                and (cast != "bool" or not given or given.lower() in WORDS)
            )
        except (ValueError, TypeError, LookupError, ImproperlyConfigured, UserWarning):
            fits = False
        if not fits:
            raise ImproperlyConfigured(f"{name} has a wrong value. {wrong}")
        return value
