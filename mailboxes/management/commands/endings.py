from django.core.management.base import CommandError
from django.db import DatabaseError
from django_rich.management import RichCommand

from aliases.models import Ending
from mailboxes import endings
from panel import foreign
from panel.transactions import Unavailable


class Command(RichCommand):
    help = (
        "Do what was chosen for aliases and mailboxes whose last day is over: switch them off, delete them, or lead their mail"
        " elsewhere. Meant for a timer (deploy/systemd), once an hour; nothing is done twice. Exit status 1 if one of them was refused."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--list",
            action="store_true",
            help="Only list what has a last day, the next ones first.",
        )

    def handle(self, **options):
        if options["list"]:
            for row in Ending.objects.order_by("last_day", "pk"):
                to = f" {row.goto} {row.days} days" if row.goto else ""
                self.stdout.write(f"{row.last_day}\t{row.pk}\t{row.action}{to}")
            return
        try:
            done = endings.end_due()
        except Unavailable as error:
            raise CommandError(error.message) from error
        except DatabaseError as error:
            raise CommandError(foreign.refusal(error)) from error
        for address, said, is_refused in done:
            (self.stderr if is_refused else self.stdout).write(f"{address}: {said}")
        if refused := sum(is_refused for _address, _said, is_refused in done):
            raise CommandError(f"Refused: {refused}. They stay due.")
