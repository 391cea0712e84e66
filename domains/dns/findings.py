from typing import NamedTuple

OK, DIFFERS, MISSING, WRONG, NOT_ASKED = "ok", "differs", "missing", "wrong", "not asked"
# Without these, mail does not come, or is refused elsewhere. The others help, and nobody is troubled while they are missing.
NEEDED = {"mx", "spf", "dkim", "address", "ptr"}


class Finding(NamedTuple):
    """``topic`` is a key of words.TOPICS, and (topic, reason) of words.REASONS; ``details`` are the values in that sentence.

    ``wanted`` are the records that should be at ``name``, ``seen`` those that are; both as in a zone file.
    """

    topic: str
    name: str
    kind: str
    wanted: tuple = ()
    seen: tuple = ()
    state: str = OK
    reason: str = "ok"
    details: dict = {}

    @property
    def key(self):
        return f"{self.topic} {self.name}"

    @property
    def needs_somebody(self):
        return self.state == WRONG or (self.state == MISSING and self.topic in NEEDED)

    @classmethod
    def stored(cls, row):
        return cls(*row[:3], *map(tuple, row[3:5]), *row[5:])


def quoted(text):
    """A TXT record in a zone file: strings of at most 255 bytes."""
    parts = [text[at : at + 255] for at in range(0, len(text), 255)] or [""]
    return " ".join(
        ['"{}"'.format(part.replace("\\", "\\\\").replace('"', '\\"')) for part in parts]
    )


def tags(text):
    """``{"p": "none", …}`` of a record such as DMARC's, or None if it is none."""
    parts = [part.partition("=") for part in text.split(";") if part.strip()]
    if not all(equals for _name, equals, _value in parts):
        return None
    return {name.strip().lower(): value.strip() for name, _equals, value in parts}
