from django.core.management.base import CommandError

from mailadmin.findings.looking import look
from mailadmin.findings.rows import HERE
from panel import output
from panel.commands import PanelCommand
from panel.models import FoundRows
from panel.tasks import COUNTED


class Command(PanelCommand):
    help = (
        "Look at all rows for what is wrong with them, and write it down for the panel's page “Findings”: recipients that do not"
        " exist, loops, orphans, passwords in clear text and the like. It changes none of them. Meant for a timer"
        " (deploy/systemd), once a day: some minutes for a million mailboxes."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--list",
            metavar="FINDING",
            help="Print the names of its rows, one a line, as they were found last: e.g. --list passwords-weak.",
        )
        self.json_option(parser)

    def act(self, *, list, json, **options):
        if list:
            return self._list(list)
        found = look()
        if json:
            records = [self._record(row) for row in found if row.count]
            return self.stdout.write(output.as_json(records))
        for row in found:
            if row.count:
                self._say(row)
        if not any(row.count for row in found):
            self.stdout.write(f"All is well: {len(found)} checks found nothing.")

    def _list(self, name):
        found = FoundRows.objects.filter(pk=name).first()
        if found is None:
            known = ", ".join(HERE)
            raise CommandError(f"“{name}” is none of: {known}; or no check has been made yet.")
        for key in found.keys:
            # Administrators' names are no mailboxes' for the command that reads this.
            out = self.stderr if key.startswith("admin ") else self.stdout
            out.write(key.removeprefix("mailbox "))

    def _say(self, row):
        count = f"more than {COUNTED:,}" if row.count > COUNTED else f"{row.count:,}"
        self.stdout.write(f"{HERE[row.pk].title} ({count})   {row.pk}")
        for text, _url, _key in row.examples:
            self.stdout.write(f"    {output.plain(text)}")

    def _record(self, row):
        examples = [text for text, _url, _key in row.examples]
        return {
            "name": row.pk,
            "title": str(HERE[row.pk].title),
            "count": row.count,
            "is_more": row.count > COUNTED,
            "examples": examples,
        }
