"""The base of `manage.py domain|mailbox|alias|aliasdomain|admin VERB …`.

Whoever may run manage.py may do everything, so nothing asks for a permission; the log names
"CLI (localhost)". Each verb calls the same service as the pages do.
"""

import os
import sys
from argparse import ArgumentTypeError
from contextlib import contextmanager, nullcontext

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.core.management.base import CommandError, no_translations
from django.db import OperationalError, ProgrammingError
from django_rich.management import RichCommand

from panel import output

NOTHING_TO_CHANGE = "Nothing to change. --help shows what can be."


def whole_number(text):
    if text.lower() == "unlimited":
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise ArgumentTypeError(f"{text!r} is neither a whole number nor “unlimited”")
    return int(text)


def limit(text):
    return -1 if text.lower() in {"none", "-1"} else whole_number(text)


class RowCommand(RichCommand):
    """A command with sub-commands about one kind of row.

    A subclass names its ``verbs`` with a line of help each. Every verb has a method of that name,
    which gets the options, and a method ``options_for_<verb>(parser)``. ``fields`` are what is
    printed of ``record(row)``; ``words`` maps a service's field to the name of the option.
    """

    noun = None
    verbs = {}
    fields = []
    words = {}

    def add_arguments(self, parser):
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        for verb, text in self.verbs.items():
            subparser = verbs.add_parser(verb, help=text, description=text)
            getattr(self, f"options_for_{verb}")(subparser)

    @no_translations  # the services' errors in English, like the rest of the command
    def handle(self, *, verb, **options):
        try:
            getattr(self, verb)(**options)
            self.stdout.flush()
        except ValidationError as error:
            raise CommandError(self._explain(error)) from error
        except ObjectDoesNotExist as error:
            raise CommandError(
                f"A row is missing: {error} Somebody may have deleted it just now. If another"
                " program filled these tables, run `manage.py recount` once."
            ) from error
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(
                f"Database error: {error}. Is DATABASE_URL right, and has"
                " `manage.py migrate` been run?"
            ) from error
        except UnicodeEncodeError as error:
            raise CommandError("An argument is not valid UTF-8 text.") from error
        except BrokenPipeError:
            # The reader (head, less) has seen enough; Python must not complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    def _explain(self, error):
        if not hasattr(error, "error_dict"):
            return "\n".join(error.messages)
        lines = []
        for field, messages in error.message_dict.items():
            word = self.words.get(field, field)
            lines += [
                message if field == NON_FIELD_ERRORS else f"{word}: {message}"
                for message in messages
            ]
        return "\n".join(lines)

    # --- Options that several verbs share

    def json_option(self, parser):
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def options_for_list(self, parser):
        parser.add_argument("--search", metavar="TEXT", help="Only names that begin with TEXT.")
        self.active_options(parser, "Only active ones.", "Only inactive ones.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line.")

    def active_options(self, parser, active="Switch it on.", inactive="Switch it off."):
        state = parser.add_mutually_exclusive_group()
        state.add_argument("--active", action="store_true", default=None, help=active)
        state.add_argument(
            "--inactive", action="store_false", dest="active", default=None, help=inactive
        )

    def options_for_delete(self, parser):
        parser.add_argument("--yes", action="store_true", help="Skip the confirmation.")
        parser.add_argument("--json", action="store_true", help="Print what it was as JSON.")

    # --- Input

    def find(self, rows, key, hint="Is the name right?"):
        row = rows.filter(pk=key).first()
        if row is None:
            raise CommandError(f"There is no {self.noun} {output.plain(key)}. {hint}")
        return row

    def confirm_delete(self, name, consequences, yes):
        if yes:
            return
        if sys.stdin is None or not sys.stdin.isatty():
            raise CommandError("Not a terminal: pass --yes to delete without confirmation.")
        for line in consequences:
            self.stdout.write(output.plain(line))
        try:
            answer = input(f"Type {name} to delete it: ")
        except (KeyboardInterrupt, EOFError):
            answer = ""
        if answer.strip().lower() != name:
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
            "--drop-targets",
            action="store_true",
            help="Remove it from the aliases and forwardings that lead here.",
        )
        parser.add_argument(
            "--replace-by",
            metavar="ADDRESS",
            default="",
            help="Let the aliases and forwardings that lead here lead to this address instead.",
        )
        parser.add_argument(
            "--emptied",
            metavar="keep|delete|ADDRESS",
            help="What becomes of aliases that would have no recipient: they are kept, which is the default,"
            " or deleted, or lead to this address.",
        )

    def treatment(self, *, drop_targets, replace_by, emptied):
        """What ``clean_referrers`` does, from these options."""
        return {
            "others": replace_by or ("remove" if drop_targets else "keep"),
            "emptied": emptied or replace_by or "keep",
        }

    def about_referrers(self, names, *, others, emptied):
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        yield f"Aliases and forwardings that lead here ({len(names)}): {', '.join(names[:10])}{more}."
        if others == emptied == "keep":
            yield "They will lead to an address that does not exist; --drop-targets removes it from them."
        elif others == emptied:
            yield f"They will lead to {others} instead."
        else:
            kept, removed = "They stay as they are", "It is removed from their targets"
            those = {"keep": kept, "remove": removed}.get(others, f"They will lead to {others}")
            left = {"keep": "kept", "delete": "deleted"}.get(emptied, f"led to {emptied}")
            yield f"{those}; an alias that would have no recipient is {left}."

    # --- Output

    def record(self, row):
        raise NotImplementedError

    def details(self, row):
        return {}

    def everything(self, row):
        return {**self.record(row), **self.details(row)}

    def print_list(self, rows, *keys, json):
        """Print ``rows`` ordered by ``keys``, an index that ends with the primary key."""
        records = map(self.record, output.in_batches(rows, *keys))
        if json:
            for record in records:
                self.stdout.write(output.as_json(record))
        elif self.stdout.isatty():
            output.print_table(self.console, self.fields, records)
        else:
            output.print_lines(self.stdout.write, self.fields, records)

    def print_one(self, row, *, json, **extra):
        record = self.everything(row) | extra
        if json:
            self.stdout.write(output.as_json(record))
        else:
            output.print_record(self.stdout.write, self.fields, record)

    def report(self, done, row, *, json=False, password=None):
        extra = {"password": password} if password else {}
        if json:
            self.print_one(row, json=True, **extra)
            return
        self.stdout.write(f"{done} {self.noun} {row}.")
        if password:
            self.stdout.write(f"Password: {password}")

    @contextmanager
    def deleting(self, row, *, json):
        record = self.everything(row) if json else None
        yield
        self.stdout.write(output.as_json(record) if json else f"Deleted {self.noun} {row}.")

    def working(self, text):
        return self.console.status(text) if self.stdout.isatty() else nullcontext()
