import json
from datetime import date, timedelta
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from django.db.models import DateField, F, Func, OuterRef, Subquery, Sum, TextField, Value
from django.db.models.functions import JSONArray
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from domains.deliveries import DeliveryDay
from mailboxes.models import SERVER, LastLogin, MailboxDay, UsageDay
from panel import plots
from panel.formats import date_words, number, size
from panel.prepared import Scope, in_scope, prepared

# By days: the link, and the heading of what it shows.
PERIODS = {
    30: (gettext_lazy("30 days"), gettext_lazy("Last 30 days")),
    90: (gettext_lazy("90 days"), gettext_lazy("Last 90 days")),
    365: (gettext_lazy("1 year"), gettext_lazy("Last year")),
}
TALL, SMALL = 120, 24  # pixels of a plot, and of one in a line of text
WEEKLY_FROM = 200  # days: from here on a point or a bar stands for a week
WEEK = 7
# How a mailbox fills up: from its first size of these days, not from one or two of them, and said of what is near.
COMPARED_DAYS, FEWEST_DAYS, FARTHEST = 30, 4, 99
DRAWN_DAYS = 90  # of a mailbox
MANY = 20  # domains of an administrator


class Kind(NamedTuple):
    words: str
    shown: callable
    added: bool  # what happened in the days together; else how much there is
    column: str


KINDS = {
    "storage": Kind(gettext_lazy("Storage"), size, False, "all_bytes"),
    "mailboxes": Kind(gettext_lazy("Mailboxes"), number, False, "all_mailboxes"),
    "aliases": Kind(gettext_lazy("Aliases"), number, False, "all_aliases"),
    "changes": Kind(gettext_lazy("Changes"), number, True, "all_changes"),
    "incoming": Kind(gettext_lazy("Mail received"), number, True, "incoming"),
    "outgoing": Kind(gettext_lazy("Mail sent"), number, True, "outgoing"),
    "refused": Kind(gettext_lazy("Refused"), number, True, "refused"),
    "deferred": Kind(gettext_lazy("Had to wait"), number, True, "deferred"),
}


class Figure:
    def __init__(self, name, days, values, *, width=1):
        self.name, self.kind = name, KINDS[name]
        self.days, self.values, self.width = days, values, width

    @property
    def words(self):
        return self.kind.words

    @property
    def total(self):
        return sum(self.values) if self.kind.added else self.values[-1]

    @property
    def shown(self):
        return self.kind.shown(self.total)

    @property
    def difference(self):
        more = 0 if self.kind.added else self.values[-1] - self.values[0]
        return f"{'+' if more > 0 else '−'}{self.kind.shown(abs(more))}" if more else ""

    @property
    def sentence(self):
        facts = {
            "figure": self.words,
            "first": self.first,
            "last": self.last,
            "from": self.kind.shown(self.values[0]),
            "to": self.kind.shown(self.values[-1]),
            "total": self.shown,
            "most": self.kind.shown(max(self.values)),
        }
        if not self.kind.added:
            return _("%(figure)s from %(first)s to %(last)s: from %(from)s to %(to)s.") % facts
        if self.width > 1:
            return (
                _("%(figure)s from %(first)s to %(last)s: %(total)s, at most %(most)s in a week.")
                % facts
            )
        return (
            _("%(figure)s from %(first)s to %(last)s: %(total)s, at most %(most)s on a day.")
            % facts
        )

    def in_words(self, figures):
        columns = [map(figure.kind.shown, figure.values) for figure in figures]
        return zip(map(date_words, self.days), *columns, strict=True)

    @property
    def first(self):
        return date_words(self.days[0])

    @property
    def last(self):
        return date_words(self.days[-1])

    @property
    def scale(self):
        drawn = self.plot
        return self.kind.shown(drawn.low), self.kind.shown(drawn.high)

    @property
    def plot(self):
        return self.drawn(TALL)

    @property
    def sparkline(self):
        return self.drawn(SMALL)

    def drawn(self, height):
        if self.kind.added:
            return plots.bars(self.days, self.values, height, width=self.width)
        return plots.line(self.days, self.values, height)


