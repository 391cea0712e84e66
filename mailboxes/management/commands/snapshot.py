from django.core.management.base import CommandError
from django.db import DatabaseError
from django_rich.management import RichCommand

from mailboxes import snapshots
from panel import foreign
from panel.transactions import Unavailable


class Command(RichCommand):
    help = (
        "Write down today's figures of each domain and of the server, and the sizes of the mailboxes that are nearly full:"
        " the panel's plots are drawn from them. Meant for a timer (deploy/systemd), some times a day; run again"
        " on the same day, it replaces that day's. Figures older than 400 days are removed."
    )

    def handle(self, **options):
        try:
            domains, mailboxes, forgotten = snapshots.take()
        except Unavailable as error:
            raise CommandError(error.message) from error
        except DatabaseError as error:
            raise CommandError(foreign.refusal(error)) from error
        self.stdout.write(
            f"Domains: {domains}, nearly full mailboxes: {mailboxes}, rows removed: {forgotten}."
        )
