import re
from email import message_from_bytes
from itertools import islice

from mailadmin.reports.report import NoReport
from mailadmin.reports.unpacking import GZIP, MOST_UNPACKED, ZIP, unpacked

MOST_BYTES = 10_000_000  # of a message; a larger one is deleted unread
MOST_PARTS = 50
# Looked at before the message is taken apart, which compares each line with the boundary of each part that it is in,
# and each parameter of a header with all that follows: as often as this at most.
MOST_OF = {
    re.compile(rb"boundary", re.IGNORECASE): MOST_PARTS,
    re.compile(rb"[\r\n]--"): 500,
    re.compile(rb"\r\n?|\n"): 300_000,
    re.compile(rb";"): 20_000,
}


def documents(message):
    """Yield the documents in ``message``, bytes: an e-mail, or a document itself. Raises NoReport."""
    if len(message) > MOST_BYTES:
        raise NoReport("the message is too large")
    room = MOST_UNPACKED
    is_bare = message.startswith((b"<", b"{", GZIP, ZIP))  # a document that somebody saved
    for part in [message] if is_bare else _parts(message):
        for document in unpacked(part, room):
            room -= len(document)
            yield document


def _parts(message):
    for pattern, most in MOST_OF.items():
        if any(islice(pattern.finditer(message), most, None)):
            raise NoReport("the message has too many parts or lines")
    # What a part is called and of what type it says to be is often wrong: its first bytes tell.
    try:
        found = message_from_bytes(message)
        for number, part in enumerate(found.walk()):
            if number > MOST_PARTS:
                raise NoReport("the message has too many parts")
            if not part.is_multipart():
                yield part.get_payload(decode=True) or b""
    except (RecursionError, LookupError, ValueError) as error:
        raise NoReport("the message cannot be read") from error
