"""Pages of the log, each from its indexes: of a million entries, or of 200 domains among as many of others.

MariaDB has no plan for the newest entries of several domains: it passes over every newer one of others, or sorts all. So
each range of an index is asked for its own newest entries, and of many ranges only those that can be on the page.
"""

from bisect import bisect
from collections import Counter
from itertools import pairwise, product
from typing import NamedTuple

from django.db import connection

from accounts.models import LogEntry
from panel.log_actions import SIGN_INS, of_kind

FEW = 10  # ranges that are all asked
MOST = 400  # ranges of one statement
PEOPLE = 1_000  # names with a network address that begin as asked
SCAN = 2_000  # entries of a person that are looked at for a domain or an action
LAST_ID = 2**31
PERSON = ("username",)


class Wanted(NamedTuple):
    """``domains`` None: all; ``actions`` (): all; ``people`` are the beginnings of names; ``begin``
    and ``end`` are moments.

    ``about`` is an address, or another object that an entry is about.
    """

    domains: tuple | None = None
    actions: tuple = ()
    people: tuple = ()
    begin: object = None
    end: object = None
    about: str = ""


class Found(NamedTuple):
    keys: list
    rest: tuple | None = None  # where to go on, if the page is not full yet


def page(wanted, size, edge=(), *, newest_first=True):
    """The keys of the first ``size`` entries beyond ``edge``, (moment, key) as the database stores them.

    Two statements at most.
    """
    order = _Order(wanted, edge, newest_first)
    columns, ranges = _ranges(wanted)
    passed = None
    if columns == PERSON or len(ranges) > FEW:
        ranges, passed = _nearest(order, columns, ranges, wanted.people, size)
    if not ranges:
        return Found([])
    fits, fitting = _also(wanted)
    if not fits:
        # As many ranges as the page has entries have one up to here, so the page ends here at the latest.
        if passed:
            order.stop_at(passed[0])
        rows = _look(order, columns, ranges, "1", (), size, size, shown="id")
        return Found([key for (key,) in rows])
    each = max(size, SCAN // len(ranges))
    rows = _look(order, columns, ranges, fits, fitting, each)
    seen_to = order.first(_ends(rows, each) + ([passed] if passed else []))
    found = [
        key
        for moment, key, _place, fits_too in rows
        if fits_too and not order.is_beyond((str(moment), key), seen_to)
    ]
    return Found(found[:size], seen_to if len(found) < size else None)


def _ends(rows, each):
    read, ends = Counter(), []
    for moment, key, place, _fits in rows:
        read[place] += 1
        if read[place] == each:
            ends.append((str(moment), key))
    return ends


def changes_since(domains, moment, most):
    where, names = "", []
    if domains is not None:
        if not domains:
            return 0
        where, names = f"domain IN ({', '.join(['%s'] * len(domains))}) AND ", [*domains]
    some = f"SELECT action FROM log WHERE {where}timestamp >= %s LIMIT {most}"  # noqa: S608
    others = of_kind(SIGN_INS)
    [(count,)] = _fetch(
        f"SELECT COUNT(*) FROM ({some}) AS some WHERE action NOT IN ({', '.join(['%s'] * len(others))})",  # noqa: S608
        [*names, connection.ops.adapt_datetimefield_value(moment), *others],
    )
    return count


def by_day(domains, actions, begins, most):
    """How many entries there are from each of the moments ``begins`` to the next, ``most`` at most, by the index."""
    where, names = f"action IN ({', '.join(['%s'] * len(actions))})", [*actions]
    if domains is not None:
        where, names = (
            f"domain IN ({', '.join(['%s'] * len(domains))}) AND {where}",
            [*domains, *names],
        )
    moments = [connection.ops.adapt_datetimefield_value(moment) for moment in begins]
    parts, params = [], []
    for place, (begin, end) in enumerate(pairwise(moments)):
        of_day = (
            f"SELECT 1 FROM log WHERE {where} AND timestamp >= %s AND timestamp < %s LIMIT {most}"  # noqa: S608
        )
        parts.append(f"SELECT {place} AS place, COUNT(*) FROM ({of_day}) AS day{place}")  # noqa: S608
        params += [*names, begin, end]
    return [count for _place, count in sorted(_fetch(" UNION ALL ".join(parts), params))]


def by_day_of_many(domains, actions, begins, most):
    """As ``by_day()``, with one range of the index for each domain and action, instead of one for
    each of their days.

    All zero if there are more than ``most`` a day on average: to read all would take too long.
    """
    rows = LogEntry.objects.filter(domain__in=domains, action__in=actions)
    rows = rows.filter(timestamp__gte=begins[0], timestamp__lt=begins[-1]).order_by()
    days = len(begins) - 1
    moments = rows.values_list("timestamp", flat=True)[: days * most + 1]
    counted = Counter(bisect(begins, moment) - 1 for moment in moments)
    if counted.total() > days * most:
        return [0] * days
    return [min(counted[day], most) for day in range(days)]


class _Order:
    def __init__(self, wanted, edge, newest_first):
        self.direction = "DESC" if newest_first else "ASC"
        self.last = "MAX" if newest_first else "MIN"
        self.newest_first = newest_first
        self.edge = str(edge[0]) if edge else ""
        # ``within`` bounds whole ranges, ``exact`` ends at the very entry of the edge.
        self.within, self.moments = "", []
        for sign, moment in ((">=", wanted.begin), ("<", wanted.end)):
            if moment:
                self.within += f" AND timestamp {sign} %s"
                self.moments.append(connection.ops.adapt_datetimefield_value(moment))
        self.exact = ""
        if edge:
            sign = "<" if newest_first else ">"
            self.within += f" AND timestamp {sign}= %s"
            self.moments.append(edge[0])
            self.exact = f" AND (timestamp {sign} %s OR id {sign} %s)"
        self.beyond = [edge[0], edge[1]] if edge else []

    def first(self, places):
        return (max if self.newest_first else min)(places, default=None)

    def is_beyond(self, place, end):
        return end is not None and (place < end if self.newest_first else place > end)

    def stop_at(self, moment):
        self.within += f" AND timestamp {'>=' if self.newest_first else '<='} %s"
        self.moments.append(moment)


def _ranges(wanted):
    if wanted.about:
        return ("about",), [(wanted.about,)]
    if wanted.people:
        return PERSON, []
    columns, values = [], []
    if wanted.domains is not None:
        columns.append("domain")
        values.append(wanted.domains)
    if wanted.actions:
        columns.append("action")
        values.append(wanted.actions)
    return tuple(columns), list(product(*values))


def _nearest(order, columns, ranges, people, size):
    names = ", ".join(columns)
    if people:
        where, limit, params = _begins_as(people), f" LIMIT {PEOPLE}", _ends_of(people)
    else:
        where, limit, params = "1 = 1", "", []
        for column, values in zip(columns, zip(*ranges, strict=True), strict=True):
            values = sorted(set(values))
            where += f" AND {column} IN ({', '.join(['%s'] * len(values))})"
            params += values
    rows = _fetch(
        f"SELECT {names}, {order.last}(timestamp) FROM log WHERE {where}{order.within} GROUP BY {names}{limit}",  # noqa: S608
        params + order.moments,
    )
    moments = sorted(
        (str(row[-1]) for row in rows if str(row[-1]) != order.edge), reverse=order.newest_first
    )
    if len(moments) <= size:
        return [row[:-1] for row in rows], None
    last = moments[size - 1]
    near = [row[:-1] for row in rows if not order.is_beyond(str(row[-1]), last)]
    return near[:MOST], (last, 0 if order.newest_first else LAST_ID)


def _begins_as(people):
    return f"({' OR '.join(['username >= %s AND username < %s'] * len(people))})"


def _ends_of(people):
    return [end for name in people for end in (name, name + "\U0010ffff")]


def _also(wanted):
    if not wanted.people and not wanted.about:
        return "", []
    parts, params = [], []
    if wanted.about and wanted.people:
        parts.append(_begins_as(wanted.people))
        params += _ends_of(wanted.people)
    for column, values in (("domain", wanted.domains), ("action", wanted.actions or None)):
        if values is not None:
            parts.append(f"{column} IN ({', '.join(['%s'] * len(values))})" if values else "1 = 0")
            params += values
    return " AND ".join(parts), params


def _look(order, columns, ranges, fits, fitting, each, size=None, *, shown="*"):
    by = f"ORDER BY timestamp {order.direction}, id {order.direction}"
    equal = "".join(f" AND {column} = %s" for column in columns)
    parts, params = [], []
    for place, values in enumerate(ranges):
        parts.append(
            f"SELECT * FROM (SELECT timestamp, id, {place} AS place, {fits} AS fits FROM log"  # noqa: S608
            f" WHERE 1 = 1{equal}{order.within}{order.exact} {by} LIMIT {each}) AS range{place}"
        )
        params += [*fitting, *values, *order.moments, *order.beyond]
    limit = f" LIMIT {size}" if size else ""
    return _fetch(f"SELECT {shown} FROM ({' UNION ALL '.join(parts)}) AS found {by}{limit}", params)  # noqa: S608


def _fetch(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
