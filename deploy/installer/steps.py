"""The kinds of steps. Each says what differs from what is wanted ("" if nothing) and does it.

What a step is about to do is in the journal before it happens, with what undo.py needs to take it back.
"""

import difflib
import grp
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from installer.journal import checksum, write

SECRET = re.compile(
    r"(password\s*=\s*|IDENTIFIED BY\s+'|SHA2\(CONCAT\('|SECRET(?:_KEY)?=|mysql://[^:]*:|(?:_secret|_key)'\] = ')[^\s'@]+",
    re.IGNORECASE,
)


class Failed(Exception):
    """A step did not succeed: ``str()`` is the command or the file, what it said, and what to do."""


def run(command, *, log, input=None, user=None, cwd=None, advice="", secret_output=False):
    """Run it and return what it printed. Its output goes to the log; no secret may be in ``command``."""
    if user:
        command = ["runuser", "-u", user, "--", *command]
    log.write("$ " + " ".join(map(str, command)))
    try:
        # A file and not a pipe: a daemon that was started may keep it open.
        with tempfile.TemporaryFile("w+", errors="replace") as printed:
            done = subprocess.run(  # noqa: S603
                list(map(str, command)),
                input=input,
                stdin=None if input is not None else subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=cwd,
            )
            printed.seek(0)
            output, status = printed.read().strip(), done.returncode
    except OSError as error:
        output, status = str(error), 127
    if output and not secret_output:
        log.write(output)
    if status != 0:
        last = "\n".join(output.splitlines()[-15:])
        text = f"This command ended with status {status}:\n  {' '.join(map(str, command))}\n{last}"
        raise Failed(f"{text}\n{advice}".rstrip())
    return output


def succeeds(command, **options):
    """Whether a command that changes nothing ends well; False if the program is not there."""
    try:
        done = subprocess.run(  # noqa: S603
            list(map(str, command)), capture_output=True, text=True, **options
        )
    except OSError:
        return False
    return done.returncode == 0


class Step:
    title = ""
    # Whether the steps look different after it.
    replan = False

    def difference(self, journal):
        """What would be done, for a reader; "" if nothing."""
        raise NotImplementedError

    def do(self, journal, log):
        raise NotImplementedError


class Owned(Step):
    def _as(self, mode, owner, group):
        self.mode, self.owner, self.group = mode, owner, group

    def _rights(self):
        status = self.path.stat()
        there = (
            status.st_mode & 0o7777,
            _name(pwd.getpwuid, status.st_uid),
            _name(grp.getgrgid, status.st_gid),
        )
        wanted = (self.mode, self.owner, self.group)
        if there == wanted:
            return ""
        form = "mode {:o}, {}:{}"
        return f"{self.path}: {form.format(*there)} -> {form.format(*wanted)}\n"

    def set_rights(self):
        uid, gid = self._ids()
        os.chown(self.path, uid, gid)
        self.path.chmod(self.mode)

    def _ids(self):
        return pwd.getpwnam(self.owner).pw_uid, grp.getgrnam(self.group).gr_gid


class Directory(Owned):
    """``kind`` is the journal's: a "directory" goes if it is empty, a "tree" with what our services wrote there, "mail" if it is asked for."""

    def __init__(self, path, mode=0o755, owner="root", group="root", *, kind="directory"):
        self.title = f"directory {path}"
        self.path, self.kind = Path(path), kind
        self._as(mode, owner, group)

    def difference(self, journal):
        if not self.path.is_dir():
            return f"make {self.path}, mode {self.mode:o}, {self.owner}:{self.group}"
        return self._rights()

    def do(self, journal, log):
        if not self.path.is_dir():
            for parent in [p for p in reversed(self.path.parents) if not p.exists()]:
                journal.record("directory", path=str(parent))
                parent.mkdir(mode=0o755)
            journal.record(self.kind, path=str(self.path))
            self.path.mkdir(mode=0o700)
        self.set_rights()


