# ruff: noqa: S608 -- every value is a parameter
"""The addresses of one domain, mailboxes and aliases together: those of a kind, page by page, and how many there are.

Each mailbox has its self-alias in ``alias``, so that table lists them all. A kind is "" for all, "off" for what is
off, "dead" for what has a target that nobody answers.
"""

from typing import NamedTuple

from django.db import connection
from django.db.models import IntegerField
from django.db.models.expressions import RawSQL
from django.utils import timezone

from domains.models import LOCAL_TRANSPORTS
from mailboxes.models import NEARLY_FULL
from panel.paging import COUNT_BOUND
from panel.scoping import sees_all_domains

LAST = "\U0010ffff"

ALIASES = "SELECT address AS name FROM alias a WHERE a.domain = %s"
# By kind: where its keys are, each time in the order of an index.
SOURCES = {
    "": (
        (f"{ALIASES} AND a.is_self_alias = 1", "address"),
        (f"{ALIASES} AND a.is_self_alias = 0", "address"),
    ),
    "off": (
        ("SELECT username AS name FROM mailbox WHERE active = 0 AND domain = %s", "username"),
        (f"{ALIASES} AND a.is_self_alias = 0 AND a.active = 0", "address"),
    ),
}


class Counts(NamedTuple):
    """Each at most COUNT_BOUND + 1."""

    full: int
    off: int
    dead: int


def counts(actor, domain):
    parts = [_count_of(*rows) for rows in _counted(actor, domain)]
    sql = ", ".join([f"({part})" for part, _params in parts])
    params = [param for _part, params in parts for param in params]
    return _counts(*_rows(f"SELECT {sql}", params)[0])


def with_counts(domains, actor, domain):
    """Adds to ``domains``, the one of this name, what ``counts_of()`` reads: no statement of their own."""
    found = [_count_of(*rows) for rows in _counted(actor, domain)]
    counted = [RawSQL(*part, IntegerField()) for part in found]  # noqa: S611 -- every value is a parameter
    return domains.annotate(**dict(zip(COUNTED, counted, strict=True)))


def counts_of(domain):
    return _counts(*[getattr(domain, name) for name in COUNTED])


def _counts(full, mailboxes, aliases, dead):
    return Counts(full, min(mailboxes + aliases, COUNT_BOUND + 1), dead)


COUNTED = ("full_mailboxes", "mailboxes_off", "aliases_off", "aliases_dead")


def _counted(actor, domain):
    """As COUNTED: (what is counted, of which rows, their parameters)."""
    yield (
        "*",
        f"SELECT 1 FROM full_mailbox WHERE domain = %s AND percent >= {NEARLY_FULL}",
        [domain],
    )
    for rows, column in SOURCES["off"]:
        yield "*", f"{rows} AND {column} <> {_catch_all_of('%s')}", [domain, domain]
    names, params = _domains_not_answering(actor, domain)
    dead = (
        f"SELECT t.alias FROM ({names}) x JOIN alias_target t ON t.domain = x.domain"
        f" WHERE t.unmatched = 1 AND t.owner = %s AND t.alias <> {_catch_all_of('%s')}"
    )
    yield "DISTINCT alias", dead, [*params, domain, domain]


def _count_of(counted, rows, params):
    return f"SELECT COUNT({counted}) FROM ({rows} LIMIT {COUNT_BOUND + 1}) n", params


def keys(actor, domain, kind, limit, **of_page):
    """The first ``limit`` keys that begin with ``begin``, beyond ``edge``. The catch-all is none of them."""
    sql, params = _keys(actor, domain, kind, limit, **of_page)
    return [name for (name,) in _rows(sql, params)] if sql else []


def page(actor, domain, kind, limit, **of_page):
    """The rows of these ``keys()``, in their order, by one statement: it begins with the keys, each found by an index."""
    sql, params = _keys(actor, domain, kind, limit, **of_page)
    if not sql:
        return []
    order = "DESC" if of_page.get("descending") else "ASC"
    # A key without an alias is a row, too, or the page would seem to be the last one.
    sql = f"SELECT k.name, {COLUMNS} FROM ({sql}) k LEFT JOIN alias a ON a.address = k.name {JOINED} ORDER BY k.name {order}"
    now = _now()
    return [Row._make(row) for row in _rows(sql, [*params, now, now])]


