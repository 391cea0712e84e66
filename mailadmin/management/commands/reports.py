from collections import Counter
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from mailadmin.reports.receiving import UNREADABLE, Busy, receive, take
from mailadmin.reports.storing import FOREIGN, KNOWN, OLD, STORED, TOO_MANY, forget
from panel import output
from panel.commands import PanelCommand

MAILDIR = settings.BASE_DIR / "var" / "reports"  # as deploy/postfix/master.cf has it
WORDS = {
    STORED: "counted",
    KNOWN: "counted before",
    FOREIGN: "about domains that are not here",
    OLD: "too old, or about a day that has not begun",
    TOO_MANY: "beyond what is kept of a domain and day",
    UNREADABLE: "messages without a report that can be read",
}


class Command(PanelCommand):
    help = (
        "Count the reports about DMARC and TLS that other servers sent, for the page “Who sends in your name” of each domain, and forget"
        " those that are older than REPORT_DAYS. Postfix puts them into a Maildir of the panel; meant for a timer (deploy/systemd)."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "files",
            metavar="FILE",
            nargs="*",
            help="Read these instead, messages or reports, and keep them.",
        )
        parser.add_argument(
            "--maildir", default=MAILDIR, help="Where the messages are (var/reports of the panel)."
        )
        self.json_option(parser)

    def act(self, *, files, maildir, json, **options):
        try:
            if files:
                found = sum((take(Path(file).read_bytes(), file) for file in files), Counter())
            else:
                found = receive(maildir)
        except Busy:
            self.stdout.write(f"Another run reads {maildir}.")
            return
        except OSError as error:
            raise CommandError(str(error)) from error
        forgotten = forget()
        if json:
            self.stdout.write(output.as_json({**found, "forgotten": forgotten}))
            return
        told = [f"{found[name]} {words}" for name, words in WORDS.items() if found[name]]
        self.stdout.write(f"Reports: {', '.join(told) or 'none came'}.")
        if forgotten:
            self.stdout.write(f"{forgotten} rows of older reports were forgotten.")
