from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.urls import reverse

from mailadmin.doctor import looking, news
from mailadmin.doctor.checking import CHECKS
from panel import output
from panel.commands import PanelCommand


class Command(PanelCommand):
    help = (
        "Say what is wrong with this mail server: Postfix, Dovecot, queue, machine, database, settings, rows and DNS; why it matters, and"
        " the command that mends it. It changes none of them. As root it looks at everything, as another user it asks the helper. The exit"
        " status is 1 if something is wrong, and 2 if nothing is but something could not be looked at."
    )
    # Its own: what they find is the answer.
    requires_system_checks = []
    on_others = True

    def add_arguments(self, parser):
        parser.add_argument(
            "--only",
            nargs="+",
            metavar="SUBJECT",
            choices=looking.SUBJECTS,
            help=f"Look at these alone: {', '.join(looking.SUBJECTS)}.",
        )
        parser.add_argument(
            "--mail",
            action="store_true",
            help="Mail what is new or mended since the last such mail to FINDINGS_TO, if that is set; for a timer (deploy/systemd). Rows are"
            " those of the last `check_rows`, and the exit status tells only whether it could be stored and mailed.",
        )
        self.json_option(parser)

    def act(self, *, only, mail, json, **options):
        is_stored = True
        if only:
            found = looking.look(only, anew=not mail)
            findings, unseen = found.findings, found.unseen
        else:
            findings, unseen, is_stored = self._everything(mail)
        if json:
            self.stdout.write(output.as_json(_record(findings, unseen)))
        else:
            self._say(findings, unseen)
        if mail and not is_stored:
            raise CommandError(
                "Nobody was told: what was told before is in the database, which is away."
            )
        if not mail and (findings or unseen):
            raise SystemExit(1 if findings else 2)

    def _everything(self, mail):
        before = {}
        try:
            row = looking.here()
            before = row.figures if row else {}
        except DatabaseError:
            pass  # a check says so
        found = looking.look(before=before, anew=not mail)
        try:
            row = looking.store(found)
        except DatabaseError:
            self.stderr.write("What was found cannot be stored for the page: the database is away.")
            return found.findings, found.unseen, False
        if mail and settings.FINDINGS_TO:
            try:
                news.send(row)
            except OSError as error:
                raise CommandError(
                    f"The mail was not sent: {error}. It is tried next time."
                ) from error
        return found.findings, found.unseen, True

    def _say(self, findings, unseen):
        for finding in findings:
            said = map(output.plain, news.lines(finding))
            self.stdout.write(f"{finding.level}: {next(said)}   {finding.name}")
            for line in said:
                self.stdout.write(f"  {line}")
            self.stdout.write(f"    page: {reverse(finding.check.page)}")
        for names, why in unseen:
            titles = ", ".join(str(CHECKS[name].title) for name in names)
            self.stdout.write(f"Not looked at: {titles}. Because: {output.plain(why)}")
        if not findings:
            self.stdout.write("All that was looked at is well." if unseen else "All is well.")


def _record(findings, unseen):
    return {
        "findings": [
            {
                "name": finding.name,
                "about": finding.about,
                "level": finding.level,
                **{part: finding.say(part) for part in ("seen", "why", "mend", "command")},
                "page": reverse(finding.check.page),
            }
            for finding in findings
        ],
        "not_looked_at": [{"checks": names, "why": why} for names, why in unseen],
    }
