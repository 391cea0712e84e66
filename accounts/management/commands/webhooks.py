import signal
from threading import Event
from time import monotonic

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from accounts import webhook_runner, webhooks
from panel import file_imports
from panel.commands import PanelCommand

POLL_SECONDS = 2
FORGET_SECONDS = 60


class Command(PanelCommand):
    help = (
        "Send to webhooks what is due (docs/webhooks.md). With --follow it goes on for ever, and each minute forgets files that were"
        " imported, and their passwords: that is mailadmin-webhooks.service (deploy/systemd). Several may run at once."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--follow", action="store_true", help="Go on until it is stopped.")
        one.add_argument(
            "--pause",
            action="store_true",
            help="Send nothing; switch off all that are on. For a restored copy, as deploy/restore does it.",
        )
        one.add_argument(
            "--resume",
            action="store_true",
            help="Send nothing; switch on what --pause switched off. What waits is sent then.",
        )

    def act(self, *, follow, pause, resume, **options):
        if pause:
            self.stdout.write(f"Webhooks switched off: {webhooks.pause_all()}.")
        elif resume:
            self.resume()
        elif not follow:
            self.stdout.write(f"Requests sent: {webhook_runner.run()}.")
        else:
            self.follow()

    def resume(self):
        count = refused = 0
        for webhook in webhooks.paused():
            try:
                webhooks.update_webhook(actor=None, webhook=webhook, active=True)
                count += 1
            except ValidationError as error:  # its host is not allowed here
                refused += 1
                self.stderr.write(f"{webhook.owner}, {webhook.host}: {self.explain(error)}")
        self.stdout.write(f"Webhooks switched on: {count}.")
        if refused:
            raise CommandError(f"Webhooks that stay off: {refused}.")

    def follow(self):
        stopped = Event()
        # After the request under way, so that its answer is written down.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_given: stopped.set())
        next_time = monotonic()
        while not stopped.is_set():
            if monotonic() >= next_time:
                # Passwords of imports, after minutes: of all that this panel has only this goes on for ever.
                file_imports.forget()
                next_time = monotonic() + FORGET_SECONDS
            if not webhook_runner.run(stopped.is_set):
                stopped.wait(POLL_SECONDS)
