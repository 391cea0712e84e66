import json
from datetime import datetime, time, timedelta

from django.db import connection
from django.db.models import Sum, Value
from django.http import Http404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts import entries
from accounts.models import LogEntry
from domains.models import Domain
from mailboxes.models import SERVER, UsageDay
from panel.addresses import lookup_key, lookup_keys
from panel.export import FORMATS, table
from panel.log_actions import (
    ADMINS,
    ALIASES,
    DOMAINS,
    MAILBOXES,
    SIGN_INS,
    name_and_client,
    of_kind,
)
from panel.pages import ScopedListView
from panel.paging import COUNT_BOUND, KeysetMixin
from panel.prepared import in_scope, padded, prepared
from panel.scoping import domains_in_sight, sees_all_domains

KINDS = (SIGN_INS, MAILBOXES, ALIASES, DOMAINS, ADMINS)
DAYS = 30  # of the plot
PLOTTED = 50  # domains whose days are added up while somebody waits; of the whole server there is a row for each day
TOGETHER = 1_000  # rows of the table read at once


class Log(KeysetMixin, ScopedListView):
    right = "log:read"
    model = LogEntry
    scope = "visible_to"
    template_name = "accounts/log.html"
    orderings = {"when": ("timestamp", "pk")}
    default_ordering = "-when"
    rest = None

    @cached_property
    def filters(self):
        get = self.request.GET.get
        return {
            "domain_name": lookup_key(get("domain", "")),
            "person": get("person", "").strip(),
            "kind": get("kind", "") if get("kind") in KINDS else "",
            "action": get("action", ""),
            "since": get("from", "").strip(),
            "until": get("to", "").strip(),
            "about": lookup_key(get("about", "")),
        }

    @cached_property
    def domain(self):
        name = self.filters["domain_name"]
        if not name:
            return None
        return next(iter(_visible(self.actor, name)), None)

    @cached_property
    def domains(self):
        """The domains whose entries are shown; None: those of all domains, and entries without a
        domain."""
        name = self.filters["domain_name"]
        if name:
            return tuple(domains_in_sight(self.actor, [name]))
        return None if sees_all_domains(self.actor) else self.actor.domain_names

    @cached_property
    def wanted(self):
        asked = self.filters
        kind, action, person = asked["kind"], asked["action"], asked["person"]
        # The client's address follows the name, in brackets.
        people = ("CLI",) if person.lower() == "cli" else tuple(lookup_keys(person))
        return entries.Wanted(
            domains=self.domains,
            actions=(action,) if action else of_kind(kind) if kind else (),
            people=people if person else (),
            begin=_midnight(asked["since"]),
            end=_midnight(asked["until"], days=1),
            about=asked["about"][:255],
        )

    def keys(self, rows, columns, descending, values=(), **edge):
        fields = [self.field(column) for column in columns] if values else ()
        stored = [f.get_db_prep_value(v, connection) for f, v in zip(fields, values, strict=True)]
        found = entries.page(self.wanted, self.size + 1, stored, newest_first=descending)
        self.rest = found.rest
        return found.keys

    def rows_of(self, keys):
        found = {row.pk: row for row in rows_with(self.actor, *padded(keys))} if keys else {}
        return [found[key] for key in keys if key in found]

    def paginate(self, rows):
        shown = super().paginate(rows)
        backwards = bool(self.request.GET.getlist("before"))
        beyond = ("before", "previous_url") if backwards else ("after", "next_url")
        shown["searched_to"] = None
        if self.rest:
            moment, key = self.rest
            shown["searched_to"] = timezone.make_aware(parse_datetime(moment))
            place = {beyond[0]: [shown["searched_to"].isoformat(), str(key)]}
            shown[beyond[1]] = self.url_with(
                **{"after": None, "before": None, "jump": None} | place
            )
        return shown

    def count(self, rows):
        # the plot of days has the numbers
        return None

    def get_context_data(self, **kwargs):
        self.request.no_such_domain = self.domain is None
        return super().get_context_data(
            domain=self.domain,
            kinds=KINDS,
            days=self.days() if self.draws_at_once else (),
            days_later=self.has_days and not self.draws_at_once,
            **kwargs,
        )

    @property
    def has_days(self):
        return not self.filters["about"] and self.domains != ()

    @property
    def draws_at_once(self):
        """Whether the plot comes with the page; where it must be counted first, the page fetches it
        afterwards."""
        if "days" in self.request.GET:
            return self.has_days
        return self.has_days and self.of_few and not self.filters["kind"]

    @property
    def of_few(self):
        return self.domains is None or len(self.domains) <= PLOTTED

    def days(self):
        """(day, entries) of the last DAYS days, each at most COUNT_BOUND + 1 where they are
        counted; empty if there were none."""
        today = timezone.localdate()
        days = [today - timedelta(days=number) for number in reversed(range(DAYS))]
        kind = self.filters["kind"]
        counts = self.counts_of(days, kind) if kind else self.written_down(days)
        return tuple(zip(days, counts, strict=True)) if any(counts) else ()

    def counts_of(self, days, kind):
        begins = [_midnight(day.isoformat()) for day in [*days, days[-1] + timedelta(days=1)]]
        count = entries.by_day if self.of_few else entries.by_day_of_many
        return count(self.domains, of_kind(kind), begins, COUNT_BOUND + 1)

    def written_down(self, days):
        names = (SERVER,) if self.domains is None else self.domains
        stored = dict(changes_by_day(days[0].isoformat(), *padded(names)))
        if not any(stored.values()):
            return ()
        begin = _midnight(days[-1].isoformat())
        stored[days[-1]] = entries.changes_since(self.domains, begin, COUNT_BOUND + 1)
        return [stored.get(day, 0) for day in days]


