import sys
from datetime import UTC, date, datetime
from itertools import islice
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import EmptyResultSet, ObjectDoesNotExist
from django.db import Error, OperationalError, connection
from django.db.models import CharField, Exists, Max, OuterRef, Subquery, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce
from django.http import HttpResponse, HttpResponseRedirect, HttpResponseServerError
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.generic import TemplateView, View

from accounts.models import LogEntry
from accounts.own import OwnAccount
from aliases.dangling import first_dangling
from aliases.models import Alias, AliasTarget, Ending
from domains.deliveries import SenderDay
from domains.dns.host import host_name
from domains.models import UNLIMITED, Domain, DomainDNS, DomainUsage
from mailadmin import search
from mailboxes import endings, figures
from mailboxes.models import NEARLY_FULL, FullMailbox, Mailbox
from mailboxes.own import OwnMailbox
from panel import server, transactions
from panel.log_actions import SIGN_INS, of_kind
from panel.pages import RETRY_SECONDS, ActorMixin
from panel.paging import COUNT_BOUND
from panel.prepared import in_scope, prepared, prepared_counts, prepared_union
from panel.scoping import may_create_domains, may_open

SHOWN = 10
LOOKED_AT = 200  # entries, to leave out who signed in
OFF = 30  # mailboxes that are off, of which each is asked for who leads there


class AdministratorsPage(ActorMixin, TemplateView):
    right = "domains:read"

    def get(self, request, *args, **kwargs):
        if not may_open(self.actor):
            return HttpResponseRedirect(reverse("account"))
        return super().get(request, *args, **kwargs)


class Dashboard(AdministratorsPage):
    template_name = "mailadmin/dashboard.html"
    template_engine = "jinja2"

    def get(self, request, *args, **kwargs):
        only = self.actor.scope_domains if may_open(self.actor) else ()
        if len(only) == 1 and not may_create_domains(self.actor):
            return HttpResponseRedirect(reverse("domain", args=only))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        actor = self.actor
        fullest = fullest_domains(actor)
        soon = (endings.today() + endings.FIRST_TOLD).isoformat()
        in_need = in_trouble(actor, figures.since(figures.COMPARED_DAYS), figures.since(1), soon)
        attention = {
            "near_limit": tuple(nearest_limits(actor, fullest)),
            "full_mailboxes": tuple([nearly_full(row) for row in in_need if row.kind == "full"]),
            "dangling": tuple(first_dangling(actor)),
            "led_to_off": tuple(islice(led_to_off(in_need), SHOWN)),
            "dns": tuple([row for row in in_need if row.kind == "dns"]),
            "ending": tuple([ending_soon(row) for row in in_need if row.kind == "ending"]),
            "unusual": tuple([row for row in in_need if row.kind == "sender"]),
        }
        return super().get_context_data(
            attention={**attention, "host": host_name()},
            greeting=greeting(timezone.localtime().hour),
            fullest=tuple(fullest),
            nearly_full=NEARLY_FULL,
            log_entries=log_entries(actor),
            **figures_over_time(actor, self.request.GET),
            domain_count=domain_count(actor),
            count_bound=COUNT_BOUND,
            **kwargs,
        )


class NearlyFull(NamedTuple):
    mailbox: str
    used: int  # bytes
    quota: int  # bytes
    full_in: str | None


class EndingSoon(NamedTuple):
    address: str
    last_day: date
    action: str
    is_mailbox: bool


def led_to_off(rows):
    return (row for row in rows if row.kind == "off" and row.text)


def ending_soon(row):
    return EndingSoon(row.pk, row.first, row.text, bool(row.username__quota))


def nearly_full(row):
    used, quota = row.username__usage__bytes, row.username__quota
    return NearlyFull(row.pk, used, quota, figures.full_in(row.first, row.at_first, used, quota))


class NearLimit(NamedTuple):
    """The limits that are nearly reached, each (used, limit); None where one is not near."""

    domain: str
    mailboxes: tuple | None = None
    aliases: tuple | None = None
    allotted: tuple | None = None  # (bytes, MB)


def greeting(hour):
    if 5 <= hour < 12:
        return _("Good morning")
    return _("Good afternoon") if 12 <= hour < 18 else _("Good evening")


PLOTTED = ("storage", "mailboxes", "changes")


def figures_over_time(actor, query):
    days = figures.period(query)
    rows = figures.days_in_sight(actor, figures.since(days))
    found = figures.figures_of(rows, PLOTTED)
    return {
        "days": days,
        "figures": tuple(found.values()),
        "shown_figure": found.get(query.get("figure")) or found.get(PLOTTED[0]),
        "begin": rows[0].day if rows else None,
    }


