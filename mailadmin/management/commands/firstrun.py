import os
import socket

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, no_translations
from django.db import DatabaseError
from django_rich.management import RichCommand

from accounts.models import Admin
from accounts.passwords import generate_password
from accounts.services import create_admin
from mailadmin import demo
from panel import foreign, output


class Command(RichCommand):
    help = (
        "Print the address of the panel. If nobody can sign in as a superadmin yet, create one"
        " and print the password, this once. To be run at every start: it changes nothing else."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--demo",
            action="store_true",
            help="Fill in sample domains, mailboxes, aliases and administrators, once.",
        )
        parser.add_argument(
            "--address",
            metavar="URL",
            help="What to print as the panel's address (default: from HOST and PORT).",
        )

    @no_translations
    def handle(self, *, address, **options):
        try:
            self.stdout.write(f"The panel is at {address or self._address()}")
            superadmin = self._superadmin()
            if options["demo"]:
                self._fill(superadmin)
        except ValidationError as error:
            raise CommandError("\n".join(error.messages)) from error
        except DatabaseError as error:
            raise CommandError(foreign.refusal(error)) from error

    def _address(self):
        host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
        if host in {"0.0.0.0", "::", ""}:  # noqa: S104  everywhere: print a name for here
            host = socket.gethostname()
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def _superadmin(self):
        rows = Admin.objects.superadmins().filter(active=True).order_by("pk")
        if admin := rows.first():
            self.stdout.write(
                "The accounts are there: `manage.py admin list --superadmins` names who may do"
                " everything,\n`manage.py admin password LOGIN` sets a new password."
            )
            return admin
        number, username = 1, "admin@localhost"
        while Admin.objects.filter(pk=username).exists():  # off, or no superadmin
            number += 1
            username = f"admin{number}@localhost"
        password = generate_password()
        admin = create_admin(actor=None, username=username, password=password, superadmin=True)
        self.stdout.write(
            f"Sign in as {username} with the password {password}\n"
            "It is shown this once; `manage.py admin password` sets another one."
        )
        return admin

    def _fill(self, superadmin):
        if demo.is_there():
            self.stdout.write("The sample data is there already.")
            return

        accounts, password = demo.fill(superadmin, output.bar(self, "Creating mailboxes"))
        self.stdout.write("Sample accounts, for the page that you sign in to:")
        for login, role in accounts:
            self.stdout.write(f"  {login}  ({role})")
        self.stdout.write(f"All of them have the password {password}, shown this once.")
