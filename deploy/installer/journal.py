"""What this program did to the machine, written down before it is done: to undo it, and to know its own files.

One file, state.json, in a directory that only root may read: it holds the SQL users' passwords too. Each
change replaces it whole, so a power cut leaves the one before or the one after.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

PLACE = Path("/var/lib/mailadmin-install")


def checksum(text):
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


class Journal:
    def __init__(self, place=PLACE):
        self.place = place
        self.file = place / "state.json"
        state = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.answers = state.get("answers", {})
        self.secrets = state.get("secrets", {})
        # What was done, in order; undo.py reads it from the end.
        self.entries = state.get("entries", [])
        # {path: checksums} of files as we wrote them last, or as a package of ours brought them.
        self.written = state.get("written", {})
        # {path: checksum} of a person's files that are to stay, next to which of ours they refuse.
        self.theirs = state.get("theirs", {})
        # {name: checksum} of what was carried out last, e.g. the grants.
        self.carried_out = state.get("carried_out", {})
        # Services whose files changed, and that were not restarted since.
        self.stale = state.get("stale", [])

    def save(self):
        self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = ["answers", "secrets", "entries", "written", "theirs", "carried_out", "stale"]
        text = json.dumps({name: getattr(self, name) for name in names}, indent=1)
        write(self.file, text + "\n", mode=0o600)

    def record(self, kind, **facts):
        """Write down what is about to be done, so that it can be taken back. Returns the entry."""
        entry = {"kind": kind, **facts}
        if entry not in self.entries:
            self.entries.append(entry)
            self.save()
        return entry

    def outdate(self, services):
        """Remember that ``services`` must be restarted: the next run does it if this one stops
        before."""
        self.stale += [service for service in services if service not in self.stale]
        self.save()

    def keep(self, path):
        """Keep a copy of the file at ``path``; returns where, or None if there is no file."""
        if not path.exists():
            return None
        folder = self.place / "kept"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = len(list(folder.iterdir())) + 1
        copy = folder / f"{number:04}{str(path).replace('/', '_')}"
        shutil.copy2(path, copy)
        status = path.stat()
        os.chown(copy, status.st_uid, status.st_gid)
        return str(copy)

    def forget(self):
        shutil.rmtree(self.place, ignore_errors=True)


def write(path, text, *, mode=0o644, uid=0, gid=0):
    """Replace ``path`` at once and lastingly: a reader sees the old text or the new one, never half of it."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", errors="surrogateescape") as file:
        os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, mode)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
