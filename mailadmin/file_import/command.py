"""`import file`: what the pages of an import do, by the same functions."""

import os
import shutil
import sys
import tempfile
from argparse import BooleanOptionalAction
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import sleep

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.management.base import CommandError
from django.db import Error, connection

from accounts import password_links
from mailadmin.file_import import judging, keeping, matching, result, tables, work
from mailadmin.file_import.kinds import KINDS
from mailadmin.file_import.mailboxes import INVITE, MADE, SEND
from mailadmin.file_import.texts import ONE_LETTER, TWO_LETTERS, in_bytes
from panel import file_imports, output, tasks
from panel.addresses import display_address
from panel.commands import size_in_mb
from panel.export import csv_lines
from panel.formats import number
from panel.models import FileLine
from panel.transactions import Unavailable, reason_of

WOULD_CHANGE = 2
ATTEMPTS = 30  # without a line made in between, before it gives up
PAUSE_SECONDS = 10
State = FileLine.State
WORDS = {State.GOOD: "good", State.BAD: "not good", State.MADE: "imported"}


class FileCommand:
    help = (
        "Import mailboxes, aliases, alias domains, domains or copies of mail that a file has, a line each, as the page “Import a file” does: all"
        " lines, or with --good-lines the good ones. Ctrl-C stops it, and --resume goes on. Exit status: 0 done; 1 a line cannot"
        " be imported; 2 with --dry-run: there is something to do."
    )

    def __init__(self, command):
        self.command = command
        self.say, self.warn = command.stdout.write, command.stderr.write

    @staticmethod
    def options(parser):
        fields = "; ".join(f"{name}: {', '.join(kind.fields)}" for name, kind in KINDS.items())
        parser.add_argument(
            "file", metavar="FILE", nargs="?", help="The file; “-” for standard input."
        )
        parser.add_argument(
            "--resume", type=int, metavar="N", help="Go on with import N, which was stopped."
        )
        parser.add_argument(
            "--kind", choices=KINDS, default="mailbox", help="What is in it (default: mailbox)."
        )
        parser.add_argument(
            "--format",
            choices=tables.FORMATS,
            default=tables.TABLE,
            help="How it is written: a table is CSV or XLSX, a map Postfix's, as text (default: table).",
        )
        parser.add_argument(
            "--column",
            metavar="HEADING=FIELD",
            dest="columns",
            action="append",
            default=[],
            help="What a column holds, by its heading or number (the first is 1), where its heading does not say it; “-” is"
            f" nothing. Several times for several. FIELD is, for {fields}.",
        )
        parser.add_argument(
            "--domain",
            metavar="DOMAIN",
            default="",
            help="Of lines whose address has none; of alias domains: where those lead that say nothing.",
        )
        parser.add_argument(
            "--umlauts",
            choices=[TWO_LETTERS, ONE_LETTER],
            default=TWO_LETTERS,
            help="In addresses, müller becomes mueller (two letters, the default) or muller (one).",
        )
        parser.add_argument(
            "--without-password",
            choices=[MADE, INVITE, SEND],
            dest="how",
            default=MADE,
            help="Where the file has neither password nor hash, one is made (the default), or the person is invited: by a link"
            " that the result has, or that is sent to the other address.",
        )
        parser.add_argument(
            "--must-change",
            action="store_true",
            help="Who has a password must set another one at the next sign-in.",
        )
        parser.add_argument(
            "--quota",
            type=size_in_mb,
            metavar="SIZE",
            help="Of lines that name none: such as “2 GB”, a number of MB, or “unlimited” (default: as each domain has it).",
        )
        parser.add_argument(
            "--welcome",
            action=BooleanOptionalAction,
            default=settings.WELCOME_MAIL,
            help="Send the welcome mail to new mailboxes (default: as WELCOME_MAIL says).",
        )
        parser.add_argument(
            "--good-lines",
            action="store_true",
            help="Import the good lines though others are not (default: all lines, or none).",
        )
        parser.add_argument(
            "--result",
            metavar="FILE",
            type=Path,
            help="Write what became of each line to FILE, a new one: CSV, with the passwords and links that were made, which"
            " nothing shows again.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what each line is, and import nothing."
        )

    def act(self, *, file, resume, dry_run, good_lines, json, result, **options):
        self.json = json
        if resume is not None:
            if file is not None or dry_run:
                raise CommandError(
                    "--resume goes on with what was checked: it takes neither FILE nor --dry-run."
                )
            found = self.begun_before(resume)
            self.check_result(found.kind, found.options["how"], result)
            with new_file(result) as out:
                self.warn_of_what_is_over(found)
                self.make(found, out)
            return
        if file is None:
            raise CommandError("Name the FILE, or “-” for standard input.")
        if not dry_run:
            self.check_result(options["kind"], options["how"], result)
        with new_file(None if dry_run else result) as out:
            found = self.kept(file, **options)
            began = False
            try:
                found = self.judged(found)
                counts = judging.counts(found)
                if dry_run:
                    self.foretell(found, counts)
                    raise SystemExit(WOULD_CHANGE)
                self.refuse(found, counts, good_lines)
                began = True
            finally:
                if not began:
                    file_imports.delete(found.pk)
            self.make(found, out)

    def check_result(self, kind, how, path):
        """Refuse to make what nobody would ever read."""
        if kind != "mailbox":
            return
        if how != SEND and path is None:
            raise CommandError(
                "Name a new file for the passwords or links that are made: --result FILE."
            )
        if how == INVITE and not settings.PANEL_URL:
            raise CommandError("Set PANEL_URL first: where the panel is, and the links lead to.")

    # --- What the file has

    def kept(self, file, *, kind, format, columns, **options):
        given = dict(column_and_field(text) for text in columns)
        wanted = {name: options[name] for name in keeping.FIRST_OPTIONS}
        if wanted["quota"] is not None:
            wanted["quota"] = in_bytes(wanted["quota"])
        with opened(file) as upload:
            found = keeping.store(
                actor=None,
                kind=kind,
                upload=File(upload, Path(file).name),
                format=format,
                headings=given,
            )
        try:
            return matching.match_as_given(actor=None, file=found, given=given, options=wanted)
        except ValidationError:
            file_imports.delete(found.pk)
            raise

    def judged(self, file):
        with output.progress(self.command) as bar:
            shown = bar.add_task("Checking", total=file.last)
            while not judging.is_judged(file):
                file = judging.judge_next(actor=None, file=file)
                bar.update(shown, completed=file.checked)
        return file

    def foretell(self, file, counts):
        for line in output.in_batches(file.lines.all(), "number"):
            self.say(self.told(file, line))
        if not self.json:
            self.say(f"{', '.join(judging.said(file, counts))}.")
        if counts[State.BAD]:
            raise CommandError(not_imported(counts[State.BAD]))

    def refuse(self, file, counts, good_lines):
        if counts[State.BAD] and not (good_lines and counts[State.GOOD]):
            self.tell_bad(file)
            words = not_imported(counts[State.BAD])
            more = "" if good_lines else " --good-lines imports the others."
            raise CommandError(f"{words} Nothing was imported.{more}")

    def tell_bad(self, file):
        for line in output.in_batches(file.lines.filter(state=State.BAD), "number"):
            (self.say if self.json else self.warn)(self.told(file, line))

    def told(self, file, line):
        if self.json:
            return output.as_json(judging.told(file, line))
        words = [f"Line {line.number}", display_address(line.address), WORDS[line.state]]
        said = [text for _field, text in line.problems] + line.notes
        return output.plain(": ".join(filter(None, [*words, " ".join(said)])))

    # --- What is made of it

    def begun_before(self, key):
        found = keeping.of(None).select_related("task").filter(pk=key).first()
        if found is None or found.task is None or not judging.is_judged(found):
            raise CommandError(
                f"There is no import {key} to go on with: none that this command began, or it is over."
            )
        return found

    def warn_of_what_is_over(self, file):
        hands_out = file.kind == "mailbox" and file.options["how"] != SEND
        if hands_out and judging.counts(file)[State.MADE] and not file_imports.has_secrets(file):
            self.warn(
                "Passwords and links of lines that were imported before are not kept any more:"
                " only a result that was written then has them."
            )

    def make(self, file, out):
        why = f"It is not finished: `import file --resume {file.pk}` goes on."
        try:
            with a_lost_database_is_unavailable():
                task = file.task
                if task is None or task.state in tasks.UNFINISHED:
                    task = self.steps(tasks.begin(work.begin(actor=None, file=file)))
                file.refresh_from_db()
                self.conclude(file, task, out, why)
        except Unavailable as error:
            raise CommandError(f"{self.command.explain(error)} {why}") from error
        except KeyboardInterrupt:
            raise CommandError(f"Stopped. {why}") from None

    def steps(self, task):
        making, failed = work.ImportWork(None), 0
        with output.progress(self.command) as bar:
            total = None if task.total > tasks.COUNTED else task.total
            shown = bar.add_task("Importing", total=total)
            try:
                while task.state == tasks.Running and failed < ATTEMPTS:
                    try:
                        # One after lines that were made before an error makes none, but reads the task anew.
                        with a_lost_database_is_unavailable():
                            task, failed = tasks.step(task, making), 0
                    except Unavailable as error:
                        self.warn(self.command.explain(error))
                        failed += 1
                        sleep(PAUSE_SECONDS)
                    bar.update(shown, completed=task.passed)
            except KeyboardInterrupt:
                self.warn("Stopped.")
        return tasks.stop(task)

    def conclude(self, file, task, out, why):
        if out is not None:
            write(out, file)
            file_imports.erase(file)
        counts = judging.counts(file)
        self.tell_bad(file)
        made, is_over = counts[State.MADE], task.state not in tasks.UNFINISHED
        if self.json:
            self.say(output.as_json({"made": made, "bad": counts[State.BAD], "finished": is_over}))
        else:
            self.say(f"{KINDS[file.kind].made % {'count': made, 'n': number(made)}}.")
        if not is_over:
            raise CommandError(why)
        file_imports.delete(file.pk)
        if counts[State.BAD]:
            raise CommandError(not_imported(counts[State.BAD]))


