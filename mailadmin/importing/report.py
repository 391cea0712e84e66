from dataclasses import dataclass, field

from django.template.loader import render_to_string
from django.utils import timezone

from mailadmin.adoption.report import ORDER, lines_of
from mailadmin.findings.found import DECIDE, MEANINGS, STOP
from mailadmin.importing.places import Place
from mailadmin.importing.proof import Proof


@dataclass
class Report:
    source: str
    counts: dict[str, int]
    findings: list
    place: Place
    accepted: frozenset[str] = frozenset()
    refused: list[tuple] = field(default_factory=list)
    proof: Proof | None = None
    written: bool = False

    @property
    def in_the_way(self):
        return [
            finding.name
            for finding in self.findings
            if finding.severity == STOP
            or (finding.severity == DECIDE and finding.name not in self.accepted)
        ]

    @property
    def differs(self):
        if not self.proof or not self.proof.differences or "differences" in self.accepted:
            return ""
        if len(self.proof.gained) < len(self.proof.differences):
            return "differences"
        return "" if "newly-delivered" in self.accepted else "newly-delivered"

    @property
    def failed(self):
        return bool(self.in_the_way or self.refused or self.differs)

    @property
    def by_severity(self):
        for severity in ORDER:
            if found := [finding for finding in self.findings if finding.severity == severity]:
                yield severity, MEANINGS[severity], found

    @property
    def verdict(self):
        if self.in_the_way:
            return f"Cannot be imported yet: {', '.join(self.in_the_way)}. Nothing was written."
        if self.refused:
            return "The panel refuses some rows. Nothing was written."
        if self.differs:
            return (
                "Mail would not go where it goes there. Nothing was written."
                f" If that is as it shall be, say --accept {self.differs}."
            )
        return "Imported." if self.written else "Can be imported. Nothing was written."

    def record(self):
        return {
            "source": self.source,
            "rows": self.counts,
            "verdict": self.verdict,
            "written": self.written,
            "in_the_way": self.in_the_way,
            "findings": [finding.record() for finding in self.findings],
            "refused": [{"row": name, "reason": reason} for name, reason in self.refused],
            "mail": self.place.record(),
            "proof": self.proof.record() if self.proof else None,
        }

    def lines(self):
        yield f"{self.source}: " + ", ".join(
            f"{name}: {count:,}" for name, count in self.counts.items()
        )
        for _severity, meaning, found in self.by_severity:
            yield ""
            yield meaning
            for finding in found:
                yield from lines_of(finding)
        if self.refused:
            yield ""
            yield "Refused by the panel"
            yield from (f"  {name}: {reason}" for name, reason in self.refused)
        for part in self.parts:
            yield ""
            yield from part
        yield ""
        yield self.verdict

    @property
    def parts(self):
        proof = self.proof.lines() if self.proof else ()
        return [lines for part in (self.place.lines(), proof) if (lines := list(part))]

    def html(self):
        return render_to_string("importing/report.html", {"report": self, "now": timezone.now()})
