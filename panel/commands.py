"""The base of `manage.py domain|mailbox|alias|aliasdomain|admin VERB …`.

Whoever may run manage.py may do everything, so nothing asks for a permission; the log names
"CLI (localhost)". Each verb calls the same service as the pages do.
"""

import os
import select
import sys
from argparse import ArgumentTypeError
from contextlib import nullcontext
from decimal import Decimal

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.core.management.base import CommandError, no_translations
from django.db import OperationalError, ProgrammingError, connection
from django_rich.management import RichCommand

from panel import foreign, output
from panel.formats import NO_BREAK, typed_mb
from panel.several import Several, names_read

NOTHING_TO_CHANGE = "Nothing to change. --help shows what can be."


def whole_number(text):
    if text.lower() == "unlimited":
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise ArgumentTypeError(f"{text!r} is neither a whole number nor “unlimited”")
    return int(text)


def number_or_usual(text):
    if text.lower() == "usual":
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 12 or not int(text):
        raise ArgumentTypeError(f"{text!r} is neither a number of 1 or more nor “usual”")
    return int(text)


def limit(text):
    return -1 if text.lower() in {"none", "-1"} else whole_number(text)


def size_in_mb(text):
    """MB of “2 GB”, “500” or “unlimited”, a Decimal."""
    if text.lower() == "unlimited":
        return Decimal(0)
    mb = typed_mb(text) if len(text) <= 30 else None
    if mb is None or mb >= 10**12:
        raise ArgumentTypeError(f"{text!r} is no size such as 2GB or 500, nor “unlimited”")
    return mb


def size_limit(text):
    """Whole MB, as domains have them; -1 for “none”."""
    if text.lower() in {"none", "-1"}:
        return -1
    mb = size_in_mb(text)
    if mb != int(mb):
        raise ArgumentTypeError(f"{text!r} is not whole megabytes")
    return int(mb)


class PanelCommand(RichCommand):
    """A command whose errors are one sentence each. ``act()`` gets the options; ``words`` are the fields' labels.

    ``noun`` and ``nouns`` are what it is about, ``key`` the metavar of their names and an example. ``on_others``: it has its own words
    where the database is another program's.
    """

    noun = nouns = None
    key = ("NAME", "")
    words = {}
    on_others = False

    @no_translations  # the services' errors in English, like the rest of the command
    def handle(self, **options):
        try:
            if not self.on_others and (whose := foreign.owner(connection)):
                raise CommandError(whose)
            self.act(**options)
            self.stdout.flush()
        except (ValidationError, ObjectDoesNotExist) as error:
            raise CommandError(self.explain(error)) from error
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(foreign.refusal(error)) from error
        except UnicodeError as error:
            source = "Standard input" if isinstance(error, UnicodeDecodeError) else "An argument"
            raise CommandError(f"{source} is not valid UTF-8 text.") from error
        except BrokenPipeError:
            # The reader (head, less) has seen enough; Python must not complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    def act(self, **options):
        raise NotImplementedError

    def reader_is_gone(self, seconds):
        """Wait so long, as a command does that goes on until Ctrl C; return whether whoever reads its output has closed it."""
        self.stdout.flush()
        poll = select.poll()
        poll.register(sys.stdout, 0)
        return bool(poll.poll(seconds * 1000))

    def json_option(self, parser):
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def names_option(self, parser):
        metavar, example = self.key
        parser.add_argument(
            "names",
            metavar=metavar,
            nargs="+",
            help=f"E.g. {example}; several, or “-” to read them from standard input, one a line.",
        )

    def each(self, names, act, *, done, json):
        """Call ``act(name, say)`` for each of ``names``. One that is refused stops none of the others."""
        if len(names) == 1 and names != ["-"]:
            act(names[0], self.stdout.write)
            return
        total = None if "-" in names else len(names)
        Several(self, names_read(names), total, json=json).do(act, done)

    def explain(self, error):
        if isinstance(error, ObjectDoesNotExist):
            return (
                f"A row is missing: {error} Somebody may have deleted it just now. If another"
                " program filled these tables, run `manage.py recount` once."
            )
        if not hasattr(error, "error_dict"):
            return "\n".join(error.messages).replace(NO_BREAK, " ")
        lines = []
        for field, messages in error.message_dict.items():
            word = self.words.get(field, field.replace("_", " ").capitalize())
            lines += [
                message if field == NON_FIELD_ERRORS else f"{word}: {message}"
                for message in messages
            ]
        return "\n".join(lines).replace(NO_BREAK, " ")


