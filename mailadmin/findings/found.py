from dataclasses import asdict, dataclass, field

SHOWN = 5  # examples of one finding

STOP = "stop"
DECIDE = "decide"
CHANGE = "change"
KEEP = "keep"
MEANINGS = {
    STOP: "Stands in the way",
    DECIDE: "A person decides",
    CHANGE: "Will be changed",
    KEEP: "Stays as it is, worth knowing",
}


@dataclass(frozen=True)
class Finding:
    """``severity``: STOP until it is mended, DECIDE by an option, CHANGE is what `--apply` does, KEEP for the reader."""

    name: str
    severity: str
    title: str
    does: str
    count: int = 1
    examples: list[str] = field(default_factory=list)

    def record(self):
        return asdict(self)


def listed(name, severity, title, does, names):
    names = sorted(names)
    return Finding(name, severity, title, does, len(names), names[:SHOWN]) if names else None