class File(Owned):
    """A file with this text; nothing of a ``secret`` one is shown. ``stale`` are the services that
    read it when they start.

    ``part`` takes out of a text what is ours. The rest is a person's and stays: ``joined(there,
    text)`` puts both together.
    """

    def __init__(
        self,
        path,
        text,
        mode=0o644,
        owner="root",
        group="root",
        *,
        stale=(),
        part=str,
        joined=None,
        secret=False,
    ):
        self.title, self.secret = str(path), secret
        self.path, self.text, self.stale = Path(path), text, stale
        self.part, self.joined = part, joined
        self._as(mode, owner, group)

    def wanted(self):
        return self.joined(text_of(self.path) or "", self.text) if self.joined else self.text

    def edited(self, journal):
        there = self.part(text_of(self.path) or "")
        if there in ("", self.part(self.wanted())):
            return False
        return checksum(there) not in journal.written.get(str(self.path), [])

    def _choice(self):
        return checksum((text_of(self.path) or "") + self.wanted())

    def difference(self, journal):
        there, wanted = text_of(self.path), self.wanted()
        if there == wanted:
            return self._rights()
        if journal.theirs.get(str(self.path)) == self._choice():
            return ""
        if self.secret:
            return f"{self.path} has a password in it, and is not shown.\n"
        lines = difflib.unified_diff(
            _masked(there or ""),
            _masked(wanted),
            f"{self.path} ({'there' if there is not None else 'not there'})",
            f"{self.path} (wanted)",
        )
        return "".join(lines)

    def do(self, journal, log):
        there, wanted = text_of(self.path), self.wanted()
        if not self.path.parent.is_dir():
            Directory(self.path.parent).do(journal, log)
        uid, gid = self._ids()
        if there != wanted:
            journal.entries.append(
                {"kind": "file", "path": str(self.path), "was": journal.keep(self.path)}
            )
            # Both: after a power cut either may be there, and is not a person's.
            known = {checksum(self.part(there or ""))} & {*journal.written.get(str(self.path), [])}
            journal.written[str(self.path)] = [*known, checksum(self.part(wanted))]
            journal.theirs.pop(str(self.path), None)
            journal.outdate(self.stale)
            write(self.path, wanted, mode=self.mode, uid=uid, gid=gid)
        self.set_rights()

    def leave(self, journal):
        """A person's file stays, and is not shown again until it or ours changes."""
        journal.theirs[str(self.path)] = self._choice()
        journal.save()


class Gone(Step):
    def __init__(self, path, *, stale=()):
        self.title, self.path, self.stale = str(path), Path(path), stale

    def difference(self, journal):
        made = str(self.path) in journal.written or any(
            entry["kind"] == "link" and entry["path"] == str(self.path) and not entry["was"]
            for entry in journal.entries
        )
        there = self.path.is_symlink() or self.path.exists()
        return f"remove {self.path}" if there and made else ""

    def do(self, journal, log):
        journal.outdate(self.stale)
        self.path.unlink()
        journal.written.pop(str(self.path), None)
        journal.save()


class Link(Step):
    def __init__(self, path, target, *, stale=()):
        self.title = str(path)
        self.path, self.target, self.stale = Path(path), str(target), stale

    def difference(self, journal):
        there = os.readlink(self.path) if self.path.is_symlink() else None
        return "" if there == self.target else f"{self.path} -> {self.target}"

    def do(self, journal, log):
        there = os.readlink(self.path) if self.path.is_symlink() else None
        journal.outdate(self.stale)
        journal.record("link", path=str(self.path), was=there)
        new = self.path.with_name(f".{self.path.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(self.target)
        new.replace(self.path)


class Command(Step):
    """A command, unless ``is_done()``. ``makes`` is what undo removes: paths that were not there before."""

    def __init__(self, title, command, is_done, *, makes=(), advice="", replan=False, **options):
        self.title, self.command, self.is_done = title, command, is_done
        self.replan = replan
        self.makes, self.advice, self.options = makes, advice, options

    def difference(self, journal):
        return "" if self.is_done() else "run: " + " ".join(map(str, self.command))

    def do(self, journal, log):
        for path in self.makes:
            if not path.exists():
                journal.record("tree", path=str(path))
        run(self.command, log=log, advice=self.advice, **self.options)


class Once(Step):
    def __init__(self, title, command, **options):
        self.title, self.command, self.options = title, command, options

    def difference(self, journal):
        if self.title in journal.carried_out:
            return ""
        return "run: " + " ".join(map(str, self.command))

    def do(self, journal, log):
        run(self.command, log=log, **self.options)
        journal.carried_out[self.title] = "done"
        journal.save()


class Sql(Step):
    """Statements for MariaDB as its root, through standard input. Carried out again only when they change."""

    def __init__(self, title, name, text, *, advice=""):
        self.title, self.name, self.text, self.advice = title, name, text, advice

    def difference(self, journal):
        if journal.carried_out.get(self.name) == checksum(self.text):
            return ""
        return "mariadb <<SQL\n" + "".join(_masked(self.text)) + "SQL"

    def do(self, journal, log):
        journal.record("sql", name=self.name)
        run(["mariadb"], input=self.text, log=log, advice=self.advice)
        journal.carried_out[self.name] = checksum(self.text)
        journal.save()


class Changed(Step):
    """Something that services read when they start and that no step writes: the panel's code."""

    def __init__(self, title, name, mark, *, stale):
        self.title, self.name, self.mark, self.stale = title, name, mark, stale

    def difference(self, journal):
        return (
            ""
            if journal.carried_out.get(self.name) == self.mark
            else "differs from what the services have read"
        )

    def do(self, journal, log):
        journal.carried_out[self.name] = self.mark
        journal.outdate(self.stale)


def text_of(path):
    try:
        return path.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return None


def _masked(text):
    return SECRET.sub(r"\1********", text).splitlines(keepends=True)


def _name(find, number):
    try:
        return find(number)[0]
    except KeyError:
        return str(number)


def remove(path):
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