@in_scope(prepared)
def _visible(actor, name):
    return Domain.objects.visible_to(actor).select_related("usage").filter(pk=name)


@in_scope(prepared)
def rows_with(actor, *keys):
    rows = LogEntry.objects.visible_to(actor).filter(pk__in=keys)
    return rows.stored()


def changes_of(row):
    return json.loads(row.stored or "null")


@prepared
def changes_by_day(first, *names):
    rows = UsageDay.objects.filter(domain__in=names, day__gte=Value(first)).values("day")
    return rows.annotate(changed=Sum("changes")).values_list("day", "changed").order_by()


class LogDays(Log):
    """Only the plot, where counting takes longer than a page may."""

    def get(self, request, *args, **kwargs):
        context = {"days": self.days() if self.has_days else (), "view": self, **self.filters}
        return TemplateResponse(request, "accounts/log_days.html", context, using="jinja2")


class LogTable(Log):
    table_columns = {
        "at": _("Time"),
        "person": _("Person"),
        "client": _("Network address"),
        "domain": _("Domain"),
        "action": _("Action"),
        "about": _("About"),
        "changes": _("Changes"),
    }

    def get(self, request, *args, **kwargs):
        format = request.GET.get("as", "csv")
        if format not in FORMATS:
            raise Http404
        return table(format, "activity", self.table_columns, self.lines())

    def lines(self):
        edge = ()
        while True:
            found = entries.page(self.wanted, TOGETHER, edge)
            rows = self.rows_of(found.keys)
            for row in rows:
                name, client = name_and_client(row.username)
                about = row.domain, row.action, row.data, changes_of(row) or None
                yield row.timestamp, name, client, *about
            if len(found.keys) == TOGETHER:
                moment = connection.ops.adapt_datetimefield_value(rows[-1].timestamp)
                edge = (str(moment), rows[-1].pk)
            elif found.rest:
                edge = found.rest
            else:
                return


def _midnight(text, days=0):
    try:
        day = parse_date(text)
        return day and timezone.make_aware(datetime.combine(day + timedelta(days=days), time()))
    except (ValueError, OverflowError):
        return None
