from contextlib import suppress
from datetime import timedelta

from django.utils import timezone

from accounts.models import LogEntry
from mailadmin import log_words
from panel import output
from panel.addresses import lookup_key, normalise_domain
from panel.commands import PanelCommand, whole_number
from panel.paging import beyond
from panel.scoping import starts_with

POLL_SECONDS = 1
# An entry has the time it was written at; its transaction may end later, by this much at most.
LATE = timedelta(minutes=5)
AT_ONCE = 10_000  # entries that are looked at each time


class Command(PanelCommand):
    help = (
        "Show the log, the newest entries last. In a pipe: tab-separated time, who, from which address, action,"
        " domain, object."
    )

    def add_arguments(self, parser):
        parser.add_argument("--domain", metavar="DOMAIN", help="Only this domain.")
        parser.add_argument("--by", metavar="LOGIN", help="Only what this account did.")
        parser.add_argument(
            "--lines",
            type=whole_number,
            default=50,
            metavar="N",
            help="How many entries, or “unlimited” (default: 50).",
        )
        parser.add_argument(
            "--follow", action="store_true", help="Go on, and show new entries until Ctrl C."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line.")

    def act(self, *, domain, by, lines, follow, json, **options):
        rows = LogEntry.objects.all()
        if domain:
            rows = rows.filter(domain=normalise_domain(domain))
        if by:
            rows = rows.filter(starts_with("username", f"{lookup_key(by)} ("))
        known = set(_recent(rows)) if follow else set()
        for entry in _newest(rows, lines):
            known.add(entry.pk)
            self._print(entry, json)
        if follow:
            with suppress(KeyboardInterrupt):
                self._follow(rows, known, json)

    def _follow(self, rows, known, json):
        while not self.reader_is_gone(POLL_SECONDS):
            recent = _recent(rows)
            new = [pk for pk in recent if pk not in known]
            for entry in rows.filter(pk__in=new).order_by("timestamp", "pk"):
                self._print(entry, json)
            known = set(recent)

    def _print(self, entry, json):
        if json:
            self.stdout.write(output.as_json(_record(entry)))
        elif self.stdout.isatty():
            self.stdout.write(_line(entry))
        else:
            cells = (
                *(entry.timestamp, entry.actor, entry.address),
                *(entry.action, entry.domain, entry.data),
            )
            self.stdout.write("\t".join(map(output.plain, cells)))


def _recent(rows):
    recent = rows.filter(timestamp__gte=timezone.now() - LATE).order_by("-timestamp", "-pk")
    return list(recent.values_list("pk", flat=True)[:AT_ONCE])


def _newest(rows, count):
    keys = ("timestamp", "pk")
    if count:
        newest = rows.order_by("-timestamp", "-pk").values_list(*keys)
        if edge := newest[count - 1 : count].first():
            rows = rows.filter(beyond(keys, edge, descending=False, inclusive=True))
    return output.in_batches(rows, *keys)


def _sentence(entry):
    return output.plain(log_words.sentence(entry))


def _line(entry):
    changes = (
        f"{field}: {old} → {new}" if old else f"{field}: {new}"
        for field, old, new in log_words.changes(entry)
    )
    told = [output.plain(entry.timestamp)[:19], _sentence(entry), "; ".join(changes)]
    return "  ".join(output.plain(text) for text in told if text)


def _record(entry):
    return {
        "id": entry.pk,
        "time": entry.timestamp,
        "by": entry.actor,
        "from": entry.address or None,
        "action": entry.action,
        "domain": entry.domain,
        "object": entry.data,
        "sentence": _sentence(entry),
        "changes": entry.changes,
    }
