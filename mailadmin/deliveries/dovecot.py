"""Where Dovecot put a message, by its lines of LMTP. 2.3 and 2.4 name the action first, older ones do not."""

import re
from typing import NamedTuple

# The last of these words in a line: what stands before may be a Message-ID that looks like them.
PLACED = re.compile(
    r"lmtp\([^<>\s]{1,300}\)<\d+><([^<>\s]{8,80})>: (?:Info: )?(?:sieve: )?msgid=(.*): (?:[\w -]{1,40} action: )?"
    r"(?:saved mail to (?P<saved>.+)|stored mail into mailbox '(?P<stored>.+)'|forwarded to <(?P<forwarded>.+)>"
    r"|(?P<discarded>discarded|[Mm]arked message to be discarded)\b.*|(?P<rejected>rejected) message\b.*"
    r"|sent vacation response to <(?P<answered>.+)>.*)$"
)
IN, TO, DISCARDED, REJECTED, ANSWERED = "in", "to", "discarded", "rejected", "answered"
KINDS = {
    "saved": IN,
    "stored": IN,
    "forwarded": TO,
    "discarded": DISCARDED,
    "rejected": REJECTED,
    "answered": ANSWERED,
}


class Placed(NamedTuple):
    session: str  # which the answer to Postfix names, too
    message_id: str
    place: str


def placed(text):
    found = PLACED.match(text)
    if not found:
        return None
    name = found.lastgroup
    kind = KINDS[name]
    what = found[name] if kind in (IN, TO) else ""
    return Placed(found[1], found[2].strip().strip("<>"), f"{kind} {what}".strip())
