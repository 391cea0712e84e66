from concurrent.futures import ThreadPoolExecutor

from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django_rich.management import RichCommand

from mailboxes import fetch_runs, fetching
from panel import foreign
from panel.transactions import Unavailable


class Command(RichCommand):
    help = (
        "Fetch mail from mailboxes elsewhere, each that is due once. Meant for a timer (deploy/systemd), every five minutes; two at once"
        " never fetch from the same one. What goes wrong is said on the mailbox's page. Exit status 1 if this server's mail server takes nothing."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--together", type=int, default=4, metavar="N", help="Fetch from N at a time (4)."
        )

    def handle(self, *, together, **options):
        if not fetching.is_offered():
            raise CommandError("Nothing is fetched here: the setting FETCHMAIL_TO is empty.")
        try:
            if stored := fetching.store_secrets_as_now():
                self.stdout.write(f"Passwords stored anew: {stored}.")
            fetch_runs.forget_deleted()
            rows = list(fetch_runs.due())
            runs = self.run_all(rows, together)
        except Unavailable as error:
            raise CommandError(error.message) from error
        except DatabaseError as error:
            raise CommandError(foreign.refusal(error)) from error
        if any(row and row.outcome == "no_door" for row in runs):
            raise CommandError("The local mail server takes no fetched mail: see FETCHMAIL_TO.")

    def run_all(self, rows, together):
        if together <= 1 or len(rows) <= 1:
            return [self.run(row) for row in rows]
        with ThreadPoolExecutor(together) as pool:
            return list(pool.map(self.run_in_thread, rows))

    def run_in_thread(self, row):
        try:
            return self.run(row)
        finally:
            connection.close()  # this thread's own

    def run(self, row):
        done = fetch_runs.run(row)
        if done and (done.taken or done.outcome not in fetching.FINE):
            self.stdout.write(f"{done.mailbox_id}: {done}: {done.returned_text}")
        return done
