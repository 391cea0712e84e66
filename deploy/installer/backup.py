"""deploy/backup: the database, the host's settings with their keys, and the mail if it is asked for.

A backup is a directory of its own, named for host and moment. It gets its name when it is complete and checked, so one that
was interrupted is never taken for a backup. Only root may read it: there are all keys and password hashes in it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from installer import machine, options
from installer.backup_files import ABOUT, DUMP, FILES, FORMAT, MAIL, STATE, checksum
from installer.journal import Journal
from installer.part import DATABASE
from installer.parts import PARTS
from installer.steps import Failed


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="deploy/backup",
        description="Write a backup of this host into a new directory inside DIRECTORY: the database, settings and keys.",
    )
    parser.add_argument("directory", type=Path, metavar="DIRECTORY")
    parser.add_argument("--mail", action="store_true", help="All mail too.")
    given = parser.parse_args(arguments)
    os.umask(0o077)
    journal = Journal()
    if not journal.answers:
        return _complain("deploy/install did not set up this host: docs/operations.md, Backup.")
    now = datetime.now(UTC)
    name = f"{journal.answers['hostname']}-{now:%Y-%m-%dT%H%M%SZ}"
    begun = given.directory / f".{name}.begun"
    try:
        begun.mkdir(parents=True)
        write_backup(begun, journal, now, mail=given.mail)
        begun.rename(given.directory / name)
    except (Failed, OSError) as error:
        shutil.rmtree(begun, ignore_errors=True)
        return _complain(f"No backup was written.\n{error}")
    print(given.directory / name)  # noqa: T201
    return 0


def _complain(text):
    print(text, file=sys.stderr)  # noqa: T201
    return 1


def write_backup(place, journal, now, *, mail):
    told = options.read([], journal)
    # First: for mail of a mailbox that is made meanwhile there is a row, then.
    if mail:
        _write_mail(place / MAIL, Path(told.mail_root))
    _dump(place / DUMP)
    _write_files(place / FILES, told)
    (place / STATE).write_text(journal.file.read_text())
    about = {
        "format": FORMAT,
        "hostname": told.hostname,
        "moment": now.isoformat(timespec="seconds"),
        "release": machine.release()[1],
        "checksums": {path.name: checksum(path) for path in sorted(place.iterdir())},
    }
    (place / ABOUT).write_text(json.dumps(about, indent=1) + "\n")
    _sync(place)


def _dump(file):
    """All of one moment, without locking anybody out; triggers and functions too."""
    command = ["mariadb-dump", "--single-transaction", "--routines", "--triggers", "--hex-blob"]
    command += ["--default-character-set=utf8mb4", DATABASE["NAME"]]
    with file.open("wb") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE)  # noqa: S603
    with file.open("rb") as written:
        written.seek(max(0, file.stat().st_size - 200))
        complete = b"-- Dump completed" in written.read()
    if done.returncode != 0 or not complete:
        raise Failed(f"mariadb-dump: {done.stderr.decode().strip() or 'the dump is not complete.'}")


def _write_files(file, told):
    places = [Path(told.checkout, ".env")]
    places += [Path(path) for part in PARTS for path in part.keeps]
    with tarfile.open(file, "w") as tar:
        for path in filter(os.path.lexists, places):
            tar.add(path)


def _write_mail(file, root):
    # Maildirs are never still: a message that was renamed meanwhile is fetched afterwards.
    _tar(["--create", f"--file={file}", f"--directory={root}", "."])
    listed = _tar(["--list", "--quoting-style=literal", f"--file={file}"])
    there = {_message(os.fsdecode(path)) for path in listed.splitlines()}
    missing = [
        path
        for folder, _folders, names in os.walk(root)
        for path in (os.path.relpath(os.path.join(folder, name), root) for name in names)
        if _message(f"./{path}") not in there
    ]
    if missing:
        given = b"\0".join(map(os.fsencode, missing))
        _tar(
            ["--append", f"--file={file}", f"--directory={root}", "--null", "--files-from=-"], given
        )


def _message(path):
    folder, _slash, name = path.rpartition("/")
    if folder.endswith(("/new", "/cur")):
        return f"{folder[:-4]}/{name.partition(':')[0]}"
    return path


def _tar(arguments, given=None):
    command = ["tar", "--warning=no-file-changed", "--warning=no-file-removed", *arguments]
    done = subprocess.run(command, input=given, capture_output=True)  # noqa: S603
    if done.returncode > 1:  # 1: something changed while it was read
        raise Failed(f"tar: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _sync(place):
    for path in [*place.iterdir(), place]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
