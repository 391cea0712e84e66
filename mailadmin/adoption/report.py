from dataclasses import asdict, dataclass, field
from itertools import chain
from textwrap import fill

from django.template.loader import render_to_string
from django.utils import timezone

from mailadmin.adoption import loops, structure, surroundings
from mailadmin.adoption.source import SHARED
from mailadmin.findings import asking, rows
from mailadmin.findings.found import CHANGE, DECIDE, KEEP, MEANINGS, STOP, Finding

# What --undo cannot give back, said before anything is adopted.
NOT_UNDONE = (
    "Passwords that were changed meanwhile stay as this panel or PostfixAdmin stored them.",
    "Rows that were changed have their addresses in small letters without blanks.",
    "Signs that PostfixAdmin's columns do not know, such as emoji, become question marks in names and descriptions.",
    "Addresses with such signs stop it, and are named: change or delete them first.",
)
ORDER = (STOP, DECIDE, CHANGE, KEEP)
WIDTH = 100


@dataclass
class Report:
    database: str
    release: str
    schema_number: str
    counts: dict[str, int]
    findings: list[Finding]
    settings: list = field(default_factory=list)
    line: str = ""
    places: list[str] = field(default_factory=list)
    accepted: frozenset[str] = frozenset()

    @property
    def in_the_way(self):
        return [
            finding
            for finding in self.findings
            if finding.severity == STOP
            or (finding.severity == DECIDE and finding.name not in self.accepted)
        ]

    @property
    def by_severity(self):
        for severity in ORDER:
            if found := [finding for finding in self.findings if finding.severity == severity]:
                yield severity, MEANINGS[severity], found

    @property
    def verdict(self):
        if self.in_the_way:
            return (
                f"Cannot be adopted yet: {', '.join(finding.name for finding in self.in_the_way)}."
            )
        return "Can be adopted."

    def record(self):
        return {
            "database": self.database,
            "release": self.release,
            "schema_number": self.schema_number,
            "rows": self.counts,
            "verdict": self.verdict,
            "in_the_way": [finding.name for finding in self.in_the_way],
            "findings": [finding.record() for finding in self.findings],
            "settings": [
                asdict(setting) | {"right": setting.is_right} for setting in self.settings
            ],
            "line_for_postfixadmin": self.line or None,
            "named_in": self.places,
            "not_undone": list(NOT_UNDONE),
        }

    def lines(self):
        yield f"PostfixAdmin's database “{self.database}”: release {self.release}" + (
            f" (schema {self.schema_number})" if self.schema_number else ""
        )
        yield "  " + ", ".join(f"{name}: {count:,}" for name, count in self.counts.items())
        for _severity, meaning, found in self.by_severity:
            yield ""
            yield meaning
            for finding in found:
                yield from lines_of(finding)
        yield ""
        yield "Settings of this panel (.env)"
        for setting in self.settings:
            state = "is so" if setting.is_right else f"is {setting.now} now"
            yield f"  {setting.name}={setting.wanted}   {state}; known by {setting.known_by}"
        if self.line:
            yield ""
            yield "In PostfixAdmin's config.local.php, or it refuses passwords that are written here"
            yield f"  {self.line}"
        if self.places:
            yield ""
            yield "The database is named in these files too; they go on as they are"
            yield from (f"  {place}" for place in self.places)
        yield ""
        yield "Afterwards `manage.py adopt --undo` goes back, with what was written since. It cannot give back all"
        yield from (
            fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ") for text in NOT_UNDONE
        )
        yield ""
        yield self.verdict

    def html(self):
        return render_to_string(
            "adoption/report.html",
            {"report": self, "now": timezone.now(), "not_undone": NOT_UNDONE},
        )


def make(source, shadow, *, accepted=(), etc=None):
    where = {"etc": etc} if etc else {}
    found = chain(
        structure.find(source, shadow),
        asking.answers(source, rows.CHECKS),
        [
            loops.find(source),
            surroundings.about_encrypt(source),
            surroundings.about_figures(source),
        ],
    )
    counts = {
        name: source.one(f"SELECT COUNT(*) FROM {source.quoted(name)}")
        for name in SHARED
        if source.has(name)
    }
    database = source.connection.settings_dict["NAME"]
    return Report(
        database,
        source.release,
        source.schema_number,
        counts,
        [finding for finding in found if finding],
        list(surroundings.needed_settings(source, **where)),
        surroundings.line_for_postfixadmin(source),
        list(surroundings.places_that_name(database, **where)),
        frozenset(accepted),
    )


def lines_of(finding):
    count = f" ({finding.count:,})" if finding.count > 1 else ""
    yield f"  {finding.title}{count}   {finding.name}"
    yield fill(finding.does, WIDTH, initial_indent="      ", subsequent_indent="      ")
    if finding.examples:
        more = ", …" if finding.count > len(finding.examples) else ""
        shown = ", ".join(
            example if example.isprintable() else repr(example) for example in finding.examples
        )
        yield f"      {shown}{more}"
