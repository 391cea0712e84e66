from contextlib import suppress

from django.conf import settings
from django.core.management.base import CommandError

from accounts import events, webhooks
from panel.addresses import normalise_domain
from panel.commands import PanelCommand, whole_number
from panel.log_actions import ACTIONS
from panel.output import as_json

POLL_SECONDS = 1


class Command(PanelCommand):
    help = (
        "Print what happened here, the oldest first, as JSON lines: what webhooks are told (docs/webhooks.md). Each has a number;"
        " --since goes on after it. Kept for EVENTS_DAYS."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--since",
            type=whole_number,
            metavar="NUMBER",
            help="Only events after this one (default: all that are kept; with --follow, those that come).",
        )
        parser.add_argument(
            "--kind",
            action="append",
            default=[],
            metavar="NAME",
            help=f"Only this kind or action, such as create_mailbox; may be repeated. Kinds: {', '.join(webhooks.KINDS)}.",
        )
        parser.add_argument(
            "--domain",
            action="append",
            default=[],
            metavar="DOMAIN",
            help="Only of this domain; may be repeated.",
        )
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--follow", action="store_true", help="Go on, and print what comes until Ctrl C."
        )
        what.add_argument(
            "--forget",
            action="store_true",
            help="Print nothing, forget events and answers of webhooks that are older than EVENTS_DAYS.",
        )

    def act(self, *, since, kind, domain, follow, forget, **options):
        if forget:
            self.stdout.write(
                f"{events.forget()} rows older than {settings.EVENTS_DAYS} days were forgotten."
            )
            return
        if unknown := {*kind} - {*webhooks.KINDS} - ACTIONS.keys():
            raise CommandError(f"There is no such event: {', '.join(sorted(unknown))}.")
        wanted = {"names": kind, "domains": [normalise_domain(name) for name in domain]}
        events.number()
        if since is None:
            since = events.last() if follow else 0
        with suppress(KeyboardInterrupt):
            since = self.print_after(since, wanted)
            while follow and not self.reader_is_gone(POLL_SECONDS):
                events.number()
                since = self.print_after(since, wanted)

    def print_after(self, position, wanted):
        while found := events.after(position):
            for event in found:
                if events.is_wanted(event, **wanted):
                    self.stdout.write(as_json(events.told(event)))
            position = found[-1].number
        return position
