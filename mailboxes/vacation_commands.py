"""Away messages at the command line, for `manage.py mailbox`."""

import sys
from datetime import date

from django.core.management.base import CommandError

from mailboxes.vacations import INTERVALS, end_vacation, set_vacation

DAYS = 86_400


class VacationMixin:
    vacation_verbs = {
        "away": "Let Dovecot answer for a mailbox. The text is read from standard input.",
        "back": "End the away message of mailboxes, PostfixAdmin's too.",
    }

    def options_for_away(self, parser):
        self.name_option(parser)
        parser.add_argument(
            "--subject", required=True, metavar="TEXT", help="The answer's subject."
        )
        for option, text in (
            ("--from", "The first day (default: now on)."),
            ("--until", "The last day."),
        ):
            parser.add_argument(
                option,
                type=date.fromisoformat,
                dest=f"{option[2:]}_day",
                metavar="YYYY-MM-DD",
                help=text,
            )
        parser.add_argument(
            "--every",
            type=int,
            choices=[seconds // DAYS for seconds in INTERVALS],
            default=0,
            metavar="DAYS",
            help="How long who was answered gets no other answer: 1, 3 or 7 days; 0, the default, as long as possible.",
        )
        self.json_option(parser)

    def options_for_back(self, parser):
        self.names_option(parser)
        self.json_option(parser)

    def away(self, *, name_given, subject, from_day, until_day, every, json, **options):
        mailbox = self.named(name_given)
        if sys.stdin.isatty():
            self.stderr.write("Write the text, and end it with Ctrl-D.")
        body = sys.stdin.read()
        set_vacation(
            actor=None,
            mailbox=mailbox,
            subject=subject,
            body=body,
            first_day=from_day,
            last_day=until_day,
            interval=every * DAYS,
        )
        self.report("Away message of", self.named(name_given), json=json)

    def back(self, *, names, json, **options):
        def one(name, say):
            mailbox = self.named(name)
            if not end_vacation(actor=None, mailbox=mailbox):
                raise CommandError(f"{mailbox} has no away message.")
            self.report("Ended the away message of", self.named(name), say=say, json=json)

        self.each(names, one, done="ended", json=json)