def figures_of(rows, names):
    """``{name: Figure}`` of rows of UsageDay or sums of them, oldest first; nothing of fewer than two days.

    The same for the same rows, which change once a day: what was drawn of them may be kept.
    """
    return _figures_of(tuple(rows), tuple(names)) if len(rows) >= 2 else {}


@lru_cache(maxsize=200)
def _figures_of(rows, names):
    days, width = [row.day for row in rows], 1
    columns = {name: [int(getattr(row, KINDS[name].column) or 0) for row in rows] for name in names}
    if (days[-1] - days[0]).days >= WEEKLY_FROM:
        days, columns, width = *_by_week(days, columns), WEEK
    return {name: Figure(name, days, columns[name], width=width) for name in names}


def _by_week(days, columns):
    """The days that end a week, counted back from the last one, with that day's figure or the sum of its week."""
    weeks = {}
    for place, day in enumerate(days):
        weeks.setdefault((days[-1] - day).days // WEEK, []).append(place)
    places = list(weeks.values())
    sums = {
        name: [
            sum(values[place] for place in week) if KINDS[name].added else values[week[-1]]
            for week in places
        ]
        for name, values in columns.items()
    }
    return [days[week[-1]] for week in places], sums


# --- The rows, each by the index of its primary key


def period(query):
    asked = query.get("days", "")
    return int(asked) if asked.isdecimal() and int(asked) in PERIODS else min(PERIODS)


def since(days):
    return (timezone.localdate() - timedelta(days=days)).isoformat()


def days_in_sight(account, first):
    """The figures of all domains that an account may see, together, of each day since ``first``.

    Of the whole server there is one row a day; of an administrator's domains one each. Those of MANY are added up once for each snapshot.
    """
    names = account.scope_domains
    if len(names) < MANY or not account.is_active:
        return _days_in_sight(account, first)
    return _days_of_many(names, first, tuple(_newest(SERVER)))


@lru_cache(maxsize=100)
def _days_of_many(names, first, _newest):
    return _days_in_sight(Scope(False, names, names), first)


@prepared
def _newest(domain):
    """The last snapshot of the server: it changes with each of those of the domains."""
    rows = UsageDay.objects.filter(domain=domain).order_by("-day")
    return rows.values_list("day", "bytes", "messages", "mailboxes", "aliases", "changes")[:1]


@in_scope(prepared)
def _days_in_sight(scope, first):
    rows = UsageDay.objects.visible_to(scope).filter(day__gte=Value(first))
    if scope.is_superadmin:
        return _by_day(rows.filter(domain=SERVER), F)
    return _by_day(rows.values("day"), Sum)


class Day(NamedTuple):
    day: date
    all_bytes: int
    all_changes: int


def with_days(domains, days):
    """Adds ``days``, what ``days_of_domain()`` reads."""
    # A day more: the database's day may be another one than TIME_ZONE's.
    rows = UsageDay.objects.filter(domain=OuterRef("pk"), day__gte=DaysAgo(days=days + 1))
    columns = ByDay("day", JSONArray("bytes", "changes"))
    return domains.annotate(days=Subquery(rows.values(days=columns), output_field=TextField()))


@lru_cache(maxsize=200)
def days_of_domain(days, first):
    """The rows of each day since ``first``, oldest first."""
    found = sorted(json.loads(days or "{}").items())
    return tuple([Day(date.fromisoformat(day), *row) for day, row in found if day >= first])


@prepared
def deliveries_of(domain, first):
    """By recipient, of each day on which there was mail; of the whole server for an empty ``domain``."""
    rows = DeliveryDay.objects.filter(domain=domain, day__gte=Value(first)).order_by("day")
    return rows.values_list("day", "incoming", "outgoing", "refused", "deferred", named=True)


def _by_day(rows, kind):
    columns = {f"all_{name}": kind(name) for name in ("bytes", "mailboxes", "aliases", "changes")}
    return rows.order_by("day").annotate(**columns).values_list("day", *columns, named=True)


# --- A mailbox

PROTOCOLS = {"imap": "IMAP", "pop3": "POP3", "smtp": "SMTP", "sieve": "ManageSieve"}


def days_until_full(first, at_first, used, quota):
    """In how many days ``quota`` is full, if use grows as it did since the day ``first``; None if
    that cannot be said."""
    days = (timezone.localdate() - first).days if first else 0
    if days < FEWEST_DAYS or not at_first < used < quota:
        return None
    left = ceil((quota - used) * days / (used - at_first))
    return left if left <= FARTHEST else None


def full_in(first, at_first, used, quota):
    left = days_until_full(first, at_first, used or 0, quota)
    return left and ngettext("full in about %(n)d day", "full in about %(n)d days", left) % {
        "n": left
    }


def with_first_size(rows, name, since):
    sizes = MailboxDay.objects.filter(username=OuterRef(name), day__gte=Value(since)).order_by(
        "day"
    )
    return rows.annotate(
        first=Subquery(sizes.values("day")[:1]), at_first=Subquery(sizes.values("bytes")[:1])
    )


def with_sign_ins(mailboxes):
    """Adds when each was opened last by each of PROTOCOLS, in seconds since 1970, and from where."""
    rows = LastLogin.objects.filter(username=OuterRef("pk"))
    found = {}
    for name in PROTOCOLS:
        row = rows.filter(protocol=name)
        found[name] = Subquery(row.values("at")[:1])
        found[f"{name}_from"] = Subquery(row.values("address")[:1])
    return mailboxes.annotate(**found)


def sign_ins(mailbox):
    """``[(protocol in words, seconds since 1970, address or ""), …]``, the last one first. ``mailbox`` is of with_sign_ins()."""
    found = [
        (words, getattr(mailbox, name), getattr(mailbox, f"{name}_from"))
        for name, words in PROTOCOLS.items()
    ]
    return sorted([row for row in found if row[1]], key=lambda row: row[1], reverse=True)


def last_sign_in(name="pk"):
    """The subquery of when the mailbox, whose key is in ``name``, was opened last, in seconds since 1970."""
    rows = LastLogin.objects.filter(username=OuterRef(name)).order_by("-at")
    return Subquery(rows.values("at")[:1])


class ByDay(Func):
    """All days of the rows and their sizes as one text, so that they come with another row."""

    function = "JSON_OBJECTAGG"
    output_field = TextField()

    def as_sqlite(self, compiler, connection, **context):
        return super().as_sql(compiler, connection, function="JSON_GROUP_OBJECT", **context)


class DaysAgo(Func):
    """A day by the database's clock, for a statement that is kept: a day of ours would stay in it."""

    template = "CURRENT_DATE - INTERVAL %(days)s DAY"
    output_field = DateField()

    def as_sqlite(self, compiler, connection, **context):
        template = "DATE('now', '-%(days)s days')"
        return super().as_sql(compiler, connection, template=template, **context)


def with_past(mailboxes):
    # A day more: the database's day may be another one than TIME_ZONE's.
    first = DaysAgo(days=DRAWN_DAYS + 1)
    days = MailboxDay.objects.filter(username=OuterRef("pk"), day__gte=first)
    past = Subquery(days.values(sizes=ByDay("day", "bytes")), output_field=TextField())
    return with_sign_ins(mailboxes.annotate(sizes=past))


def past_of(mailbox):
    sizes = {
        date.fromisoformat(day): size
        for day, size in json.loads(mailbox.sizes or "{}").items()
        if day >= since(DRAWN_DAYS)
    }
    compared = timezone.localdate() - timedelta(days=COMPARED_DAYS)
    first = min((day for day in sizes if day >= compared), default=None)
    return {
        "full_in": full_in(first, sizes.get(first), mailbox.used, mailbox.quota),
        "line": _line(sizes | {timezone.localdate(): mailbox.used}) if sizes else None,
        "sign_ins": sign_ins(mailbox),
    }


def _line(sizes):
    days = sorted(sizes)
    return Figure("storage", days, [sizes[day] for day in days]) if len(days) > 1 else None
