import ipaddress
import re
import warnings
from datetime import date
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import (
    URLValidator,
    validate_email,
    validate_ipv4_address,
    validate_ipv6_address,
)

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
LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
# Django's validator wants a dot; a host may have none. What ends in a number is an address, or wants to be one.
HOST_NAME = re.compile(
    rf"(?=.{{1,253}}\Z)(?:{LABEL}\.)*(?![0-9]+\Z){LABEL}", re.IGNORECASE | re.ASCII
)


def passes(validator, text):
    try:
        validator(text)
    except ValidationError:
        return False
    return True


def is_host_name(text):
    return HOST_NAME.fullmatch(text) is not None


def is_allowed_host(text):
    """Whether Django can match ``text`` to a Host header; IPv6 is in brackets there."""
    if text.startswith("[") and text.endswith("]"):
        return passes(validate_ipv6_address, text[1:-1])
    return (
        text == "*" or is_host_name(text.removeprefix(".")) or passes(validate_ipv4_address, text)
    )


def is_address(text):
    return passes(validate_ipv4_address, text) or passes(validate_ipv6_address, text)


def is_server(text):
    bare = re.fullmatch(r"(?:\[([^][]*)\]|([^:]*))(?::[0-9]{1,5})?", text)
    return is_address(text) or (bare is not None and is_address(bare[1] or bare[2]))


def is_loopback_port(text):
    found = re.fullmatch(r"(127(?:\.[0-9]{1,3}){3}):([1-9][0-9]{0,4})", text)
    return found is not None and is_address(found[1]) and int(found[2]) < 65536


def is_mail_door(text):
    """Whether ``text`` says where a mail server takes mail: lmtp:/path, lmtp://host:port or smtp://host:port."""
    if re.fullmatch(r"lmtp:/[A-Za-z0-9._/-]+", text) and not text.startswith("lmtp://"):
        return True
    found = re.fullmatch(
        r"(?:lmtp|smtp)://(?:\[([0-9a-f:]+)\]|([a-z0-9.-]+)):([1-9][0-9]{0,4})", text
    )
    host = found and (found[1] or found[2])
    return bool(host) and (is_address(host) or is_host_name(host)) and int(found[3]) < 65536


def is_network(text):
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def is_webhook_host(text):
    """A name, *.name or an address, and perhaps a port; IPv6 with one is in brackets."""
    found = re.fullmatch(r"(\[[^][]*\]|[^][:]*)(?::([1-9][0-9]{0,4}))?", text)
    if found is None:
        return passes(validate_ipv6_address, text)
    if found[2] and int(found[2]) > 65535:
        return False
    name = found[1]
    if name.startswith("["):
        return passes(validate_ipv6_address, name[1:-1])
    return is_host_name(name.removeprefix("*.")) or passes(validate_ipv4_address, name)


def is_tsig_key(text):
    """Whether ``text`` is a key as dnspython reads one: name:algorithm:secret."""
    found = re.fullmatch(r"[A-Za-z0-9._-]+:hmac-sha(?:1|224|256|384|512):([A-Za-z0-9+/]+=*)", text)
    return found is not None and len(found[1]) % 4 == 0


def is_origin(text):
    """Whether a browser can send ``text`` as an Origin header; ``*.`` stands for any subdomain."""
    scheme, _separator, host = text.partition("://")
    host = re.sub(r":[0-9]{1,5}\Z", "", host).removeprefix("*.")
    return scheme in {"https", "http"} and host != "*" and is_allowed_host(host)


def is_day(text):
    try:
        return as_day(text).isoformat() == text
    except ValueError:
        return False


def as_day(text):
    return date.fromisoformat(text) if text else None


def is_web_address(text):
    return text.startswith(("https://", "http://")) and passes(
        URLValidator(["https", "http"]), text
    )


def is_sender(text):
    named = re.fullmatch(r'(?:"[^"]*"|[^"<>,@]*)\s*<([^<>]*)>', text)
    return passes(validate_email, named[1] if named else text)


def is_valid_database(database):
    if database["NAME"] == ":memory:" and "USER" in database:
        return False  # what django-environ makes of sqlite:///, a path that was left out
    known = {"django.db.backends.mysql", "django.db.backends.sqlite3"}
    return database["ENGINE"] in known and bool(database["NAME"])


def is_valid_mail_url(mail):
    needed = {"smtp": "EMAIL_HOST", "filebased": "EMAIL_FILE_PATH"}
    kind = mail["EMAIL_BACKEND"].split(".")[-2]
    return kind not in needed or bool(mail[needed[kind]])


class Environment(environ.Env):
    """django-environ, with errors that name the variable and say what is expected.

    ``read`` takes one of django-environ's casts ("bool", "int", "list", "db_url" ...), the variable, and
    the rule for it: the sentence ``expected`` is shown when the value is none of ``choices``, when ``valid`` (a
    function of the value) is false, or when the cast fails.
    """

    @classmethod
    def read_env(cls, path, *, required=False):
        """Read a file of settings. A line that is not understood is an error, or a setting would keep its default."""
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
                # The value is not repeated in the error: it may be a password.
                meant = MEANT.match(line)
                raise ImproperlyConfigured(
                    f"{meant[1] if meant else 'A setting'} is not understood in line {number} of"
                    f" {path}. Expected: NAME=value, no blank before the = sign. See .env.example."
                )
        super().read_env(path)

    def get_value(self, var, cast=None, default=environ.Env.NOTSET, parse_default=False):
        value = self.ENVIRON.get(var, "")
        if value.startswith("$"):  # for django-environ the name of another variable
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
                # django-environ takes every unknown word for False: a typo must not disable a protection.
                and (cast != "bool" or not given or given.lower() in WORDS)
            )
        except (ValueError, TypeError, LookupError, ImproperlyConfigured, UserWarning):
            fits = False
        if not fits:
            raise ImproperlyConfigured(f"{name} has a wrong value. {wrong}")
        return value
