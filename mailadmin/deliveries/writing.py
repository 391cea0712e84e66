"""Stores what the Joiner put together: rows, their keys, the day's figures and the position in the log, all in one transaction or not at all."""

from collections import Counter
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import groupby
from operator import attrgetter

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from domains.copies import Copy
from domains.deliveries import (
    ALL,
    ASKED,
    BOUNCED,
    DEFERRED,
    DELIVERED,
    EXPIRED,
    IN,
    LOCAL,
    OUT,
    RECIPIENT,
    REFUSED,
    SENDER,
    WROTE,
    Delivery,
    DeliveryDay,
    DeliveryKey,
    LogPosition,
    OpenMail,
    SenderDay,
    found_under,
)
from domains.models import Domain
from mailadmin.deliveries import senders
from mailadmin.deliveries.joining import joined

TOGETHER = 1_000  # rows of one statement
AT_HOSTS = 500  # addresses of one statement, each a condition of its own at worst
MOMENTS = ("at", "changed")
OTHERS = tuple(
    field.attname
    for field in Delivery._meta.concrete_fields
    if not field.primary_key and field.attname not in MOMENTS
)
ROW_COLUMNS, KEY_COLUMNS = (*MOMENTS, *OTHERS), ("domain", "address", "delivery")
_others_of = attrgetter(*OTHERS)
FIELDS = ("result", "dsn", "says", "relay", "tls", "place")
COLUMNS = {DEFERRED: "deferred", REFUSED: "refused", BOUNCED: "bounced", EXPIRED: "bounced"}


class Taken(Exception):
    """Another process followed this log meanwhile."""


@transaction.atomic
def store(joiner, host, positions):
    """``positions``: {source: (place before, place now, time of the last line, seconds that it is behind)}.

    Raises Taken, and has stored nothing, if the place before is not the stored one.
    """
    for source, (before, *_rest) in positions.items():
        _check(host, source, before)
    again = _judged(joiner)
    kept = [row for row in joiner.rows if not row.left_out]
    _insert(kept)
    _update(joiner, again)
    _count(joiner, again)
    _store_open(host, joiner.open_mails())
    now = timezone.now()
    for number, (source, (_before, place, at, behind)) in enumerate(positions.items()):
        values = {"place": place, "looked": now, "behind": behind}
        if at:
            values["at"] = _moment(at)
        if not number:
            values["stored"] = F("stored") + len(kept)
        LogPosition.objects.filter(host=host, source=source).update(**values)
    return len(kept)


def _check(host, source, before):
    row = LogPosition.objects.select_for_update().filter(host=host, source=source).first()
    if row is None:
        LogPosition.objects.create(host=host, source=source, place=before, looked=timezone.now())
    elif row.place != before:
        raise Taken(source)


def _judged(joiner):
    """Give each row its direction, and the parts of it whose domain is ours; return those that are tried again."""
    rows = [*joiner.rows, *(now for _before, now in joiner.again)]
    names = {
        text.rpartition("@")[2]
        for row in rows
        for text in (row.sender, row.asked, row.recipient, row.login if "@" in row.login else "")
    }
    ours = _ours(names - {""})
    copies = _copies({row.recipient for row in rows if _is_written_to(row, ours)})
    for row in rows:
        parts = ((SENDER, row.sender), (ASKED, row.asked), (RECIPIENT, row.recipient))
        row.ours = sum(part for part, text in parts if text.rpartition("@")[2] in ours)
        if _is_written_to(row, ours) and row.recipient not in copies:
            row.ours |= WROTE
        from_here = row.origin not in ("", "loopback") or (
            row.origin == "loopback" and row.ours & SENDER
        )
        if row.ours & RECIPIENT or (row.result == REFUSED and not from_here):
            row.direction = LOCAL if from_here else IN
        else:
            row.direction = OUT
    return joiner.again


@lru_cache(maxsize=256)
def _moment(seconds):
    return datetime.fromtimestamp(seconds, UTC)


@lru_cache(maxsize=256)
def _as_stored(seconds):
    return connection.ops.adapt_datetimefield_value(_moment(seconds))


def _ours(names):
    names, found = sorted(names), set()
    for start in range(0, len(names), TOGETHER):
        rows = Domain.objects.filter(pk__in=names[start : start + TOGETHER])
        found.update(rows.values_list("pk", flat=True))
    return found


def _is_written_to(row, ours):
    # Where an alias leads is its domain's own affair.
    return "@" in row.login and not row.asked and row.login.rpartition("@")[2] in ours


def _copies(recipients):
    """Those of ``recipients`` where copies (BCC) go: Postfix logs them as if the sender had written there."""
    texts, found = sorted(recipients, key=_host), set()
    for start in range(0, len(texts), AT_HOSTS):
        there = Q()
        for host, some in groupby(texts[start : start + AT_HOSTS], _host):
            there |= Q(goto_domain=host, goto__in=[*some])
        found.update(Copy.objects.filter(there).values_list("goto", flat=True))
    return found


def _host(address):
    return address.rpartition("@")[2]


def _insert(rows):
    """By SQL of its own: the model's bulk_create() took half of the follower's time."""
    for start in range(0, len(rows), TOGETHER):
        some = rows[start : start + TOGETHER]
        for row, key in zip(some, _insert_rows([*map(_values, some)]), strict=True):
            row.pk = key
    keys = [(*key, row.pk) for row in rows for key in found_under(row)]
    for start in range(0, len(keys), TOGETHER):
        _insert_into(DeliveryKey, KEY_COLUMNS, keys[start : start + TOGETHER])


