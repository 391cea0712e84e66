from contextlib import closing
from getpass import getpass
from pathlib import Path

from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from mailadmin.adoption import (
    afterwards,
    configuration,
    kept,
    moving,
    proof,
    report,
    shadow,
    switch,
)
from mailadmin.adoption.place import Shadow
from mailadmin.adoption.source import Source
from panel import output
from panel.commands import PanelCommand

SHADOW = "{}_adopt"


class Command(PanelCommand):
    help = (
        "Adopt PostfixAdmin's database, the one that DATABASE_URL names. Alone it says what that would mean and writes"
        " nothing: what stands in the way, what would be changed, what stays, what the settings of this panel must be;"
        " its exit status is 1 if something stands in the way. --apply copies the tables beside the original, proves the"
        " copy and lets it take the original's place, while mail and PostfixAdmin go on. --undo goes back."
    )
    requires_system_checks = []
    on_others = True

    def add_arguments(self, parser):
        acts = parser.add_mutually_exclusive_group()
        acts.add_argument(
            "--apply", action="store_true", help="Adopt. Begins where it was stopped."
        )
        acts.add_argument(
            "--undo",
            action="store_true",
            help="Go back to PostfixAdmin's own tables, with what was written since.",
        )
        acts.add_argument(
            "--finish",
            action="store_true",
            help="End the time side by side: drop the old tables. There is no way back then.",
        )
        acts.add_argument(
            "--copy-to",
            metavar="URL",
            help="Change hosts: copy the tables as they are into this empty database, and adopt them there. Written as"
            " DATABASE_URL is; without a password in it, it is asked for.",
        )
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
            "--map",
            metavar="FILE",
            action="append",
            default=[],
            help="With --apply: a .cf file of this site for Postfix, which must answer as before, too.",
        )
        parser.add_argument(
            "--dump",
            metavar="FILE",
            type=Path,
            help="With --apply: where the database is dumped to first; DATABASE-before.sql where nothing is said.",
        )
        parser.add_argument(
            "--report",
            metavar="FILE",
            type=Path,
            help="With --apply: where the report is kept, with all that was done; DATABASE-adopted.txt beside the dump where"
            " nothing is said.",
        )
        parser.add_argument(
            "--no-dump", action="store_true", help="With --apply: there is a backup already."
        )
        parser.add_argument("--yes", action="store_true", help="With --finish: do not ask.")
        parser.add_argument(
            "--html",
            metavar="FILE",
            type=Path,
            help="Write the report to FILE too, to be read in a browser.",
        )
        self.json_option(parser)

    def act(self, **options):
        if connection.vendor != "mysql":
            raise CommandError(
                "DATABASE_URL names no MariaDB server: PostfixAdmin's database is adopted there only."
            )
        # Its own connection: the session's settings for big questions stay there.
        with closing(connection.copy()) as own:
            source = self._source(own, options)
            place = Shadow(source, SHADOW.format(own.settings_dict["NAME"]))
            if options["copy_to"]:
                return self._copy_to(source, options["copy_to"], options)
            if options["undo"]:
                return self._undo(source, place)
            if options["finish"]:
                return self._finish(place, options["yes"])
            if switch.is_switched(source, place):
                if not options["apply"]:
                    raise CommandError(
                        f"This database is adopted; the old tables are in “{place.name}”."
                    )
                # It was stopped after the tables had changed places, or it is a second run.
                switch.finish_switch(source, place)
                self.kept = place.remembered("report")
                self._say("Adopted.")
                return self._look_again(source, place, options)
            if switch.is_half(source, place):
                if not options["apply"]:
                    raise CommandError(
                        "An adoption was stopped half-way: run it again with --apply, or --undo."
                    )
                switch.put_back(source, place)
                source = self._source(own, options)
            self._refuse_others(source)
            found = report.make(source, place.name, accepted=options["accept"])
            if options["html"]:
                options["html"].write_text(found.html())
            lines = [output.as_json(found.record())] if options["json"] else found.lines()
            for line in lines:
                self.stdout.write(line)
            if found.in_the_way:
                raise SystemExit(1)
            if options["apply"]:
                self._keep(found, options)
                self._apply(source, place, options)

    def _source(self, own, options):
        config, prefix = options["config"], options["prefix"]
        try:
            conf = configuration.read(
                config or [path for path in configuration.PLACES if path.is_file()]
            )
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
        if prefix is not None:
            conf["database_prefix"] = prefix
        return Source(own, conf)

    def _refuse_others(self, source):
        name = source.connection.settings_dict["NAME"]
        if MigrationRecorder(source.connection).applied_migrations():
            raise CommandError(f"The database “{name}” is already this panel's.")
        if not source.is_complete:
            raise CommandError(
                f"The database “{name}” is not PostfixAdmin's. DATABASE_URL has to name the one that it uses; where its"
                " tables have a prefix, say --prefix."
            )

    def _keep(self, found, options):
        dump = None if options["no_dump"] else options["dump"]
        self.kept = str(kept.place_of(found.database, report=options["report"], dump=dump))
        try:
            kept.begin(self.kept, found.lines())
        except OSError as error:
            raise CommandError(
                f"The report cannot be kept: {error.filename}: {error.strerror}. Say where with --report."
            ) from error

    def _say(self, text):
        self.stdout.write(text)
        try:
            if self.kept:
                kept.add(self.kept, [text])
        except OSError as error:  # a full disk does not stop what has begun
            self.stderr.write(f"{self.kept}: {error.strerror}")

    def _apply(self, source, place, options):
        say = self._say
        try:
            maps = proof.files_in(options["map"])
            if not options["no_dump"]:
                self._dump(source, options["dump"])
            if place.remembered("undone"):
                place.drop()
            shadow.begin(source, place)
        except ValueError as error:
            raise CommandError(str(error)) from error
        place.remember("report", self.kept)
        if not place.remembered("checksums"):
            place.remember("checksums", shadow.checksums(source, switch.held(source)))
        say(f"Copying into “{place.name}”.")
        shadow.copy(source, place, lambda groups, table: output.bar(self, table)(groups))
        say("Counting.")
        shadow.recount(place, self.stderr)
        sums = shadow.checksums(source, switch.held(source))
        shadow.synchronise(source, place)
        place.remember("checksums", sums)
        say("Proving.")
        proved = proof.prove(
            proof.Both(source, source.connection.settings_dict["NAME"], place.name),
            maps,
            output.bar(self, "Proving"),
            lambda: shadow.synchronise(source, place),
        )
        for line in proved.lines():
            say(line)
        if proved.differences:
            raise CommandError(
                "The copy does not answer as the original does. Nothing was switched. The report is kept in"
                f" {self.kept}."
            )
        try:
            switch.switch(source, place, say)
        except switch.Refused as error:
            raise CommandError(str(error)) from error
        say(
            f"Adopted. PostfixAdmin, Postfix and Dovecot go on with the same names. The old tables are in “{place.name}”"
            f" ({place.size()}): `manage.py adopt --undo` goes back to them, `manage.py adopt --finish` drops them."
        )
        try:
            self._look_again(source, place, options)
        finally:
            say(f"The report of all this is kept in {self.kept}.")

    def _look_again(self, source, place, options):
        if place.remembered("looked again"):
            return
        say = self._say
        say("Counting and proving once more, with the tables in place.")
        if names := afterwards.miscounted(source):
            say(f"Counted anew, for it was not right: {', '.join(names[: proof.SHOWN])}")
            call_command("recount", stdout=self.stderr, stderr=self.stderr)
        for problem in run_checks(databases=["default"]):
            say(f"{problem}")
        proved, since = afterwards.prove(
            source, place, proof.files_in(options["map"]), output.bar(self, "Proving")
        )
        for line in proved.lines():
            say(line)
        if since:
            say(f"{since:,} answer otherwise because somebody wrote since.")
        place.remember("looked again", True)
        if proved.differences:
            raise CommandError(
                "These look-ups are not answered as before. A script may have written since; otherwise `manage.py adopt --undo`"
                " goes back."
            )

    def _dump(self, source, path):
        database = source.connection.settings_dict
        path = path or Path(f"{database['NAME']}-before.sql")
        try:
            moving.dump(database, path)
        except FileExistsError:
            return self._say(f"{path} is there already, and kept.")
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except moving.Failed as error:
            raise CommandError(f"{error} Dump by hand, then say --no-dump.") from None
        self._say(f"Dumped into {path}.")

    def _copy_to(self, source, url, options):
        self._refuse_others(source)
        try:
            target = moving.target_of(url)
            target["PASSWORD"] = target["PASSWORD"] or getpass(f"Password of {target['USER']}: ")
            moving.copy(source, target)
            moving.unmark(target)
        except moving.Failed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Copied into “{target['NAME']}” at {target['HOST']}.")
        with moving.at(target):
            try:
                self.act(**options | {"copy_to": None, "apply": True, "no_dump": True})
            except (CommandError, SystemExit):
                moving.mark(target)
                raise

    def _undo(self, source, place):
        # It is remembered when the tables are about to change places.
        if not place.remembered("character set") or place.remembered("undone"):
            raise CommandError(
                "There is nothing to go back to: this database was not adopted, or it was finished."
            )
        try:
            switch.undo(source, place)
        except switch.Refused as error:
            raise CommandError(str(error)) from error
        place.remember("undone", True)
        self.stdout.write(
            f"PostfixAdmin's own tables are back, with what was written since. “{place.name}” may be dropped."
        )
        self._name_report(place.remembered("report"))

    def _name_report(self, path):
        if path:
            self.stdout.write(f"The report of the adoption is kept in {path}.")

    def _finish(self, place, yes):
        if not place.is_there:
            raise CommandError("There is nothing to finish: no old tables are kept.")
        words = f"The old tables in “{place.name}”, {place.size()}, are dropped. There is no way back to PostfixAdmin then."
        if not yes and input(f"{words} Type “yes”: ") != "yes":
            raise CommandError("Nothing was dropped.")
        path = place.remembered("report")
        switch.finish(place)
        self.stdout.write(
            "Finished. From now on a password in an old form gets a new one when its owner signs in."
        )
        self._name_report(path)
