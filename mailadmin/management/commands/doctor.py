from django.core import checks

from mailadmin.findings.looking import look
from mailadmin.findings.rows import HERE
from panel import output
from panel.commands import PanelCommand
from panel.tasks import COUNTED

LEVELS = {
    checks.WARNING: "warning",
    checks.ERROR: "error",
    checks.CRITICAL: "error",
}


class Command(PanelCommand):
    help = (
        "Say what is wrong with settings, database and rows: all that `check --database default` and `check_rows` find."
        " It changes none of them. The exit status is 1 if something is wrong."
    )
    # Its own: what they find is the answer.
    requires_system_checks = []
    on_others = True

    def add_arguments(self, parser):
        self.json_option(parser)

    def act(self, *, json, **options):
        found = [*_of_settings()]
        # Rows are asked of tables that are there, and ours.
        if not any(record["level"] == "error" for record in found):
            found += _of_rows()
        if json:
            self.stdout.write(output.as_json(found))
        else:
            for record in found:
                count = f" ({record['count']})" if record["count"] else ""
                self.stdout.write(f"{record['level']}: {record['says']}{count}   {record['name']}")
                for line in [*record["examples"], *filter(None, [record["mend"]])]:
                    self.stdout.write(f"    {output.plain(line)}")
            if not found:
                self.stdout.write("All is well.")
        if found:
            raise SystemExit(1)


def _of_settings():
    for message in checks.run_checks(databases=["default"]):
        if message.level in LEVELS and not message.is_silenced():
            yield {
                "level": LEVELS[message.level],
                "name": message.id,
                "says": message.msg,
                "mend": message.hint or "",
                "count": "",
                "examples": [],
            }


def _of_rows():
    for row in look():
        if row.count:
            check = HERE[row.pk]
            yield {
                "level": "rows",
                "name": check.name,
                "says": str(check.title),
                "mend": "",
                "count": f"more than {COUNTED:,}" if row.count > COUNTED else f"{row.count:,}",
                "examples": [text for text, _url, _key in row.examples],
            }
