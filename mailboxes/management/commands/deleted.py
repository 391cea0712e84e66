from django.core.management.base import CommandError

from mailboxes import restoring
from mailboxes.models import Deleted
from panel import output
from panel.addresses import lookup_key
from panel.api.lists import number_in
from panel.commands import RowCommand
from panel.output import Column


class Command(RowCommand):
    help = "List what was deleted and can be restored, restore it, or remove it for good."
    noun, nouns = "deletion", "deletions"
    key = ("NAME", "ann@example.org, or the number that the list has")
    verbs = {
        "list": "List what can be restored. In a pipe: tab-separated number, kind, name, when it was deleted, until when it is kept.",
        "restore": "Restore mailboxes, aliases and domains, each with what went with it. Of several of one name, the last one.",
        "remove": "Remove them for good before their time. The directories of their mail are due at once (purge).",
    }
    columns = [
        Column("Name", lambda record: record["name"]),
        Column("Number", lambda record: record["number"], right=True),
        Column("Kind", lambda record: record["kind"]),
        Column("Deleted", lambda record: f"{record['deleted']:%Y-%m-%d %H:%M}"),
        Column("By", lambda record: record["deleted_by"], wide=True),
        Column("Until", lambda record: f"{record['until']:%Y-%m-%d %H:%M}"),
    ]
    piped = ("number", "kind", "name", "deleted", "until")

    # --- Options

    def options_for_list(self, parser):
        self.search_option(parser)
        parser.add_argument("--domain", metavar="DOMAIN", help="Only what was in DOMAIN.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line.")

    def options_for_restore(self, parser):
        self.names_option(parser)
        self.json_option(parser)

    def options_for_remove(self, parser):
        self.names_option(parser)
        parser.add_argument("--yes", action="store_true", help="Skip the confirmation.")
        self.json_option(parser)

    # --- Verbs

    def list(self, *, search, domain, json, **options):
        rows = Deleted.objects.all()
        if domain:
            rows = rows.filter(domain=lookup_key(domain))
        if search:
            rows = rows.search(lookup_key(search))
        self.print_list(rows, "pk", json=json, descending=True)

    def restore(self, *, names, json, **options):
        def one(name, say):
            row = self.named(name)
            restoring.restore(actor=None, deletion=row)
            say(output.as_json(self.record(row)) if json else f"Restored {row.kind} {row}.")

        self.each(names, one, done="restored", json=json)

    def remove(self, *, names, yes, json, **options):
        if not yes:
            if "-" in names:
                raise CommandError("Names from standard input are removed only with --yes.")
            rows = [self.named(name) for name in dict.fromkeys(names)]
            self.confirm(rows, [f"Nobody can restore {row.kind} {row} then." for row in rows])

        def one(name, say):
            row = self.named(name)
            restoring.remove(actor=None, deletion=row)
            say(output.as_json(self.record(row)) if json else f"Removed {row.kind} {row}.")

        self.each(names, one, done="removed", json=json)

    # --- Rows

    def named(self, text):
        rows = Deleted.objects.order_by("-pk")
        key = number_in(text)
        row = rows.filter(pk=key).first() if key else rows.filter(name=lookup_key(text)).first()
        if row is None:
            raise CommandError(
                f"Nothing deleted is {output.plain(text)}. `mailadmin deleted list` shows what can be restored."
            )
        return row

    def record(self, row):
        return {
            "number": row.pk,
            "kind": row.kind,
            "name": row.name,
            "domain": row.domain,
            "note": row.note,
            "mailboxes": row.mailboxes,
            "aliases": row.aliases,
            "deleted": row.at,
            "deleted_by": row.who,
            "until": row.until,
            "active": True,
        }
