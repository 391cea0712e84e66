"""The program `mailadmin`: what `manage.py` does for this panel, without Django's own commands and options."""

import argparse
import json
import os
import sys
from contextlib import contextmanager
from difflib import get_close_matches

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, load_command_class
from django.core.management.color import color_style, no_style
from django.db import Error

from mailadmin.environment import is_about_connecting

# By heading: {command: (app, what it does, examples)}.
COMMANDS = {
    "Rows": {
        "domain": (
            "domains",
            "domains and their limits",
            ("domain add example.org --mailboxes 50 --quota 20480", "domain show example.org"),
        ),
        "aliasdomain": (
            "domains",
            "other names of domains",
            ("aliasdomain add example.net example.org", "aliasdomain list"),
        ),
        "mailbox": (
            "mailboxes",
            "mailboxes, passwords, forwardings",
            ("mailbox add ann@example.org --generate", "mailbox list --domain example.org --json"),
        ),
        "alias": (
            "aliases",
            "aliases and catch-alls",
            (
                "alias add sales@example.org ann@example.org partner@elsewhere.example",
                "alias add @example.org ann@example.org",
            ),
        ),
        "admin": (
            "accounts",
            "administrators of this panel",
            (
                "admin add it@example.org --domains example.org example.net",
                "admin list --superadmins",
            ),
        ),
    },
    "Server": {
        "firstrun": (
            "mailadmin",
            "the first superadmin, and sample data",
            ("firstrun", "firstrun --demo"),
        ),
        "mailconf": (
            "mailadmin",
            "files for Postfix, Dovecot, nginx, systemd",
            (
                "mailconf DIRECTORY --hostname mail.example.org",
                "mailconf DIRECTORY --hostname mail.example.org --sql-hosts 192.0.2.1,192.0.2.2",
            ),
        ),
        "migrate": (
            "django.core",
            "create or upgrade the tables",
            ("migrate", "migrate --plan"),
        ),
        "recount": (
            "mailboxes",
            "triggers, functions and counters anew",
            ("recount", "recount && mailadmin check --database default"),
        ),
        "snapshot": (
            "mailboxes",
            "figures of today, for the plots",
            ("snapshot", "snapshot && mailadmin check --database default"),
        ),
        "check": (
            "django.core",
            "what is wrong with settings and database",
            ("check --database default", "check --deploy"),
        ),
    },
}
DJANGO_OPTIONS = {
    *("--version", "-v", "--verbosity", "--settings", "--pythonpath"),
    *("--traceback", "--no-color", "--force-color", "--skip-checks"),
}


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
        sys.exit(f"mailadmin cannot start. {error}")
    except Error as error:
        if not is_about_connecting(error) or "--traceback" in sys.argv:
            raise
        # What the server says names user and host, and no password.
        sys.exit(
            f"mailadmin cannot start. DATABASE_URL names a database that cannot be opened: {error}."
            " Expected: one that is there and lets this user in. See .env.example."
        )


def run(arguments):
    """Run one command and return the exit status: 1 after an error, 2 if the arguments are not understood."""
    name, *rest = arguments or ["--help"]
    commands = {name: about for group in COMMANDS.values() for name, about in group.items()}
    if name in {"-h", "--help", "help"}:
        sys.stdout.write(overview())
        return 0
    if name not in commands:
        return refuse(f"There is no command {name!r}.{meant(name, commands)}", rest, status=2)
    app, _summary, examples = commands[name]
    command = load_command_class(app, name)
    command.suppressed_base_arguments = command.suppressed_base_arguments | DJANGO_OPTIONS
    verbs = getattr(command, "verbs", {})
    if verbs:
        command.requires_system_checks = []  # nor their option
    if verbs and rest and not rest[0].startswith("-") and rest[0] not in verbs:
        words = f"{name} cannot {rest[0]!r}.{meant(rest[0], verbs)} It can: {', '.join(verbs)}."
        return refuse(words, rest, status=2)
    parser = command.create_parser("mailadmin", name)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(["examples:", *(f"  mailadmin {example}" for example in examples)])
    options = vars(parser.parse_args(rest or (["--help"] if verbs else [])))
    try:
        command.execute(*options.pop("args", ()), **options)
    except CommandError as error:
        return refuse(str(error), rest, status=error.returncode)
    return 0


def overview():
    lines = ["usage: mailadmin COMMAND …", ""]
    for group, commands in COMMANDS.items():
        lines += [
            f"{group}:",
            *(f"  {name:<12} {about[1]}" for name, about in commands.items()),
            "",
        ]
    return "\n".join([*lines, "mailadmin COMMAND --help explains one, with examples.", ""])


def meant(word, possible):
    close = get_close_matches(word, possible, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def refuse(words, arguments, *, status):
    if "--json" in arguments:
        sys.stderr.write(json.dumps({"error": words}) + "\n")
        return status
    style = color_style() if sys.stderr.isatty() else no_style()
    sys.stderr.write(style.ERROR("error:") + f" {words}\n")
    return status