class RowCommand(PanelCommand):
    """A command with sub-commands about one kind of row.

    A subclass names its ``verbs`` with a line of help each. Every verb has a method of that name (``_`` for a hyphen),
    which gets the options, and a method ``options_for_<verb>(parser)``. Of ``record(row)``, ``fields`` are
    printed of one row, ``columns`` of a list on a terminal, the keys ``piped`` of a list in a pipe.
    ``named(text)`` returns the row of that name or raises CommandError; ``switch(row, active)`` and
    ``remove(row, **options)`` call the services.
    """

    verbs = {}
    fields = []
    columns = []
    piped = ()

    def add_arguments(self, parser):
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        for verb, text in self.verbs.items():
            subparser = verbs.add_parser(verb, help=text, description=text)
            getattr(self, f"options_for_{verb.replace('-', '_')}")(subparser)

    def act(self, *, verb, **options):
        getattr(self, verb.replace("-", "_"))(**options)

    # --- Options that several verbs share

    def name_option(self, parser):
        metavar, example = self.key
        parser.add_argument("name_given", metavar=metavar, help=f"E.g. {example}.")

    def options_for_list(self, parser):
        self.search_option(parser)
        state = parser.add_mutually_exclusive_group()
        state.add_argument(
            "--on", action="store_true", dest="active", default=None, help="Only what is on."
        )
        state.add_argument(
            "--off", action="store_false", dest="active", default=None, help="Only what is off."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line.")

    def search_option(self, parser):
        parser.add_argument("--search", metavar="TEXT", help="Only names that begin with TEXT.")

    def off_option(self, parser):
        parser.add_argument(
            "--off", action="store_false", dest="active", help="Create it switched off."
        )

    def options_for_on(self, parser):
        self.names_option(parser)
        self.json_option(parser)

    options_for_off = options_for_on

    def options_for_show(self, parser):
        self.name_option(parser)
        self.json_option(parser)

    def options_for_delete(self, parser):
        self.names_option(parser)
        parser.add_argument("--yes", action="store_true", help="Skip the confirmation.")
        parser.add_argument("--json", action="store_true", help="Print what it was as JSON.")

    # --- Input

    def find(self, rows, key, hint="Is the name right?"):
        row = rows.filter(pk=key).first()
        if row is None:
            raise CommandError(f"There is no {self.noun} {output.plain(key)}. {hint}")
        return row

    def confirm(self, rows, consequences):
        """Ask at the terminal before ``rows`` are deleted; one is confirmed by its name, several by their number."""
        if sys.stdin is None or not sys.stdin.isatty():
            raise CommandError("Not a terminal: pass --yes to delete without confirmation.")
        for line in consequences:
            self.stdout.write(output.plain(line))
        expected, what = rows[0].pk, "it"
        if len(rows) > 1:
            expected, what = str(len(rows)), f"these {len(rows)} {self.nouns}"
        try:
            answer = input(f"Type {expected} to delete {what}: ")
        except (KeyboardInterrupt, EOFError):
            answer = ""
        if answer.strip().lower() != expected:
            raise CommandError("Not confirmed. Nothing was deleted.")

    def given(self, options, *names):
        return {name: options[name] for name in names if options[name] is not None}

    def changes(self, options, *names):
        given = self.given(options, *names)
        if not given:
            raise CommandError(NOTHING_TO_CHANGE)
        return given

    def treatment_options(self, parser):
        parser.add_argument(
            "--drop-recipients",
            action="store_true",
            help="Remove it from the aliases and forwardings that lead here.",
        )
        parser.add_argument(
            "--replace-by",
            metavar="ADDRESS",
            default="",
            help="Let the aliases and forwardings that lead here lead to this address instead.",
        )
        self.emptied_option(parser)

    def emptied_option(self, parser):
        parser.add_argument(
            "--emptied",
            metavar="keep|delete|ADDRESS",
            help="What becomes of aliases that would have no recipient: they are kept, which is the default,"
            " or deleted, or lead to this address.",
        )

    def rename_options(self, parser, old="old address", becomes="an alias"):
        parser.add_argument(
            "--no-alias",
            action="store_false",
            dest="keep_alias",
            help=f"Give the {old} up (default: it becomes {becomes} that leads there).",
        )
        self.dry_run_option(parser)
        self.json_option(parser)

    def dry_run_option(self, parser):
        parser.add_argument("--dry-run", action="store_true", help="Say what changes, and stop.")

    def treatment(self, *, drop_recipients, replace_by, emptied, **options):
        return {
            "others": replace_by or ("remove" if drop_recipients else "keep"),
            "emptied": emptied or replace_by or "keep",
        }

    def about_referrers(self, row, names, *, others, emptied):
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        yield f"Aliases and forwardings that lead to {row} ({len(names)}): {', '.join(names[:10])}{more}."
        if others == emptied == "keep":
            yield "They will lead to an address that does not exist; --drop-recipients removes it from them."
        elif others == emptied:
            yield f"They will lead to {others} instead."
        else:
            kept, removed = "They stay as they are", "It is removed from their recipients"
            those = {"keep": kept, "remove": removed}.get(others, f"They will lead to {others}")
            left = {"keep": "kept", "delete": "deleted"}.get(emptied, f"led to {emptied}")
            yield f"{those}; an alias that would have no recipient is {left}."

    def print_preview(self, said, *, json):
        """What another name would change, and what does not go along."""
        if json:
            told = {name: getattr(said, name) for name in ("old", "new", "changes", "stays")}
            self.stdout.write(output.as_json(told))
            return
        self.stdout.write(f"{said.old} becomes {said.new}.")
        for text, names in said.changes:
            self.stdout.write(output.plain(" ".join([f"- {text}", ", ".join(names)]).rstrip()))
        self.stdout.write("What does not go along:")
        for text, _names in said.stays:
            self.stdout.write(output.plain(f"- {text}"))

    # --- Verbs

    def show(self, *, name_given, json, **options):
        self.print_one(self.named(name_given), json=json)

    def on(self, *, names, json, **options):
        self._switch_each(names, True, json)

    def off(self, *, names, json, **options):
        self._switch_each(names, False, json)

    def _switch_each(self, names, active, json):
        state = "on" if active else "off"

        def one(name, say):
            row = self.switch(self.named(name), active)
            say(self._json_of(row) if json else f"{row} is {state}.")

        self.each(names, one, done=state, json=json)

    def delete(self, *, names, yes, json, **options):
        if not yes:
            if "-" in names:
                raise CommandError("Names from standard input are deleted only with --yes.")
            rows = [self.named(name) for name in dict.fromkeys(names)]
            self.confirm(rows, [line for row in rows for line in self.consequences(row, **options)])

        def one(name, say):
            row = self.named(name)
            record = self._json_of(row) if json else None
            self.remove(row, **options)
            say(record or f"Deleted {self.noun} {row}.")

        self.each(names, one, done="deleted", json=json)

    def named(self, text):
        raise NotImplementedError

    def switch(self, row, active):
        raise NotImplementedError

    def remove(self, row, **options):
        raise NotImplementedError

    def consequences(self, row, **options):
        return ()

    # --- Output

    def record(self, row):
        raise NotImplementedError

    def details(self, row):
        return {}

    def everything(self, row):
        return {**self.record(row), **self.details(row)}

    def print_list(self, rows, *keys, json, descending=False):
        """Print ``rows`` ordered by ``keys``, an index that ends with the primary key."""
        self.print_rows(output.in_batches(rows, *keys, descending=descending), json=json)

    def print_rows(self, rows, *, json):
        records = map(self.record, rows)
        if json:
            for record in records:
                self.stdout.write(output.as_json(record))
        elif self.stdout.isatty():
            output.print_table(self.console, self.columns, records, self.noun, self.nouns)
        else:
            output.print_lines(self.stdout.write, self.piped, records)

    def print_one(self, row, *, json, **extra):
        if json:
            self.stdout.write(self._json_of(row, **extra))
        else:
            output.print_record(self.stdout.write, self.fields, self.everything(row) | extra)

    def _json_of(self, row, **extra):
        return output.as_json(self.everything(row) | extra)

    def report(self, done, row, *, say=None, json=False, password=None, link=None, was=None):
        say = say or self.stdout.write
        secrets = {"password": password, "link": link}
        if json:
            say(self._json_of(row, **{name: text for name, text in secrets.items() if text}))
            return
        say(f"{done} {self.noun} {f'{was} to {row}' if was else row}.")
        if password:
            say(f"Password: {password}")
        if link:
            say(f"Link, for once, within three days: {link}")

    def working(self, text):
        return self.console.status(text) if self.stdout.isatty() else nullcontext()
