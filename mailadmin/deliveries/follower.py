import logging
import socket
import time

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from domains.deliveries import LogPosition, OpenMail
from mailadmin.deliveries import keeping
from mailadmin.deliveries.files import FileLog
from mailadmin.deliveries.joining import Joiner
from mailadmin.deliveries.journal import Journal
from mailadmin.deliveries.writing import store

log = logging.getLogger(__name__)
TOGETHER = 5_000  # entries of one transaction, at least; a read more at most
LONGEST_SECONDS = 2.0  # of one transaction's lines
IDLE_SECONDS = 1.0
HEARTBEAT_SECONDS = 60  # without lines, too
PAUSE_SECONDS = 5  # after an error
CLEAN_SECONDS = 60


def host_here():
    return socket.gethostname()[:64]


def sources(*, follow):
    return [
        Journal(follow=follow) if name == "journal" else FileLog(name)
        for name in settings.DELIVERY_LOGS
    ]


class Follower:
    def __init__(self, logs, host=None):
        self.logs, self.host = logs, host or host_here()
        self.joiner, self.before = None, {}
        self.stored_at = self.cleaned_at = 0.0

    def begin(self):
        """From what is stored: also after an error, when what was read since then is forgotten."""
        self.joiner = Joiner()
        for row in OpenMail.objects.filter(host=self.host).order_by("at").iterator():
            self.joiner.restore(row.key, int(row.at.timestamp()), row.facts)
        rows = {row.source: row for row in LogPosition.objects.filter(host=self.host)}
        for one in self.logs:
            row = rows.get(one.source)
            at = int(row.at.timestamp()) if row and row.at else 0
            one.start(row.place if row else {}, at)
            self.before[one.source] = row.place if row else {}

    def step(self):
        """Read what there is, at most some thousand lines, and store it. Returns (lines, whether there is more)."""
        if self.joiner is None:
            self.begin()
        read, more, begun = 0, True, time.monotonic()
        while more and read < TOGETHER and time.monotonic() - begun < LONGEST_SECONDS:
            more = False
            for one in self.logs:
                entries, goes_on = one.read()
                for entry in entries:
                    self.joiner.take(entry)
                read += len(entries)
                more = more or goes_on
        if self._has_moved() or time.monotonic() - self.stored_at > HEARTBEAT_SECONDS:
            self._store(more)
        return read, more

    def _has_moved(self):
        return any(one.place != self.before[one.source] for one in self.logs)

    def _store(self, more):
        now = timezone.now().timestamp()
        self.joiner.forget_old()
        positions = {
            one.source: (
                *(self.before[one.source], one.place, one.at),
                max(0, int(now - one.at)) if more and one.at else 0,
            )
            for one in self.logs
        }
        try:
            store(self.joiner, self.host, positions)
        except BaseException:
            self.joiner = None
            raise
        self.joiner.begin()
        self.before = {one.source: one.place for one in self.logs}
        self.stored_at = time.monotonic()

    def run(self, *, follow):
        """Until the end of the logs, or with ``follow`` for ever. Raises Taken if somebody else follows them on this machine."""
        said = ""
        while True:
            try:
                _read, more = self.step()
                said = ""
                if time.monotonic() - self.cleaned_at > CLEAN_SECONDS:
                    more = self._clean() or more
                if not more and not follow:
                    return
            except (DatabaseError, OSError) as error:
                if not follow:
                    raise
                if str(error) != said:  # not every few seconds
                    log.error("The delivery log waits: %s", error)
                said = str(error)
                self.joiner, more = None, False
                connection.close()
                time.sleep(PAUSE_SECONDS)
            if not more:
                time.sleep(IDLE_SECONDS)

    def _clean(self):
        """As long at once as lines are read, or rows would come faster than they go. Returns whether there is more to forget."""
        begun = time.monotonic()
        while keeping.forget_some():
            if time.monotonic() - begun > LONGEST_SECONDS:
                return True
        self.cleaned_at = time.monotonic()
        return False

    def close(self):
        for one in self.logs:
            one.close()