def _keys(actor, domain, kind, limit, *, begin="", edge=None, descending=False, inclusive=False):
    sources = _dead(actor, domain) if kind == "dead" else SOURCES[kind]
    parts, params = [], []
    for number, (rows, column, *values) in enumerate(sources):
        where = f"{column} <> %s"
        values += [domain, f"@{domain}"]
        if begin:
            where += f" AND {column} >= %s AND {column} < %s"
            values += [begin, begin + LAST]
        if edge is not None:
            where += f" AND {column} {'<' if descending else '>'}{'=' if inclusive else ''} %s"
            values.append(edge)
        order = f"ORDER BY {column}{' DESC' if descending else ''} LIMIT {limit}"
        parts.append(f"SELECT name FROM ({rows} AND {where} {order}) s{number}")
        params += values
    order = f"ORDER BY name{' DESC' if descending else ''} LIMIT {limit}"
    return (f"{' UNION '.join(parts)} {order}" if parts else ""), params


class Row(NamedTuple):
    """Of the table ``alias`` and, for a self-alias there, of its mailbox; else its columns are None."""

    pk: str
    goto: str
    description: str
    active: bool
    mailbox: str | None
    name: str | None
    quota: int | None
    mailbox_active: bool | None
    smtp_active: bool | None
    receives: bool | None
    sign_in_active: bool | None
    bytes: int | None
    last_sign_in: int | None  # in seconds since 1970
    last_day: object  # None: it has no end
    away: bool  # an away message of ours answers
    access: str
    unmatched: bool  # has a target that is no row of ours: it may be gone

    @property
    def is_plain(self):
        """Whether it is a mailbox that keeps its mail and may be used for all: of most there is nothing else to say."""
        may_all = self.mailbox_active and self.smtp_active and self.receives and self.sign_in_active
        said = self.goto != self.pk or self.last_day or self.away or self.unmatched
        return bool(may_all and not said)


COLUMNS = (
    "a.goto, a.description, a.active,"
    " m.username, m.name, m.quota, m.active, m.smtp_active, m.receives, m.sign_in_active, q.bytes,"
    " (SELECT MAX(l.at) FROM last_login l WHERE l.username = m.username),"
    " e.last_day, v.email IS NOT NULL, a.access,"
    " EXISTS (SELECT 1 FROM alias_target t WHERE t.alias = a.address AND t.unmatched = 1)"
)
JOINED = (
    "LEFT JOIN mailbox m ON m.username = a.address AND a.is_self_alias = 1"
    " LEFT JOIN quota2 q ON q.username = m.username LEFT JOIN ending e ON e.address = a.address"
    " LEFT JOIN vacation v ON v.email = m.username AND v.active = 1 AND v.activefrom <= %s AND v.activeuntil >= %s"
)


def rows(keys):
    """Those of ``keys`` that are there, in their order."""
    if not keys:
        return []
    marks = ", ".join(["%s"] * len(keys))
    sql = f"SELECT a.address, {COLUMNS} FROM alias a {JOINED} WHERE a.address IN ({marks})"
    now = _now()
    found = {row[0]: Row._make(row) for row in _rows(sql, [now, now, *keys])}
    return [found[key] for key in keys if key in found]


def _now():
    return connection.ops.adapt_datetimefield_value(timezone.now().replace(microsecond=0))


def _dead(actor, domain):
    names = [name for (name,) in _rows(*_domains_not_answering(actor, domain))]
    if not names:
        return ()
    marks = ", ".join(["%s"] * len(names))
    rows = f"SELECT DISTINCT alias AS name FROM alias_target WHERE unmatched = 1 AND domain IN ({marks}) AND owner = %s"
    return ((rows, "alias", *names),)


def _domains_not_answering(actor, domain):
    """Domains that targets of ``domain`` lie in, of which nobody answers those without a row: as ``dangling()`` has it.

    Of others' domains nobody is told which addresses exist.
    """
    local = ", ".join(["%s"] * len(LOCAL_TRANSPORTS))
    sql = (
        "SELECT d.domain FROM (SELECT DISTINCT domain FROM alias_target WHERE unmatched = 1 AND owner = %s) u"
        f" JOIN domain d ON d.domain = u.domain WHERE d.backupmx = 0 AND d.transport IN ({local})"
        " AND NOT EXISTS (SELECT 1 FROM alias_domain l WHERE l.alias_domain = d.domain)"
        f" AND NOT EXISTS (SELECT 1 FROM alias c WHERE c.address = {_catch_all_of('d.domain')})"
    )
    params = [domain, *LOCAL_TRANSPORTS]
    if not sees_all_domains(actor):
        sql += f" AND d.domain IN ({', '.join(['%s'] * len(actor.scope_domains))})"
        params += actor.scope_domains
    return sql, params


def _catch_all_of(column):
    return f"CONCAT('@', {column})" if connection.vendor == "mysql" else f"'@' || {column}"


def _rows(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
