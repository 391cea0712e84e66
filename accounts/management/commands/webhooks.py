import signal
from threading import Event

from accounts import webhook_runner
from panel.commands import PanelCommand

POLL_SECONDS = 2


class Command(PanelCommand):
    help = (
        "Send to webhooks what is due (docs/webhooks.md). With --follow it goes on for ever: that is mailadmin-webhooks.service"
        " (deploy/systemd). Several may run at once."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--follow", action="store_true", help="Go on until it is stopped.")

    def act(self, *, follow, **options):
        if not follow:
            self.stdout.write(f"Requests sent: {webhook_runner.run()}.")
            return
        stopped = Event()
        # After the request under way, so that its answer is written down.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_given: stopped.set())
        while not stopped.is_set():
            if not webhook_runner.run(stopped.is_set):
                stopped.wait(POLL_SECONDS)
