import getpass
import sys

from django.core.management.base import CommandError

from accounts import factors
from accounts.passwords import generate_password

NOTHING_READ = (
    "No password. Run this in a terminal to be asked for one, write it as one line to standard"
    " input, or use --generate."
)


class FactorMixin:
    factor_verbs = {
        "factor-reset": "Take second factors away: the password alone is asked for then. The person is told by mail."
    }

    def options_for_factor_reset(self, parser):
        self.names_option(parser)
        self.json_option(parser)

    def factor_reset(self, *, names, json, **options):
        def one(name, say):
            account = factors.reset(actor=None, account=self.named(name))
            self.report("Took the second factor away from", account, say=say, json=json)

        self.each(names, one, done="without second factor", json=json)


class PasswordMixin:
    """A command that sets passwords. A password is never an argument: process lists and shell histories show those."""

    def password_option(self, parser):
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            "--generate", action="store_true", help="Generate a password and print it once."
        )
        return group

    def ask_password(self, generate, *, what="password"):
        if generate:
            return generate_password()
        if sys.stdin is None:
            raise CommandError(NOTHING_READ)
        if sys.stdin.isatty():
            return self._prompt(what)
        try:
            password = sys.stdin.readline().rstrip("\r\n")
            password.encode()
        except UnicodeError as error:
            raise CommandError(f"The {what} is not valid UTF-8 text.") from error
        if not password:
            raise CommandError(NOTHING_READ)
        return password

    def _prompt(self, what):
        try:
            password = getpass.getpass(f"{what.capitalize()}: ")
            again = getpass.getpass(f"Repeat {what.lower()}: ")
        except (KeyboardInterrupt, EOFError):
            raise CommandError("Cancelled. Nothing was changed.") from None
        if password != again:
            raise CommandError("The two differ. Nothing was changed.")
        return password
