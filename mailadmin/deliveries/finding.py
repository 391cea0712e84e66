"""Rows of the delivery log for pages: each search walks one index for each domain, and looks at so many rows at most."""

from datetime import datetime, time, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Max, Min
from django.utils import timezone

from domains.deliveries import ALL, DEFERRED, Delivery, DeliveryKey, LogPosition, OpenMail
from domains.models import Domain
from mailadmin.deliveries.sides import told
from panel.scoping import domains_in_sight, sees_all_domains

SHOWN = 50
LOOKED_AT = 500  # rows of one page, to find those of a day, a result or an ID that one may see
MANY = 50  # domains whose rows are put together; an administrator of more of them chooses one


class Asked(NamedTuple):
    """``domains`` None: of the whole server. ``name``: a message id or a queue id."""

    domains: tuple | None
    address: str = ""
    name: str = ""
    result: str = ""
    day: object = None


class Found(NamedTuple):
    """``rest``: where the next page begins, or None; ``searched_to`` of the last row that was looked at, if the page is not full."""

    rows: list
    rest: int | None = None
    searched_to: object = None


def within(actor, name):
    """(the Domain ``name``, or None; the domains to search, None for the whole server). ``name`` "" is all that the actor may ask for."""
    if not name:
        return None, None if sees_all_domains(actor) else actor.domain_names
    seen = domains_in_sight(actor, [name])
    domain = Domain.objects.filter(pk=name).first() if seen else None
    return domain, (domain.pk,) if domain else ()


def find(actor, asked, after=None, shown=SHOWN):
    """Rows that ``actor`` may see, the newest first, with what they may be told of them."""
    edge, floor = after, None
    if asked.day:
        floor, last = _edges(asked.day)
        if last is None:
            return Found([])
        edge = last + 1 if edge is None else min(edge, last + 1)
    narrow = asked.result or asked.day or asked.name
    ids = _ids(asked, edge, LOOKED_AT if narrow else shown + 1)
    whole = len(ids) == (LOOKED_AT if narrow else shown + 1)
    if floor is not None and any(number < floor for number in ids):
        whole, ids = False, [number for number in ids if number >= floor]
    rows = Delivery.objects.visible_to(actor).filter(pk__in=ids).order_by("-pk")
    if asked.result:
        rows = rows.filter(result=asked.result)
    if asked.day:
        begin, end = _midnights(asked.day)
        rows = rows.filter(at__gte=begin, at__lt=end)
    found = list(rows[: shown + 1])
    if len(found) > shown:
        return Found(told(actor, found[:shown]), found[shown - 1].pk)
    if whole:
        last = Delivery.objects.filter(pk=ids[-1]).values_list("at", flat=True).first()
        return Found(told(actor, found), ids[-1], last)
    return Found(told(actor, found))


def has_ended(rows):
    """Whether nothing more is to come of the messages of ``rows``: Postfix has removed them, with all their recipients."""
    if not rows or any(row.result == DEFERRED for row in rows):
        return False
    hosts, queue_ids = LogPosition.objects.values("host"), {row.queue_id for row in rows}
    return not OpenMail.objects.filter(host__in=hosts, key__in=queue_ids).exists()


def _ids(asked, edge, most):
    if asked.name:
        rows = Delivery.objects.filter(message_id=asked.name)
        of_queue = Delivery.objects.filter(queue_id=asked.name)
        found = {*_newest(rows, edge, most), *_newest(of_queue, edge, most)}
        return sorted(found, reverse=True)[:most]
    if asked.domains is None and not asked.address:
        return list(_newest(Delivery.objects.all(), edge, most))
    names = asked.domains
    if asked.address:
        of_address = asked.address.rpartition("@")[2]
        if names is None:
            names = (ALL, of_address)
        elif of_address in names:  # of many domains this is the one that counts
            names = (of_address, *names)
    return _of_keys(names, asked.address or ALL, edge, most)


def _newest(rows, edge, most):
    rows = rows if edge is None else rows.filter(pk__lt=edge)
    return rows.order_by("-pk").values_list("pk", flat=True)[:most]


def _of_keys(names, address, edge, most):
    names = [*dict.fromkeys(names)][:MANY]
    if not names:
        return []
    table = DeliveryKey._meta.db_table
    before = "" if edge is None else "AND delivery < %s "
    one = f"SELECT delivery FROM {table} WHERE domain = %s AND address = %s {before}ORDER BY delivery DESC LIMIT {most:d}"  # noqa: S608
    sql = " UNION ALL ".join(f"SELECT * FROM ({one}) of{n}" for n in range(len(names)))  # noqa: S608
    more = () if edge is None else (edge,)
    params = [value for name in names for value in (name, address, *more)]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return sorted({number for [number] in cursor.fetchall()}, reverse=True)[:most]


def _midnights(day):
    begin = datetime.combine(day, time.min)
    return tuple(timezone.make_aware(begin + timedelta(days=number)) for number in (0, 1))


def _edges(day):
    """The first and the last number of a row of ``day``, by the index of the time; None if there is none.

    Numbers do not follow the time: a follower that paused goes on later than those of other servers.
    """
    begin, end = _midnights(day)
    found = Delivery.objects.filter(at__gte=begin, at__lt=end).aggregate(Min("pk"), Max("pk"))
    return found["pk__min"], found["pk__max"]
