from collections import Counter
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from mailadmin.reports.receiving import UNREAD, UNREADABLE, Busy, make_room, receive, take
from mailadmin.reports.storing import FOREIGN, KNOWN, OLD, STORED, TOO_MANY, forget
from panel import foreign, output
from panel.commands import PanelCommand

MAILDIR = settings.BASE_DIR / "var" / "reports"  # as deploy/postfix/master.cf has it
WORDS = {
    STORED: "counted",
    KNOWN: "counted before",
    FOREIGN: "about domains that are not here",
    OLD: "too old, or about a day that has not begun",
    TOO_MANY: "beyond what is kept of a domain and day",
    UNREADABLE: "messages without a report that can be read",
    UNREAD: "messages deleted unread, too large or too many",
}


class Command(PanelCommand):
    help = (
        "Count the reports about DMARC and TLS that other servers sent, for the page “Who sends in your name” of each domain, and forget"
        " those that are older than REPORT_DAYS. Postfix puts them into a Maildir of the panel; meant for a timer (deploy/systemd)."
    )

    on_others = True  # asked below

    def add_arguments(self, parser):
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "files",
            metavar="FILE",
            nargs="*",
            default=[],
            help="Read these instead, messages or reports, and keep them.",
        )
        what.add_argument(
            "--forget",
            action="store_true",
            dest="only_forget",
            help="Read nothing, forget older reports.",
        )
        parser.add_argument(
            "--maildir", default=MAILDIR, help="Where the messages are (var/reports of the panel)."
        )
        self.json_option(parser)

    def act(self, *, files, only_forget, maildir, json, **options):
        try:
            reads_mail = not files and not only_forget
            # Before the database is asked: while it is away, the disk must not fill up either.
            found = make_room(maildir) if reads_mail else Counter()
            if whose := foreign.owner(connection):
                raise CommandError(whose)
            if reads_mail:
                found += receive(maildir)
            for file in files:
                found += take(Path(file).read_bytes(), file)
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
        if not only_forget:
            self.stdout.write(f"Reports: {', '.join(told) or 'none came'}.")
        if forgotten or only_forget:
            self.stdout.write(f"{forgotten} rows of older reports were forgotten.")
