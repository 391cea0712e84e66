"""A report as it was read, before anything is known of the domain."""

from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

from django.core.exceptions import ValidationError

from panel.addresses import normalise_domain

LONGEST = 255
MOST = 10**12  # messages of a report; more is a fault, and many of these would exceed the columns


class NoReport(Exception):
    """What came is no report, or breaks a bound. The argument says why."""


class Report(NamedTuple):
    """``senders``: {(address, spf passed, dkim passed, disposition): messages}; ``vouched``: {address: a domain}.
    ``failures``: {(reason, server): sessions}.
    """

    kind: str
    reporter: str
    number: str
    domain: str
    begin: datetime
    end: datetime
    policy: str = ""
    senders: Counter = Counter()  # of DMARC
    vouched: dict = {}
    sessions: int = 0  # of TLS, all together
    failures: Counter = Counter()

    @property
    def day(self):
        """Reports are of about a day, and some begin it elsewhere than in Greenwich: the day of their middle."""
        return (self.begin + (self.end - self.begin) / 2).date()


def domain_of(text):
    """The name as the panel has it. Raises NoReport."""
    text = text.strip().rstrip(".")
    if len(text) > LONGEST:
        raise NoReport("the name of the domain is too long")
    try:
        return normalise_domain(text)
    except ValidationError as error:
        raise NoReport("no name of a domain") from error


def moment(seconds):
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NoReport("no time") from error


def words(text):
    """Text of another server for the page: one line, without what a terminal or a database would choke on."""
    text = "".join(one if one.isprintable() else " " for one in str(text)[: 4 * LONGEST])
    return " ".join(text.split())[:LONGEST]


def whole_number(value):
    """Raises NoReport."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        raise NoReport("no number of messages")
    return value
