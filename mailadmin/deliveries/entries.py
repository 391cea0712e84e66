"""A line of a log file, or an entry of the journal, as when, who and what. All of it may be written by strangers."""

import json
import pwd
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

LONGEST = 8192  # bytes of a line; Postfix cuts its own at 2,000
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
A_DAY = 86_400
OURS = ("postfix", "dovecot")
# Of a moment: Postfix's and rsyslog's old way, without a year; or rsyslog's new one. Dovecot's own file names neither host nor program.
LINE = re.compile(
    r"(?:([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)) "
    r"(?:((?:lmtp|lda)\(.*)|\S+ ((?:postfix|dovecot)[\w./-]*)(?:\[(\d+)\])?: (.+))"
)


class Entry(NamedTuple):
    at: int  # seconds since 1970
    program: str  # postfix/smtpd, or dovecot
    pid: str
    text: str


def of_line(line):
    """The Entry of a line of a log file, bytes; None if it is of another program or cannot be read."""
    if b"postfix" not in line and b"lmtp(" not in line:
        return None
    found = LINE.match(line.decode(errors="replace"))
    if not found:
        return None
    short, long, zone, dovecots_own, program, pid, text = found.groups()
    at = of_short(short) if short else of_long(long, zone)
    if at is None:
        return None
    if dovecots_own:
        return Entry(at, "dovecot", "", dovecots_own)
    return Entry(at, program, pid or "", text)


@lru_cache(maxsize=64)
def of_short(text):
    """Seconds of "Nov 28 20:05:34": of this year, or of the last one if that is still to come."""
    now = datetime.now(UTC).timestamp()
    for year in (datetime.now(UTC).year + 1, datetime.now(UTC).year, datetime.now(UTC).year - 1):
        try:
            day = datetime(
                *(year, MONTHS.index(text[:3]) + 1, int(text[4:6])),
                *map(int, text[7:].split(":")),
                tzinfo=ZoneInfo(settings.TIME_ZONE),
            )
        except ValueError:  # no such month, or no 29 February
            continue
        if day.timestamp() <= now + A_DAY:
            return int(day.timestamp())
    return None


@lru_cache(maxsize=64)
def of_long(text, zone):
    try:
        return int(datetime.fromisoformat(text + zone.replace("Z", "+00:00")).timestamp())
    except (ValueError, OverflowError):
        return None


def of_journal(line):
    """(the journal's cursor, the Entry or None) of a line of `journalctl -o json`; ("", None) if it is none.

    Anybody on the machine may write to the journal as "postfix": whose process it was, journald itself noted.
    """
    try:
        read = json.loads(line)
        cursor, at = read["__CURSOR"], int(read["__REALTIME_TIMESTAMP"]) // 1_000_000
    except (ValueError, TypeError, KeyError):
        return "", None
    program, text = read.get("SYSLOG_IDENTIFIER"), read.get("MESSAGE")
    if isinstance(text, list):  # what is not all printable UTF-8 comes as numbers
        try:
            text = bytes(text).decode(errors="replace")
        except (ValueError, TypeError):
            return cursor, None
    if not (isinstance(program, str) and isinstance(text, str) and program.startswith(OURS)):
        return cursor, None
    if read.get("_UID") not in writers():
        return cursor, None
    return cursor, Entry(at, program, str(read.get("SYSLOG_PID") or ""), text[:LONGEST])


@lru_cache(maxsize=1)
def writers():
    """The numbers, as texts, of the users as whom Postfix and Dovecot write to the log."""
    found = {"0"}
    for name in ("postfix", "dovecot"):
        try:
            found.add(str(pwd.getpwnam(name).pw_uid))
        except KeyError:
            continue
    return found


def clean(text, most):
    """``text`` without anything but printable characters, and cut: it is stored, and shown on pages and in terminals."""
    text = text[:most]
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)