def _values(row):
    return (_as_stored(row.at), _as_stored(row.changed), *_others_of(row))


def _insert_rows(values):
    """Returns the primary keys, in order."""
    if connection.features.can_return_rows_from_bulk_insert:
        return [key for (key,) in _insert_into(Delivery, ROW_COLUMNS, values, " RETURNING id")]
    return [_insert_into(Delivery, ROW_COLUMNS, [one]) for one in values]  # MySQL


def _insert_into(model, columns, rows, ending=""):
    """What the statement returns with ``ending``; else the key of the row, if it is one."""
    marks = f"({', '.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES {', '.join([marks] * len(rows))}{ending}",  # noqa: S608
            [value for row in rows for value in row],
        )
        return cursor.fetchall() if ending else cursor.lastrowid


def _update(joiner, again):
    for before, now in again:
        if before.pk is None:  # it was left out
            continue
        values = {name: getattr(now, name) for name in FIELDS}
        values |= {"changed": _moment(now.changed), "tries": F("tries") + 1}
        Delivery.objects.filter(pk=before.pk).update(**values)
        now.pk = before.pk
    for row, place in joiner.places:
        if row.pk is None:
            continue
        row.place = joined(row.place, place)
        Delivery.objects.filter(pk=row.pk).update(place=row.place)


# --- Figures


def _count(joiner, again):
    days, by_sender = Counter(), Counter()
    day_of = cache(lambda at: timezone.localdate(_moment(at)))
    for row in joiner.rows:
        day = day_of(row.at)
        for domain, column in _counted(row):
            days[domain, day, column] += 1
        if row.left_out:
            days[ALL, day, "left_out"] += 1
        # Whose files the mail is sends on what filters redirect.
        if row.login and row.login != f"uid {settings.VMAIL_UID}" and row.result != REFUSED:
            by_sender[row.login, day] += 1
    for _before, now in again:
        if now.result != DEFERRED:  # counted when it was tried first
            for domain, column in _counted(now):
                days[domain, day_of(now.at), column] += 1
    for (at, column), number in joiner.counts.items():
        days[ALL, day_of(at), column] += number
    _add(DeliveryDay, ("domain", "day"), days)
    _count_senders(by_sender)


def _counted(row):
    """{(domain or ALL, column)} that ``row`` counts for."""
    parts = {SENDER: row.sender, ASKED: row.asked, RECIPIENT: row.recipient}
    domains = {part: text.rpartition("@")[2] for part, text in parts.items() if row.ours & part}
    if row.result != DELIVERED:
        return {(name, COLUMNS[row.result]) for name in (ALL, *domains.values())}
    found = set()
    if row.direction in (IN, LOCAL):
        found.add((ALL, "incoming"))
    if row.direction in (OUT, LOCAL):
        found.add((ALL, "outgoing"))
        if SENDER in domains:
            found.add((domains[SENDER], "outgoing"))
    return found | {(domains[part], "incoming") for part in (ASKED, RECIPIENT) if part in domains}


def _count_senders(found):
    rows = {(name, day): {"recipients": number} for (name, day), number in found.items()}
    numbers = Counter({(*key, "recipients"): row["recipients"] for key, row in rows.items()})
    _add(SenderDay, ("sender", "day"), numbers, domain=lambda sender: sender.rpartition("@")[2])
    for day in {day for _name, day in found}:
        senders.look(day, [name for name, of in found if of == day])


def _add(model, key, numbers, **others):
    """Add ``numbers``, {(*key, column): number}, to the rows of ``model``. In the order of their keys: two servers do not deadlock."""
    sums = {}
    for (name, day, column), number in numbers.items():
        sums.setdefault((name, day), Counter())[column] += number
    columns = sorted({column for found in sums.values() for column in found})
    if not sums:
        return
    names = [*key, *others, *columns]
    rest = [f.column for f in model._meta.concrete_fields if f.column not in names]
    zeros = [0] * len(rest)
    values = [
        [name, day, *(of(name) for of in others.values()), *(found[c] for c in columns), *zeros]
        for (name, day), found in sorted(sums.items())
    ]
    table = model._meta.db_table
    if connection.vendor == "mysql":
        twin, new = "ON DUPLICATE KEY UPDATE", "VALUES({})"
    else:
        twin, new = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET", "excluded.{}"
    changes = ", ".join(f"{c} = {table}.{c} + {new.format(c)}" for c in columns)
    marks = ", ".join(["%s"] * (len(names) + len(rest)))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join([*names, *rest])}) VALUES ({marks}) {twin} {changes}",  # noqa: S608
            values,
        )


# --- What is not done yet


def _store_open(host, mails):
    rows = [
        OpenMail(host=host, key=key[:100], at=_moment(stored[0]), facts=stored[1])
        for key, stored in mails.items()
        if stored and len(stored[1]) < 60_000
    ]
    changed = [key[:100] for key in mails]
    for start in range(0, len(changed), TOGETHER):
        OpenMail.objects.filter(host=host, key__in=changed[start : start + TOGETHER]).delete()
    OpenMail.objects.bulk_create(rows, batch_size=TOGETHER)
