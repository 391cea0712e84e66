import getpass
import sys

from django.core.management.base import CommandError

from accounts.passwords import generate_password

NOTHING_READ = (
    "No password. Run this in a terminal to be asked for one, write it as one line to standard"
    " input, or use --generate."
)


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
