"""Read the reports that Postfix put into the panel's Maildir, each message once, and delete it."""

import fcntl
import logging
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from mailadmin.reports import dmarc, tls
from mailadmin.reports.letters import MOST_BYTES, documents
from mailadmin.reports.report import NoReport
from mailadmin.reports.storing import store
from mailadmin.reports.unpacking import first_sign
from panel.transactions import Unavailable

log = logging.getLogger(__name__)
UNREADABLE, UNREAD = "unreadable", "unread"
# A report comes on the next day, or some days later out of a queue. Others would fill all REPORT_DAYS at once.
RECENT = 7  # days
# Of what waits; the newest beyond it are deleted.
MOST_LETTERS, MOST_WAITING = 5000, 500_000_000  # bytes
LONGEST_RUN = 480  # seconds; mailadmin-reports.service ends a run after ten minutes
AGAIN = ".again"  # behind the name of a message that was being read when a run ended


class Busy(Exception):
    """Another run reads this Maildir."""


def make_room(maildir):
    """Delete what is too large, and the newest messages of too many: anybody may write. Returns as ``receive``. Raises Busy."""
    new = Path(maildir) / "new"
    if not new.is_dir():
        return Counter()
    kept = room = 0
    with _alone(maildir):
        waiting = sorted(new.iterdir())
        for message in waiting:
            size = message.stat().st_size
            if size > MOST_BYTES or kept == MOST_LETTERS or room + size > MOST_WAITING:
                message.unlink()
            else:
                kept, room = kept + 1, room + size
    if unread := len(waiting) - kept:
        log.warning("%s messages were too large or too many, and are deleted unread", unread)
    return Counter({UNREAD: unread})


def receive(maildir):
    """Return {what became of it: how many reports}. Raises Busy; and Unavailable, with the message still there."""
    found, maildir = Counter(), Path(maildir)
    new, tried = maildir / "new", maildir / "cur"
    if not new.is_dir():
        return found
    tried.mkdir(mode=0o700, exist_ok=True)
    begun = monotonic()
    with _alone(maildir):
        found += _left_by_the_last_run(new, tried)
        for waiting in sorted(new.iterdir()):
            message = waiting.rename(tried / waiting.name)
            try:
                found += take(_content(message), waiting.name, RECENT)
            except Unavailable:  # the database cannot save now
                message.rename(waiting)
                raise
            message.unlink()
            if monotonic() - begun >= LONGEST_RUN:
                break
    return found


def _left_by_the_last_run(new, tried):
    # Something ended it while it read this message: perhaps the message itself.
    found = Counter()
    for left in tried.iterdir():
        if left.name.endswith(AGAIN):
            log.warning("%s ended two runs that read it, and is dropped", left.name)
            left.unlink()
            found[UNREADABLE] += 1
        else:
            left.rename(new / f"{left.name}{AGAIN}")
    return found


def take(message, name, days=None):
    """Count the reports in ``message``, bytes: an e-mail with them; ``days`` as of ``store``. Returns as ``receive``."""
    found = Counter()
    try:
        for document in documents(message):
            found += _take_document(document, name, days)
    except NoReport as error:
        log.warning("%s: %s", name, error)
        found[UNREADABLE] += 1
    if not found:
        log.warning("%s: no report in it", name)
        found[UNREADABLE] += 1
    return found


def _take_document(document, name, days):
    try:
        is_json = first_sign(document) == b"{"
        reports = tls.read(document) if is_json else [dmarc.read(document)]
    except NoReport as error:
        log.info("%s: %s", name, error)  # such as the HTML beside the report
        return Counter()
    return Counter(store(report, days) for report in reports)


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