def domain_count(actor):
    return all_domains()[0] if actor.is_superadmin else len(actor.scope_domains)


@prepared_counts
def all_domains():
    return [Domain.objects.order_by()[: COUNT_BOUND + 1]]


@in_scope(prepared_union)
def in_trouble(actor, since, yesterday, soon):
    """The fullest mailboxes; the first that are off, with an alias that leads there, if there is one, as ``text``; the
    domains whose DNS must be mended, with what is wrong there as ``text``; the logins that sent far more than usual
    since ``yesterday``, with the number of recipients as ``text``; and what ends until ``soon``, its last day as ``first``, what
    happens then as ``text``, and whether it is a mailbox where others have their quota.
    """
    nothing = Value(None, CharField())
    mailboxes = FullMailbox.objects.visible_to(actor).filter(percent__gte=NEARLY_FULL)
    mailboxes = figures.with_first_size(mailboxes, "pk", since)
    columns = ("pk", "username__quota", "username__usage__bytes", "first", "at_first")
    mailboxes = mailboxes.annotate(kind=Value("full"), text=nothing).order_by("-percent")
    leads = AliasTarget.objects.visible_to(actor).filter(bare=OuterRef("pk"))
    leads = leads.filter(Exists(Alias.objects.filter(pk=OuterRef("alias"), active=True)))
    # All of them: asked only for those with a lead, MariaDB would put together every lead there is.
    off = Mailbox.objects.filter(pk__in=_first_off(actor)).order_by("pk")
    off = off.annotate(text=Subquery(leads.values("alias")[:1]))
    dns = DomainDNS.objects.visible_to(actor).with_problems().order_by("problems", "pk")
    sent = SenderDay.objects.visible_to(actor).filter(unusual=True, day__gte=Value(yesterday))
    sent = sent.order_by("-day", "-recipients").annotate(number=Cast("recipients", CharField()))
    ends = Ending.objects.visible_to(actor).filter(last_day__lte=Value(soon))
    ends = ends.annotate(is_mailbox=Exists(Mailbox.objects.filter(pk=OuterRef("pk"))))
    ends = ends.order_by("last_day", "pk")
    return (
        mailboxes.values_list("kind", *columns, "text", named=True)[:SHOWN],
        off.values_list(Value("off"), "pk", *[nothing] * 4, "text")[:OFF],
        dns.values_list(Value("dns"), "pk", *[nothing] * 4, "problems")[:SHOWN],
        sent.values_list(Value("sender"), "sender", *[nothing] * 4, "number")[:SHOWN],
        ends.values_list(
            Value("ending"), "pk", "is_mailbox", nothing, "last_day", nothing, "action"
        )[:SHOWN],
    )


def _first_off(actor):
    """Keys of the first OFF mailboxes that are off, in a table of its own: MariaDB has no limit within IN (…)."""
    rows = Mailbox.objects.visible_to(actor).filter(active=False).order_by("domain", "pk")
    try:
        sql, params = rows.values("username")[:OFF].query.sql_with_params()
    except EmptyResultSet:  # nobody's domains
        return []
    return RawSQL(f"SELECT first_off.username FROM ({sql}) first_off", params)  # noqa: S608, S611 -- by Django


def log_entries(actor):
    """The newest entries. Of several domains, each is read from the end of its own index.

    All together, MariaDB would pass over every newer entry of all other domains.
    """
    domains = actor.scope_domains
    if len(domains) < 2:
        return newest_entries(actor)
    if len(domains) > SHOWN:
        domains = last_active_domains(actor)
    return newest_of(*domains) if domains else []


LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


@in_scope(prepared)
def newest_entries(actor):
    entries = LogEntry.objects.visible_to(actor).order_by("-timestamp", "-pk")
    last = entries.values("timestamp")[LOOKED_AT - 1 : LOOKED_AT]
    # Of their rows, no more are read than are shown.
    entries = entries.filter(timestamp__gte=Coalesce(Subquery(last), Value(LONG_AGO)))
    return entries.exclude(action__in=of_kind(SIGN_INS)).stored()[:SHOWN]


@in_scope(prepared)
def last_active_domains(actor):
    rows = LogEntry.objects.visible_to(actor).values("domain").annotate(last=Max("timestamp"))
    return rows.order_by("-last").values_list("domain", flat=True)[:SHOWN]


