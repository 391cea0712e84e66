from contextlib import closing
from pathlib import Path

from django.core.management.base import CommandError
from django.db import transaction

from mailadmin.file_import.command import FileCommand
from mailadmin.importing.plan import Plan
from mailadmin.importing.proof import prove
from mailadmin.importing.reader import Unreadable
from mailadmin.importing.readers import READERS
from mailadmin.importing.report import Report
from mailadmin.importing.writing import Writer
from panel import output
from panel.commands import PanelCommand


class Undone(Exception):
    """Ends the transaction: what was written in it is gone."""


class Command(PanelCommand):
    help = (
        "Bring domains, mailboxes, aliases and administrators from another mail server, with their passwords. All of it is"
        " written, or nothing. --dry-run writes it, proves it and takes it back. The exit status is 1 if something stands"
        " in the way: the report says what, and what to do. SOURCE “file” is a table of people or names, made line by line."
    )

    def add_arguments(self, parser):
        sources = parser.add_subparsers(dest="source", metavar="SOURCE", required=True)
        file = sources.add_parser("file", help=FileCommand.help, description=FileCommand.help)
        FileCommand.options(file)
        self.json_option(file)
        for name, reader in READERS.items():
            subparser = sources.add_parser(name, help=reader.help, description=reader.help)
            reader.options(subparser)
            self._options(subparser)

    def _options(self, parser):
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be written, and keep nothing."
        )
        parser.add_argument(
            "--domain",
            metavar="DOMAIN",
            action="append",
            default=[],
            help="Only this domain and what is in it; several.",
        )
        parser.add_argument(
            "--accept",
            metavar="FINDING",
            action="append",
            default=[],
            help="Go on in spite of this finding, of those that a person decides.",
        )
        parser.add_argument(
            "--new-directories",
            action="store_true",
            help="Give every mailbox a new directory, wherever its mail lies there.",
        )
        parser.add_argument(
            "--html",
            metavar="FILE",
            type=Path,
            help="Write the report to FILE too, to be read in a browser.",
        )
        self.json_option(parser)

    def act(self, *, source, **options):
        if source == "file":
            FileCommand(self).act(**options)
        else:
            self.bring(source, **options)

    def bring(self, source, *, dry_run, domain, accept, new_directories, html, json, **options):
        try:
            reader = READERS[source](**options)
            plan = Plan(reader, only=domain, new_directories=new_directories)
            with closing(plan.spool):
                report = Report(
                    source,
                    plan.spool.counts(),
                    list(plan.findings()),
                    plan.place,
                    frozenset(accept),
                )
                if not report.in_the_way:
                    self._write(plan, report, keep=not dry_run)
        except (Unreadable, OSError) as error:
            raise CommandError(str(error)) from error
        if html:
            html.write_text(report.html())
        for line in [output.as_json(report.record())] if json else report.lines():
            self.stdout.write(line)
        if report.failed:
            raise SystemExit(1)

    def _write(self, plan, report, *, keep):
        try:
            with transaction.atomic():
                writer = Writer(plan, output.bar(self, "Writing"))
                writer.write()
                report.refused = writer.refused
                if not report.refused:
                    report.proof = prove(plan, writer.unknown)
                if report.failed or not keep:
                    raise Undone
        except Undone:
            return
        report.written = True
