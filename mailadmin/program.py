"""The program `mailadmin`: what `manage.py` does for this panel, without Django's own commands and options."""

import argparse
import json
import os
import re
import sys
from contextlib import contextmanager
from difflib import get_close_matches

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, load_command_class
from django.core.management.color import color_style, no_style
from django.db import Error

from mailadmin.program_commands import GROUPS
from panel import foreign
from panel.server import is_about_connecting

COMMANDS = {name: about for group in GROUPS.values() for name, about in group.items()}
DJANGO_OPTIONS = {
    *("--version", "-v", "--verbosity", "--settings", "--pythonpath"),
    *("--traceback", "--no-color", "--force-color", "--skip-checks"),
}
INTERRUPTED = 130  # what a shell says of Ctrl C


def main():
    with start_errors_in_words():
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailadmin.settings")
        django.setup()
        sys.exit(run(sys.argv[1:]))


@contextmanager
def start_errors_in_words():
    try:
        yield
    except ImproperlyConfigured as error:
        words = f"mailadmin cannot start. {error}"
    except Error as error:
        connecting, cure = is_about_connecting(error), foreign.cure(error)
        if not (connecting or cure) or "--traceback" in sys.argv:
            raise
        # What the server says names user and host, and no password.
        words = (
            f"mailadmin cannot start. DATABASE_URL names a database that cannot be opened: {error}."
            " Expected: one that is there and lets this user in. See .env.example."
            if connecting
            else f"The database refused: {error}. {cure}"
        )
    else:
        return
    sys.exit(refuse(words, sys.argv, status=1))


def run(arguments):
    """Run one command and return the exit status: 1 after an error, 2 if the arguments are not understood."""
    name, *rest = arguments or ["--help"]
    if name in {"-h", "--help", "help"}:
        sys.stdout.write(overview())
        return 0
    if name not in COMMANDS:
        return refuse(f"There is no command {name!r}.{meant(name, COMMANDS)}", rest, status=2)
    command = load(name)
    verbs = getattr(command, "verbs", {})
    if verbs and rest and not rest[0].startswith("-") and rest[0] not in verbs:
        words = f"{name} cannot {rest[0]!r}.{meant(rest[0], verbs)} It can: {', '.join(verbs)}."
        return refuse(words, rest, status=2)
    try:
        options = vars(parser_of(command, name).parse_args(rest or ["--help"] * bool(verbs)))
    except CommandError as error:
        asked = f"mailadmin {name} {rest[0]}" if verbs and rest else f"mailadmin {name}"
        return refuse(f"{in_words(error, command, name, rest)} See {asked} --help.", rest, status=2)
    try:
        command.execute(*options.pop("args", ()), **options)
    except CommandError as error:
        return refuse(str(error), rest, status=error.returncode)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def load(name):
    command = load_command_class(COMMANDS[name][0], name)
    if getattr(command, "verbs", {}):
        command.requires_system_checks = []
    return command


def parser_of(command, name):
    parser = command.create_parser("mailadmin", name)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    for action in parser._actions:
        if not DJANGO_OPTIONS.isdisjoint(action.option_strings):
            action.help = argparse.SUPPRESS
    examples = (f"  mailadmin {example}" for example in COMMANDS[name][2])
    parser.epilog = "\n".join(["examples:", *examples])
    return parser


def overview():
    lines = ["usage: mailadmin COMMAND …", ""]
    for heading, commands in GROUPS.items():
        lines += [
            f"{heading}:",
            *(f"  {name:<12} {about[1]}" for name, about in commands.items()),
            "",
        ]
    return "\n".join([*lines, "mailadmin COMMAND --help explains one, with examples.", ""])


def meant(word, possible):
    close = get_close_matches(word, possible, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def in_words(error, command, name, arguments):
    said = str(error).removeprefix("Error: ")
    unknown = re.match(r"unrecognized arguments: (\S+)", said)
    suggestion = ""
    if unknown:
        options = words_of(parser_of(command, name), arguments[:1])
        suggestion = meant(unknown[1].partition("=")[0], options)
    return f"{said[:1].upper()}{said[1:].rstrip('.')}.{suggestion}"


def words_of(parser, verb=()):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            chosen = action.choices.get(*verb) if verb else None
            return words_of(chosen) if chosen else list(action.choices)
    shown = (a for a in parser._actions if a.help is not argparse.SUPPRESS)
    return [option for a in shown for option in a.option_strings if option.startswith("--")]


def refuse(words, arguments, *, status):
    if "--json" in arguments:
        sys.stderr.write(json.dumps({"error": words}) + "\n")
        return status
    style = color_style() if sys.stderr.isatty() else no_style()
    sys.stderr.write(style.ERROR("error:") + f" {words}\n")
    return status
