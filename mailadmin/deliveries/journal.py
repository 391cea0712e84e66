import os
import select
import subprocess

from mailadmin.deliveries.entries import LONGEST, of_journal

CHUNK = 256 * 1024
LONGEST_RECORD = 64 * LONGEST  # of the journal's JSON, in which each byte may be a number
FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_UID"
PATIENCE_SECONDS = 0.2  # for the next lines
MAIL = "SYSLOG_FACILITY=2"
AT_FIRST = "--since=-24h"  # when nothing was followed before


class Journal:
    """``follow``: wait at its end. ``directory``: where its files are, if not where systemd has them."""

    source = "journal"

    def __init__(self, *, follow=True, directory=None):
        self.follow = follow
        self.options = ["-f"] if follow else []
        self.options += [f"--directory={directory}"] if directory else []
        self.place, self.at = {}, 0
        self.process, self.rest = None, b""

    def start(self, place, at):
        self.close()
        self.place, self.at, self.rest = place or {}, at, b""
        cursor = self.place.get("cursor")
        since = [f"--after-cursor={cursor}"] if cursor else [AT_FIRST]
        command = ["journalctl", "-q", "-o", "json", f"--output-fields={FIELDS}", "--no-tail"]
        self.process = subprocess.Popen(  # noqa: S603
            [*command, *self.options, *since, MAIL],  # nothing in it is anybody's input
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            pipesize=4 * CHUNK,
        )

    def read(self):
        if self.follow:
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_SECONDS)
            if not ready:
                return [], False
        chunk = os.read(self.process.stdout.fileno(), CHUNK)
        if not chunk:
            self._ended()
            return [], False
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        if len(self.rest) > LONGEST_RECORD:
            self.rest = b"{"  # too long to be one of ours: no record in any case
        entries = []
        for line in lines:
            cursor, entry = of_journal(line)
            if cursor:
                self.place = {"cursor": cursor}
            if entry:
                self.at = entry.at
                entries.append(entry)
        return entries, True

    def _ended(self):
        said = self.process.stderr.read().decode(errors="replace").strip()
        if not self.follow and self.process.wait() == 0:
            return
        raise OSError(f"journalctl ended ({self.process.wait()}): {said[:500]}")

    def close(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None