NEWEST = "ORDER BY timestamp DESC, id DESC LIMIT"
CHANGES = f"action NOT IN ({', '.join(repr(name) for name in of_kind(SIGN_INS))})"


@prepared
def newest_of(*domains):
    one = f"SELECT id FROM (SELECT id FROM log WHERE domain = %s {NEWEST} {SHOWN}) AS newest"  # noqa: S608
    found = " UNION ALL ".join([one] * len(domains))
    return LogEntry.objects.raw(
        f"SELECT log.*, changes AS stored FROM ({found}) AS found JOIN log USING (id) WHERE {CHANGES} {NEWEST} {SHOWN}",  # noqa: S608
        domains,
    )


def by_fullness(actor):
    rows = DomainUsage.objects.visible_to(actor)
    columns = ("pk", "fullness", "mailboxes", "alias_rows", "allotted")
    limits = ("domain__mailboxes", "domain__aliases", "domain__quota")
    return rows.order_by("-fullness").values_list(*columns, *limits, named=True)


@in_scope(prepared)
def fullest_domains(actor):
    return by_fullness(actor)[:SHOWN]


def nearest_limits(actor, fullest):
    """``near_limit()`` of the SHOWN ``fullest`` domains that have one.

    More are read, up to COUNT_BOUND in one statement, only if some that seem near one have none.
    """
    near = [row for usage in fullest if (row := near_limit(usage))]
    if len(near) < SHOWN == len(fullest) and fullest[-1].fullness >= NEARLY_FULL:
        # Equal ones may come in another order this time.
        seen = {usage.pk for usage in fullest}
        rest = by_fullness(actor).filter(fullness__gte=NEARLY_FULL)[:COUNT_BOUND]
        near += [row for usage in rest if usage.pk not in seen and (row := near_limit(usage))]
    return near[:SHOWN]


def near_limit(usage):
    """A NearLimit, or None.

    ``DomainUsage.fullness`` only finds candidates; the limits themselves decide. ``allotted`` is in bytes.
    """
    aliases = max(0, usage.alias_rows - usage.mailboxes)
    used = {
        "mailboxes": (usage.mailboxes, usage.domain__mailboxes, 1),
        "aliases": (aliases, usage.domain__aliases, 1),
        "allotted": (usage.allotted, usage.domain__quota, settings.QUOTA_MULTIPLIER),
    }
    near = {
        name: (count, limit)
        for name, (count, limit, unit) in used.items()
        if limit > UNLIMITED and count * 100 >= limit * unit * NEARLY_FULL
    }
    return NearLimit(usage.pk, **near) if near else None


class Search(AdministratorsPage):
    template_engine = "jinja2"

    def get_template_names(self):
        part = "HX-Request" in self.request.headers
        return ["search_results.html" if part else "mailadmin/search.html"]

    def get_context_data(self, **kwargs):
        text = self.request.GET.get("q", "").strip()
        found = search.look(self.actor, text)
        return super().get_context_data(q=text, shown=search.SHOWN, **found, **kwargs)


class Account(View):
    def dispatch(self, request, *args, **kwargs):
        page = OwnMailbox if request.user.is_mailbox_user else OwnAccount
        return page.as_view()(request, *args, **kwargs)


@login_not_required
def health(request):
    """For balancers and monitoring: 200 if the database reads and saves, else 503 and why."""
    try:
        trouble = server.trouble(connection)
    except Error as error:
        trouble = transactions.reason_of(error) or "away"
    if trouble:
        return HttpResponse(f"database {trouble}\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")


def page_not_found(request, exception):
    """404, for administrators between the panel's own columns, which say nothing of what the address names."""
    request.resolver_match = None
    return defaults.page_not_found(request, exception)


def server_error(request):
    """500; or 503 if the database does not answer or does not save.

    Not a middleware: the session and the account are read before any view.
    """
    error = sys.exc_info()[1]
    if isinstance(
        error, ObjectDoesNotExist
    ):  # tables restored without triggers: a row that they keep is missing
        return HttpResponseServerError(render_to_string("500.html", {"missing": True}))
    reason = transactions.reason_of(error) if isinstance(error, Error) else None
    if reason or isinstance(error, OperationalError):
        if reason not in {None, "busy"}:
            connection.close()  # the next page may find another server
        # It may have been saved by then: what failed is the page that says so.
        posted = request.method == "POST"
        page = render_to_string("503.html", {"reason": reason, "posted": posted})
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return HttpResponse(page, status=503, headers=headers)
    return HttpResponseServerError(render_to_string("500.html"))
