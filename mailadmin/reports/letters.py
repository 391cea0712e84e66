"""From a message to the documents in it: files in XML or JSON, most of them packed."""

from email import message_from_bytes

from mailadmin.reports.report import NoReport
from mailadmin.reports.unpacking import GZIP, MOST_UNPACKED, ZIP, unpacked

MOST_BYTES = 10_000_000  # of a message; a larger one is deleted unread
MOST_PARTS = 50


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
