"""One transaction for each operation, begun again when the database rolled it back.

What a server answers when it cannot do its work, and how that is said to people.
"""

import functools
import itertools
import logging
import random
from collections.abc import Iterator
from time import monotonic, sleep

from django.core.exceptions import ValidationError
from django.db import Error, InterfaceError, connection, transaction
from django.utils.translation import gettext_lazy as _

from panel import server

logger = logging.getLogger(__name__)

# Attempts by reason; one for the others. A balancer needs some seconds to find another server.
ATTEMPTS = {"busy": 12, "away": 12, "not_ready": 12, "read_only": 3, "too_many": 3}
GIVE_UP_SECONDS = 15  # an attempt may wait for a lock as long as settings.py says

# What is wrong, by the error numbers of MariaDB and MySQL, and SQLite's names.
NUMBERS = {
    # Another transaction was in the way: a circle of waits, or a faster one on another Galera node
    # (1213), or one that keeps its locks too long (1205).
    "busy": {1213, 1205, "SQLITE_BUSY"},
    "too_many": {1040, 1203, 1226},  # connections
    "away": {2002, 2003, 2005, 2006, 2013, 2014, 2055, 1053, 1927, 4031},
    "not_ready": {1047},  # a Galera node that lost the others
    "read_only": {1290, 1792, 1836, "SQLITE_READONLY"},
    "full": {3, 14, 20, 1021, 1114, "SQLITE_FULL"},
}
COMMIT_FAILED = 1180

REASONS = {
    "busy": _("The database is busy. Nothing was saved, try again."),
    "too_many": _("The database has too many connections. Nothing was saved, try again."),
    "away": _("The database is unavailable. Nothing was saved, try again."),
    "not_ready": _(
        "The database server lost the rest of its cluster. Nothing was saved, try again."
    ),
    "read_only": _("The database takes no changes now. Nothing was saved, try again later."),
    "upgrade": _("The database is being upgraded. Nothing was saved, try again in a minute."),
    "full": _("The database has no room left. Nothing was saved. Tell whoever runs this server."),
    "unsure": _(
        "The connection to the database was lost while it saved."
        " Check whether the change was saved before you repeat it."
    ),
}


class Unavailable(ValidationError):
    """The database cannot save now, whatever was asked: a page answers 503. Its code is a key of REASONS.

    Nothing was written, unless the code is ``unsure``.
    """

    def __init__(self, reason):
        super().__init__(REASONS[reason], reason)


def reason_of(error):
    """Return which of REASONS a django.db.Error is, or None for any other.

    Triggers that the server has half read are read anew first, so not within a transaction.
    """
    if server.has_unread_trigger(error):
        try:
            return "busy" if server.read_triggers_anew(connection) else None
        except Error as another:
            error = another
    if isinstance(error, InterfaceError):  # a connection that was closed
        return "away"
    number = getattr(error.__cause__, "sqlite_errorname", None) or next(iter(error.args), None)
    return next((reason for reason, numbers in NUMBERS.items() if number in numbers), None)


def in_transaction(function):
    """Let ``function`` be one transaction, or a part of the one that is open already.

    It is called again from its start, with the same arguments, when the database rolled it back
    or went away before COMMIT; at last Unavailable is raised. So it reads anew, under its locks,
    what it was handed, and leaves e-mails to ``transaction.on_commit``.
    """

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        # An iterator would be used up by the first attempt, or by the first of two checks.
        kwargs = {k: list(v) if isinstance(v, Iterator) else v for k, v in kwargs.items()}
        if connection.in_atomic_block:
            with transaction.atomic():
                return function(*args, **kwargs)
        began = monotonic()
        for attempt in itertools.count(1):
            stage = []
            try:
                return _attempt(functools.partial(function, *args, **kwargs), stage)
            except Error as error:
                if "committed" in stage:  # a hook of on_commit failed
                    raise
                # A new one may find another server. And after an error nobody knows for certain that this
                # one commits by itself again: if not, Django would take the next attempt for a part.
                connection.close()
                reason = _reason(error, in_commit="returned" in stage)
                if reason is None:
                    raise
                logger.info("%s, attempt %d: %s", function.__name__, attempt, error)
                late = monotonic() - began > GIVE_UP_SECONDS
                if late or attempt >= ATTEMPTS.get(reason, 1):
                    raise Unavailable(reason) from error
            # A random time, so that two that were in each other's way are not again.
            sleep(random.uniform(0, min(0.5, 0.02 * 2**attempt)))  # noqa: S311

    return wrapper


def _attempt(function, stage):
    with transaction.atomic():
        transaction.on_commit(lambda: stage.append("committed"))
        result = function()
        stage.append("returned")
    return result


def _reason(error, *, in_commit):
    reason = reason_of(error)
    if in_commit and (reason in {"away", "not_ready"} or error.args[:1] == (COMMIT_FAILED,)):
        return "unsure"
    return reason
