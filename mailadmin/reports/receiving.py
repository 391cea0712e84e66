"""Read the reports that Postfix put into the panel's Maildir, each message once, and delete it."""

import fcntl
import logging
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from mailadmin.reports import dmarc, tls
from mailadmin.reports.letters import MOST_BYTES, documents
from mailadmin.reports.report import NoReport
from mailadmin.reports.storing import store
from mailadmin.reports.unpacking import first_sign
from panel.transactions import Unavailable

log = logging.getLogger(__name__)
UNREADABLE = "unreadable"


class Busy(Exception):
    """Another run reads this Maildir."""


def receive(maildir):
    """Return {what became of it: how many reports}. Raises Busy; and Unavailable, with the message still there."""
    found, maildir = Counter(), Path(maildir)
    new, tried = maildir / "new", maildir / "cur"
    if not new.is_dir():
        return found
    tried.mkdir(mode=0o700, exist_ok=True)
    with _alone(maildir):
        # It ended the last run, by a fault or for memory or time: it is not tried again.
        for left in tried.iterdir():
            log.warning("%s ended the run that read it, and is dropped", left.name)
            left.unlink()
            found[UNREADABLE] += 1
        for waiting in sorted(new.iterdir()):
            message = waiting.rename(tried / waiting.name)
            try:
                found += take(_content(message), waiting.name)
            except Unavailable:  # the database cannot save now
                message.rename(waiting)
                raise
            message.unlink()
    return found


def take(message, name):
    """Count the reports in ``message``, bytes: an e-mail with them. Returns as ``receive``."""
    found = Counter()
    try:
        for document in documents(message):
            found += _take_document(document, name)
    except NoReport as error:
        log.warning("%s: %s", name, error)
        found[UNREADABLE] += 1
    if not found:
        log.warning("%s: no report in it", name)
        found[UNREADABLE] += 1
    return found


def _take_document(document, name):
    try:
        is_json = first_sign(document) == b"{"
        reports = tls.read(document) if is_json else [dmarc.read(document)]
    except NoReport as error:
        log.info("%s: %s", name, error)  # such as the HTML beside the report
        return Counter()
    return Counter(map(store, reports))


def _content(message):
    with message.open("rb") as file:
        return file.read(MOST_BYTES + 1)


@contextmanager
def _alone(directory):
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Busy from error
    finally:
        os.close(opened)
