"""What a backup has, in place of what a new host would begin with: files, rows, mail."""

import grp
import pwd
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from installer.backup_files import DUMP, FILES, MAIL
from installer.journal import write
from installer.part import DATABASE, Part
from installer.services import manager
from installer.steps import Directory, Failed, Link, Step, run

BEGUN = "restoring"  # what Journal.carried_out has until all of a backup is here


class Restored(Part):
    @classmethod
    def wanted(cls, options):
        return bool(options.restore)

    def users(self):
        backup = self.options.restore
        yield Files(backup)
        if backup.file(MAIL).exists():
            yield Mailboxes(backup, self.options.mail_root)


class OfABackup(Step):
    def __init__(self, backup):
        self.backup = backup

    def difference(self, journal):
        if journal.carried_out.get(self.title) == self.backup.mark:
            return ""
        return f"as on {self.backup.about['moment']}"

    def done(self, journal):
        journal.carried_out[self.title] = self.backup.mark
        journal.save()


class Files(OfABackup):
    title = "settings and keys of the backup"
    replan = True

    def do(self, journal, log):
        written = self.backup.state["written"]
        with tarfile.open(self.backup.file(FILES)) as tar:
            for member in tar:
                path = Path("/", member.name)
                log.write(f"restore {path}")
                owner = (_known(pwd.getpwnam, member.uname), _known(grp.getgrnam, member.gname))
                if member.isdir():
                    Directory(path, member.mode, *owner).do(journal, log)
                elif member.issym():
                    Link(path, member.linkname).do(journal, log)
                elif member.isfile():
                    if not path.parent.is_dir():
                        Directory(path.parent).do(journal, log)
                    journal.record("file", path=str(path), was=journal.keep(path))
                    if str(path) in written:  # as it was written there, and thus no person's
                        journal.written.setdefault(str(path), []).extend(written[str(path)])
                    text = tar.extractfile(member).read().decode(errors="surrogateescape")
                    write(path, text, mode=member.mode)
                    Directory(path, member.mode, *owner).set_rights()
        self.done(journal)


def _known(find, name):
    try:
        return find(name)[0]
    except KeyError:
        return "root"


class Mailboxes(OfABackup):
    title = "mail of the backup"

    def __init__(self, backup, root):
        super().__init__(backup)
        self.root = Path(root)

    def do(self, journal, log):
        there = [*self.root.iterdir()]
        if there:
            aside = self.root.with_name(
                f"{self.root.name}.before-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
            )
            aside.mkdir(mode=0o700)
            for path in there:
                path.rename(aside / path.name)
            log.say(f"         What was in {self.root} is in {aside}.")
        archive = self.backup.file(MAIL)
        run(["tar", "--extract", f"--file={archive}", f"--directory={self.root}"], log=log)
        journal.outdate(["dovecot"])
        self.done(journal)


class Database(OfABackup):
    """Replaces rows, triggers and functions by the backup's. ``empty`` are statements that make the database anew; ``stopped`` is a unit
    that must not see the rows before the run is through: its Service starts it then."""

    title = "database of the backup"
    replan = True

    def __init__(self, backup, empty, stopped):
        super().__init__(backup)
        self.empty, self.stopped = empty, stopped

    def do(self, journal, log):
        self._stop(log)
        name = DATABASE["NAME"]
        if run(["mariadb", "-N", "-e", f"SHOW TABLES IN `{name}`"], log=log, secret_output=True):
            kept = journal.place / "kept"
            kept.mkdir(mode=0o700, parents=True, exist_ok=True)
            dump = kept / f"database-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.sql"
            options = ["--single-transaction", "--routines", f"--result-file={dump}"]
            run(["mariadb-dump", *options, name], log=log)
            log.say(f"         The database that was there is in {dump}.")
        run(["mariadb"], input=f"DROP DATABASE `{name}`;\n{self.empty}", log=log)
        log.write(f"$ mariadb {name} < {self.backup.file(DUMP)}")
        with self.backup.file(DUMP).open() as dump:
            loaded = subprocess.run(["mariadb", name], stdin=dump, capture_output=True, text=True)  # noqa: S603, S607
        if loaded.returncode != 0:
            raise Failed(f"mariadb {name} < {self.backup.file(DUMP)}\n{loaded.stderr.strip()}")
        for name in {"grants.sql", "signer.sql"} & journal.carried_out.keys():
            del journal.carried_out[name]
        journal.outdate(["mailadmin"])
        self.done(journal)

    def _stop(self, log):
        services = manager()
        if services.is_running(self.stopped):
            services.stop(self.stopped, log)
        if services.is_enabled(self.stopped):  # the machine may be started anew meanwhile
            services.disable(self.stopped, log)


class Webhooks(OfABackup):
    """What waits in the backup was sent since, or another machine sends it: docs/operations.md."""

    title = "webhooks off"

    def __init__(self, backup, command, **options):
        super().__init__(backup)
        self.command, self.options = command, options

    def do(self, journal, log):
        said = run(self.command, log=log, **self.options)
        if not said.endswith(" 0."):
            log.say(f"         {said} `mailadmin webhooks --resume` switches them on again.")
        self.done(journal)


STEPS = (Files, Mailboxes, Database, Webhooks)
