from datetime import timedelta
from itertools import groupby
from typing import NamedTuple

from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from domains.deliveries import (
    BOUNCED,
    DEFERRED,
    DELIVERED,
    EXPIRED,
    REFUSED,
    RESULTS,
    UNKNOWN,
)
from mailadmin.deliveries.dovecot import ANSWERED, DISCARDED, IN, REJECTED, TO
from mailadmin.deliveries.joining import SEPARATOR
from panel import formats
from panel.addresses import display_address

TAGS = {DELIVERED: "", DEFERRED: "warning", REFUSED: "danger", BOUNCED: "danger", EXPIRED: "danger"}
DIRECTIONS = {
    "in": gettext_lazy("came in"),
    "out": gettext_lazy("went out"),
    "local": gettext_lazy("within this server"),
}


class Line(NamedTuple):
    row: object
    time: str
    exact: str
    sender: str
    recipient: str
    result: str
    tag: str
    place: str
    facts: list  # (what, text)


def days(rows):
    """[(heading, [Line, …])] of rows, the newest first."""
    today = timezone.localdate()
    named = {today: _("Today"), today - timedelta(days=1): _("Yesterday")}
    return [
        (named.get(day) or formats.date_words(day), [line(row) for row in of_day])
        for day, of_day in groupby(rows, lambda row: timezone.localdate(row.at))
    ]


def line(row):
    moment = timezone.localtime(row.at)
    return Line(
        *(row, moment.strftime("%H:%M"), moment.isoformat("T", "seconds")),
        *(sender(row), display_address(row.recipient), result(row)),
        *(TAGS.get(row.result, ""), place(row), [*facts(row)]),
    )


def sender(row):
    if row.sender == UNKNOWN:
        return _("sender not known")
    return display_address(row.sender) or _("a bounce or notice")


def result(row):
    if row.result == REFUSED and row.dsn.startswith("4"):
        return _("Refused for now")
    return str(RESULTS.get(row.result, row.result))


def place(row):
    words = []
    for one in filter(None, row.place.split(SEPARATOR)):
        kind, _blank, what = one.partition(" ")
        said = {
            IN: _("in %(folder)s") % {"folder": what},
            TO: _("sent on to %(address)s") % {"address": what},
            DISCARDED: _("discarded by a filter"),
            REJECTED: _("returned by a filter"),
            ANSWERED: _("away message sent"),
        }
        words.append(said.get(kind, ""))
    return ", ".join(filter(None, words))


def facts(row):
    if row.asked:
        yield _("Written to"), display_address(row.asked)
    if row.says:
        yield _("The other side said"), row.says if row.dsn in row.says else f"{row.dsn} {row.says}"
    if row.tries > 1:
        when = timezone.localtime(row.changed)
        words = _("%(n)s tries, the last one on %(day)s at %(time)s")
        told = {"n": row.tries, "day": formats.date_words(when), "time": time_format(when)}
        yield _("Tried"), words % told
    if row.direction:
        yield _("Way"), DIRECTIONS.get(row.direction, row.direction)
    if row.login:
        yield _("Sent by"), row.login
    if row.client:
        yield _("From"), row.client
    if row.relay and row.relay != "none":
        yield pgettext("the next server", "To"), row.relay
    if row.client or row.relay:
        yield _("Encryption"), row.tls or _("none, or not known")
    if row.size:
        yield _("Size"), formats.size(row.size)
    if row.queue_id:
        yield _("Queue ID"), row.queue_id
    if row.message_id:
        yield _("Message-ID"), row.message_id
