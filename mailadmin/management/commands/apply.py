import json as json_module
import sys

from django.core.management.base import CommandError
from django.core.serializers.json import DjangoJSONEncoder

from mailadmin.state import applying, files, steps
from panel import output
from panel.commands import PanelCommand

WOULD_CHANGE = 2
DONE = {steps.CREATE: "created", steps.CHANGE: "changed", steps.DELETE: "deleted"}


class Command(PanelCommand):
    help = (
        "Make domains, all that belongs to them, and administrators be as a file says, as `export` writes it. What the file does"
        " not name stays as it is. Each domain is saved whole or not at all. Exit status: 0 nothing to do, or done; 1 something was"
        " refused; 2 with --dry-run: there is something to do."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", metavar="FILE", help="YAML or JSON, or “-” for standard input.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be done, and do nothing of it."
        )
        parser.add_argument(
            "--prune",
            action="store_true",
            help="Delete what the lists of a domain do not name, such as mailboxes and aliases. Domains themselves stay.",
        )
        self.json_option(parser)

    def act(self, *, file, dry_run, prune, json, **options):
        try:
            state = files.read(file, sys.stdin)
        except files.Unreadable as error:
            raise CommandError(str(error)) from None
        outcome = (applying.plan if dry_run else applying.apply)(state, prune=prune)
        for line in self._json(outcome) if json else self._lines(outcome, dry_run):
            self.stdout.write(line)
        if outcome.refusals:
            what = "Refused" if json else self._refused(outcome.refusals, dry_run)
            raise CommandError(what)
        if dry_run and outcome.steps:
            raise SystemExit(WOULD_CHANGE)

    def _lines(self, outcome, dry_run):
        for step in outcome.steps:
            yield f"{step.sign} {step.word} {step.key}"
            if step.sign == steps.CHANGE:
                yield from (
                    f"    {name}: {_change(*change)}" for name, change in step.changes.items()
                )
        counts = [
            f"{sum(step.sign == sign for step in outcome.steps):,} {word}"
            for sign, word in DONE.items()
        ]
        if not outcome.steps:
            yield "Nothing to do."
        else:
            yield f"{', '.join(counts)}{', if this were no dry run' if dry_run else ''}."

    def _json(self, outcome):
        yield output.as_json(
            {
                "steps": [
                    {
                        "do": DONE[step.sign],
                        "what": step.word,
                        "name": step.key,
                        "changes": step.changes,
                    }
                    for step in outcome.steps
                ],
                "refused": [vars(refusal) for refusal in outcome.refusals],
            }
        )

    def _refused(self, refusals, dry_run):
        lines = [f"{one.word} {one.key}: {output.plain(one.text)}" for one in refusals]
        whole = "would be saved" if dry_run else "was saved"
        return "\n".join([*lines, f"Of these domains nothing {whole}."])


def _change(old, new):
    if old is None and new is None:
        return "another one"
    return f"{_value(old)} → {_value(new)}"


def _value(value):
    return json_module.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
