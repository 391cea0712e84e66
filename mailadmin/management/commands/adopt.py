from contextlib import closing
from pathlib import Path

from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from mailadmin.adoption import configuration, report
from mailadmin.adoption.source import Source
from panel import output
from panel.commands import PanelCommand

SHADOW = "{}_adopt"


class Command(PanelCommand):
    help = (
        "Say what adopting PostfixAdmin's database, the one that DATABASE_URL names, would mean: what stands in the way, what"
        " would be changed, what stays, and what the settings of this panel must be. Nothing is written."
        " The exit status is 1 if something stands in the way."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "--config",
            metavar="FILE",
            action="append",
            type=Path,
            help="PostfixAdmin's configuration, read as data; several, in their order. Debian's places where none is named.",
        )
        parser.add_argument(
            "--prefix", help="What stands before its tables' names, where no file says it."
        )
        parser.add_argument(
            "--accept",
            metavar="FINDING",
            action="append",
            default=[],
            help="Go on in spite of this finding, of those that a person decides.",
        )
        parser.add_argument(
            "--html",
            metavar="FILE",
            type=Path,
            help="Write the report to FILE too, to be read in a browser.",
        )
        self.json_option(parser)

    def act(self, *, config, prefix, accept, html, json, **options):
        # Its own connection: the session's settings for big questions stay there.
        with closing(connection.copy()) as own:
            found = report.make(
                self._source(own, config, prefix), self._shadow(own), accepted=accept
            )
        if html:
            html.write_text(found.html())
        for line in [output.as_json(found.record())] if json else found.lines():
            self.stdout.write(line)
        if found.in_the_way:
            raise SystemExit(1)

    def _source(self, own, config, prefix):
        if own.vendor != "mysql":
            raise CommandError(
                "DATABASE_URL names no MariaDB server: PostfixAdmin's database is adopted there only."
            )
        try:
            conf = configuration.read(
                config or [path for path in configuration.PLACES if path.is_file()]
            )
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        if prefix is not None:
            conf["database_prefix"] = prefix
        if MigrationRecorder(own).applied_migrations():
            raise CommandError(
                f"The database “{own.settings_dict['NAME']}” is already this panel's."
            )
        source = Source(own, conf)
        if not source.is_complete:
            raise CommandError(
                f"The database “{own.settings_dict['NAME']}” is not PostfixAdmin's. DATABASE_URL has to name the one"
                " that it uses; where its tables have a prefix, say --prefix."
            )
        return source

    def _shadow(self, own):
        return SHADOW.format(own.settings_dict["NAME"])