def not_imported(count):
    return f"{number(count)} {'line' if count == 1 else 'lines'} cannot be imported."


def column_and_field(text):
    heading, equals, field = text.rpartition("=")
    if not equals:
        raise CommandError(f"--column {text}: write HEADING=FIELD, such as Mail=address.")
    return heading.strip(), field.strip()


@contextmanager
def a_lost_database_is_unavailable():
    """Between transactions, too, where nothing else turns its errors into Unavailable."""
    try:
        yield
    except Error as error:
        connection.close()
        reason = reason_of(error)
        if reason is None:
            raise
        raise Unavailable(reason) from error


@contextmanager
def opened(name):
    """The file, in bytes. Standard input and pipes are put on disk: the file is read more than once."""
    with ExitStack() as stack:
        try:
            file = sys.stdin.buffer if name == "-" else stack.enter_context(Path(name).open("rb"))
            if name == "-" or not file.seekable():
                piped, file = file, stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(piped, file)
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}.") from error
        yield file


@contextmanager
def new_file(path):
    """A file that only its owner reads, or None. It is gone again if nothing was written into it."""
    if path is None:
        yield None
        return
    try:
        file = open(path, "x", encoding="utf-8", newline="", opener=_for_its_owner)  # noqa: SIM115
    except FileExistsError:
        raise CommandError(
            f"{path} is there already. Name a new file: none is overwritten."
        ) from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with file:
            yield file
    finally:
        with suppress(FileNotFoundError):
            if not path.stat().st_size:
                path.unlink()


def _for_its_owner(path, flags):
    return os.open(path, flags, 0o600)


def write(out, file):
    """Write the result, and return once it is on disk: what it has is erased here then. Of a half one nothing is left."""
    written = False
    try:
        with a_lost_database_is_unavailable():
            out.writelines(csv_lines(result.COLUMNS, result.rows(file, password_links.url_of)))
        out.flush()
        os.fsync(out.fileno())
        written = True
    except (OSError, Unavailable, KeyboardInterrupt) as error:
        raise CommandError(
            f"{out.name} cannot be written: {_why(error)} What was made is kept for ten minutes:"
            f" `import file --resume {file.pk} --result FILE` writes it."
        ) from error
    finally:
        if not written:
            with suppress(OSError):
                out.close()
            Path(out.name).unlink(missing_ok=True)


def _why(error):
    if isinstance(error, KeyboardInterrupt):
        return "Stopped."
    return f"{error.strerror}." if isinstance(error, OSError) else error.messages[0]
