import re
import shlex
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext

ERROR, WARNING = "error", "warning"
CHECKS = {}
# The words of a command, as the shell takes them apart.
WORD = re.compile(r"""\"[^"]*"|'[^']*'|[^\s;"']+""")
# Details that are commands themselves.
COMMANDS = re.compile(r"%\((?:command|load)\)s")


class Unseen(Exception):
    """What a check asks about could not be looked at. The argument says why."""


@dataclass(frozen=True)
class Check:
    """``seen``, ``why`` and ``mend`` are sentences, ``command`` is what to type; all may have
    placeholders for the details of a Finding. In a command each word with a placeholder is quoted
    for the shell, except inside double quotes, where only the panel's own words may stand.

    ``title`` is what it looks at. ``page`` is the name of a page of the panel, about the row
    ``key`` names if there is one. ``told``: whether a mail reports it; about the DNS there is a
    mail already.
    """

    name: str
    level: str
    title: str
    function: Callable
    seen: str
    why: str
    mend: str
    command: str = ""
    page: str = "server"
    told: bool = True


class Finding(NamedTuple):
    """``about`` tells findings of one check apart. It is stored without words: these are in the
    language of who reads it."""

    name: str
    details: dict
    about: str = ""

    @property
    def check(self):
        return CHECKS[self.name]

    @property
    def key(self):
        return f"{self.name} {self.about}".strip()

    @property
    def level(self):
        return self.details.get("level") or self.check.level

    def say(self, part):
        """The sentence ``part`` of its check with the details in it: those are stored in English."""
        if part == "command":
            return WORD.sub(self._quoted, self.check.command)
        told = self._details
        told |= {
            name: gettext(value) for name, value in told.items() if value and isinstance(value, str)
        }
        return str(getattr(self.check, part)) % told

    def _quoted(self, found):
        word = found[0]
        if "%(" not in word or word.startswith('"') or COMMANDS.search(word):
            return word % self._details
        return shlex.quote(word.strip("'") % self._details)

    @property
    def _details(self):
        # What an earlier release stored may lack some of them.
        return defaultdict(str, self.details)


def check(name, level, title, **words):
    """Make a check of a function that gets the Host and yields details, a dict each. Raises Unseen in it: not looked at."""

    def made(function):
        CHECKS[name] = Check(name, level, title, function, **words)
        return function

    return made
