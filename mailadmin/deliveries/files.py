"""A log file that is followed: also when it is renamed or copied away and emptied meanwhile, and after any pause.

A place in it is the file's number, an offset, and a checksum of how it begins: after a rotation the rest is read from the file of
before (mail.log.1), known by either. Each read looks anew which file the place is in, so there is nothing to keep and nothing to
forget. Files that are packed (.gz) are not read.
"""

import hashlib
import logging
import os
from pathlib import Path

from mailadmin.deliveries.entries import LONGEST, of_line

log = logging.getLogger(__name__)
CHUNK = 256 * 1024
HEAD = 512  # bytes that tell two files apart
PACKED = {".gz", ".xz", ".bz2", ".zst"}


class FileLog:
    def __init__(self, path):
        self.path, self.source = Path(path), str(path)
        self.place, self.at = {}, 0
        self.read_to = 0  # what is not later was read from a file that is gone

    def start(self, place, at):
        self.place, self.at = place or {}, at
        self.read_to = 0

    def read(self):
        """([Entry, …], whether there is more). ``place`` and ``at`` are those after them."""
        found = self._open()
        if found is None:
            return [], False
        file, path = found
        with file:
            chunk = file.read(CHUNK)
            end = chunk.rfind(b"\n") + 1
            if not end and len(chunk) == CHUNK:
                end = len(chunk)  # a line without end is no line of a mail server
            self.place = place_in(file, self.place["offset"] + end, self.place)
        entries = []
        for line in chunk[:end].split(b"\n"):
            if line and (entry := of_line(line[:LONGEST])):
                if entry.at <= self.read_to:
                    continue
                self.read_to = 0
                entries.append(entry)
        if entries:
            self.at = max(self.at, entries[-1].at)
        if end:
            return entries, True
        return [], self._go_on(path, self.place["offset"] + len(chunk))

    def _open(self):
        """(the file that the place is in, at its offset; its path), or None if there is none."""
        for path in [self.path, *self._older()]:
            try:
                file = path.open("rb")
            except OSError:
                continue
            if self.place and self._is_in(file):
                file.seek(self.place["offset"])
                return file, path
            file.close()
        return self._begin()

    def _is_in(self, file):
        # By its beginning; an empty one by its number alone.
        state, place = os.fstat(file.fileno()), self.place
        if state.st_size < place["offset"]:
            return False
        if not place["length"]:
            return state.st_ino == place["inode"]
        return checksum(file, place["length"]) == place["head"]

    def _begin(self):
        """The file as it is now, from its beginning. If there was a place, lines are lost, or were read from files that are gone."""
        paths = [self.path]
        if self.place:
            log.warning("%s was rotated too often meanwhile: lines may be missing", self.path)
            self.read_to = self.at
            newer = [path for path in self._older() if path.stat().st_mtime >= self.at]
            paths = [*newer[-1:], self.path]
        for path in paths:
            try:
                file = path.open("rb")
            except OSError:
                continue
            self.place = place_in(file, 0)
            file.seek(0)
            return file, path
        return None

    def _go_on(self, path, end):
        """At the ``end`` of ``path``: if that is an older file, go to the beginning of the one after it, once that has lines."""
        if path == self.path:
            return False
        older = self._older()
        later = older[: older.index(path)] if path in older else []
        following = later[-1] if later else self.path
        try:
            with following.open("rb") as file:
                # Who writes has gone on, too, only when there is something in it.
                if not os.fstat(file.fileno()).st_size:
                    return False
                if path.stat().st_size > end:  # a last line, written after it was read
                    return True
                self.place = place_in(file, 0)
        except OSError:
            return False
        return True

    def _older(self):
        """Files that this one was renamed or copied to (mail.log.1, mail.log-20261129), the newest first."""
        found = []
        for path in self.path.parent.glob(f"{self.path.name}[.-]*"):
            try:
                if path.suffix not in PACKED and path.is_file():
                    found.append((path.stat().st_mtime_ns, path))
            except OSError:
                continue
        return [path for _mtime, path in sorted(found, reverse=True)]

    def close(self):
        pass


def place_in(file, offset, before=None):
    """``before``: the place in the same file that it was read from, whose checksum is the same if no more of its beginning is there."""
    state = os.fstat(file.fileno())
    length = min(HEAD, state.st_size)
    same = before and before["length"] == length
    head = before["head"] if same else checksum(file, length)
    return {"inode": state.st_ino, "offset": offset, "length": length, "head": head}


def checksum(file, length):
    if not length:
        return ""
    return hashlib.sha256(os.pread(file.fileno(), length, 0)).hexdigest()
