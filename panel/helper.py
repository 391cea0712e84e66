"""Ask the helper (deploy/helper), which does for the panel what only root can: one line out, one line of JSON back.

Without HELPER_SOCKET there is none: pages then say what to type.
"""

import json
import socket
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

SECONDS = 45  # more than each of its acts may take, with one of another that is under way
BYTES = 1_000_000  # of an answer
_silent = ContextVar("silent", default=False)


def is_there():
    return bool(settings.HELPER_SOCKET)


@contextmanager
def not_asked():
    """Of a dry run, whose changes are taken back: what the helper did would stay."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def ask(verb, argument="", seconds=SECONDS):
    """Return what the helper answers. Raises ValidationError (``helper``): it is not there, or did not do it."""
    if _silent.get():
        return {}
    line = f"{verb} {argument}".strip()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(settings.HELPER_SOCKET)
            connection.sendall(line.encode() + b"\n")
            answer = json.loads(_read(connection))
    except (OSError, ValueError) as error:
        raise ValidationError(
            _("The server’s helper does not answer: %(reason)s."),
            "helper",
            {"reason": str(error) or type(error).__name__},
        ) from error
    if "ok" not in answer:
        raise ValidationError(
            _("The server’s helper did not do it: %(reason)s."),
            "helper",
            {"reason": answer.get("error", "?")},
        )
    return answer["ok"]


def after_commit(verb, argument=""):
    """Ask once the change is saved, if there is a helper. What fails then is in the log: the change counts all the same."""

    def ask_now():
        ask(verb, argument)

    if is_there():
        transaction.on_commit(ask_now, robust=True)


def _read(connection):
    read = b""
    while not read.endswith(b"\n") and len(read) < BYTES:
        some = connection.recv(65536)
        if not some:
            break
        read += some
    return read
