"""deploy/restore: the installation once more, with the answers, secrets, files, rows and mail of a backup.

It is a run of deploy/install that knows a backup, so it goes on where it stopped, writes the same log, and is undone alike.
What is here already is replaced only if that is said, and kept aside then.
"""

import argparse
import json
from pathlib import Path

from installer import options as option_words
from installer import program
from installer.backup_files import ABOUT, FORMAT, MAIL, STATE, checksum
from installer.journal import Journal
from installer.part import DATABASE
from installer.restored import BEGUN, STEPS


class Backup:
    """A directory that deploy/backup wrote. Raises WrongAnswer if it is not one, or damaged."""

    def __init__(self, place):
        self.place = place
        try:
            self.about = json.loads((place / ABOUT).read_text())
            self.state = json.loads((place / STATE).read_text())
            sums = self.about["checksums"]
            damaged = [name for name, known in sums.items() if checksum(place / name) != known]
        except (OSError, ValueError, KeyError) as error:
            raise option_words.WrongAnswer(f"{place} is no backup: {error}") from error
        if self.about["format"] != FORMAT:
            raise option_words.WrongAnswer(
                f"{place} was written by another release of this program."
            )
        if damaged:
            raise option_words.WrongAnswer(f"{place} is damaged: {', '.join(damaged)}")
        self.mark = checksum(place / ABOUT)

    def file(self, name):
        return self.place / name


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="deploy/restore",
        description="Make this machine the host that a backup is of. It installs everything, like deploy/install.",
    )
    parser.add_argument("backup", type=Path, metavar="BACKUP", help="What deploy/backup wrote.")
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="Replace the host that is here: its settings, database and mail. Copies are kept.",
    )
    given = parser.parse_args(arguments)
    return program.guarded(lambda: _restore(Backup(given.backup.absolute()), given.overwrite))


def _restore(backup, overwrite):
    journal = Journal()
    here = [] if journal.carried_out.get(BEGUN) == backup.mark else _here(journal, backup)
    if here and not overwrite:
        raise option_words.WrongAnswer(
            "Nothing was done. Here already:\n  "
            + "\n  ".join(here)
            + "\n--overwrite replaces it, and keeps a copy."
        )
    if journal.carried_out.get(BEGUN) != backup.mark:  # the same backup, once more
        for step in STEPS:
            journal.carried_out.pop(step.title, None)
    journal.answers = backup.state["answers"]
    journal.secrets |= backup.state["secrets"]
    journal.carried_out[BEGUN] = backup.mark
    options = option_words.read([], journal)
    options.restore = backup
    status = program.look_and_install(options, journal)
    if status == 0:
        del journal.carried_out[BEGUN]
        journal.save()
    return status


def _here(journal, backup):
    database = Path("/var/lib/mysql", DATABASE["NAME"])
    root = Path(backup.state["answers"]["mail_root"])
    found = []
    if journal.answers:
        found.append(f"{journal.answers['hostname']}, set up by deploy/install")
    if database.exists():
        found.append(f"{database}: a database")
    if backup.file(MAIL).exists() and root.is_dir() and any(root.iterdir()):
        found.append(f"{root}: mail")
    return found
