from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Sum
from django.http import Http404
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from domains.deliveries import ALL, RESULTS, Delivery, DeliveryDay, LogPosition
from mailadmin.deliveries import finding
from mailboxes import figures
from mailboxes.own import OwnPages
from panel.addresses import lookup_key
from panel.export import FORMATS, table
from panel.pages import ScopedMixin
from panel.scoping import sees_all_domains

SILENT = timedelta(minutes=10)  # the follower looks each minute
DAYS = 30
TOGETHER = 500  # rows of a table read at once
PLOTTED = ("incoming", "outgoing", "refused", "deferred")


COLUMNS = {
    "at": _("Time"),
    "sender": _("Envelope sender"),
    "asked": _("Written to"),
    "recipient": _("Recipient"),
    "result": _("Result"),
    "says": _("Answer"),
    "message_id": _("Message-ID"),
    "queue_id": _("Queue ID"),
    "size": _("Size, bytes"),
    "tls": _("Encryption"),
}


class Search:
    def get(self, request, *args, **kwargs):
        format = request.GET.get("as")
        if format not in FORMATS:
            return super().get(request, *args, **kwargs)
        return table(format, "deliveries", COLUMNS, self.every_line())

    def every_line(self):
        asked, after = self.asked(), None
        while True:
            found = finding.find(self.actor, asked, after, TOGETHER)
            for row in found.rows:
                yield [getattr(row, name) for name in COLUMNS]
            after = found.rest
            if not after:
                return

    def texts(self):
        get = self.request.GET.get
        return {name: get(name, "").strip()[:255] for name in ("address", "day", "result", "id")}

    def asked(self):
        texts = self.texts()
        return finding.Asked(
            domains=self.domains,
            address=lookup_key(texts["address"]),
            name=texts["id"].strip("<>"),
            result=texts["result"] if texts["result"] in RESULTS else "",
            day=_day(texts["day"]),
        )

    def found(self):
        texts = self.texts()
        after = self.request.GET.get("after", "")
        after = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None
        found = finding.find(self.actor, self.asked(), after)
        return {
            "rows": found.rows,
            "searched_to": found.searched_to,
            "newest_url": None if after is None else self.url_with(),
            "older_url": self.url_with(after=found.rest) if found.rest else None,
            "texts": texts,
            "results": RESULTS,
            "asks": any(texts.values()),
            **state(),
        }

    def url_with(self, **more):
        query = {key: value for key, value in self.request.GET.items() if key != "after"}
        return "?" + urlencode(query | more)


def state():
    """Whether the log is followed, until when, and what of the last days is missing in it."""
    # Of machines that are gone nobody waits for more.
    lately = timezone.now() - timedelta(days=DAYS)
    rows = list(LogPosition.objects.filter(looked__gte=lately).values_list("looked", "behind"))
    day = timezone.localdate() - timedelta(days=DAYS)
    missing = DeliveryDay.objects.filter(domain=ALL, day__gte=day)
    missing = missing.aggregate(left_out=Sum("left_out"), unread=Sum("unread"))
    looked = min((row[0] for row in rows), default=None)
    return {
        "is_on": bool(settings.DELIVERY_LOGS),
        "looked": looked,
        "is_silent": looked is None or looked < timezone.now() - SILENT,
        "behind": max((row[1] for row in rows), default=0),
        "left_out": missing["left_out"] or 0,
        "unread": missing["unread"] or 0,
        "kept_days": settings.DELIVERIES_DAYS,
        "missing_days": DAYS,
    }


def _day(text):
    try:
        return parse_date(text)
    except ValueError:
        return None


class Deliveries(Search, ScopedMixin, TemplateView):
    right = "deliveries:read"
    http_method_names = ["get", "head", "options"]
    template_engine = "jinja2"
    template_name = "mailadmin/deliveries.html"
    model = Delivery
    scope = "visible_to"

    @cached_property
    def within(self):
        return finding.within(self.actor, lookup_key(self.request.GET.get("domain", "")))

    @property
    def domains(self):
        return self.within[1]

    def get_context_data(self, **kwargs):
        domain, domains = self.within
        self.request.no_such_domain = domain is None
        rows = figures.deliveries_of(domain.pk if domain else ALL, figures.since(DAYS))
        shown = rows if domain or sees_all_domains(self.actor) else ()
        return super().get_context_data(
            domain=domain,
            too_many=domains is not None and len(domains) > finding.MANY,
            figures=tuple(figures.figures_of(shown, PLOTTED).values()),
            **self.found(),
            **kwargs,
        )


class OwnDeliveries(Search, OwnPages, TemplateView):
    http_method_names = ["get", "head", "options"]
    template_name = "own/deliveries.html"

    def get(self, request, *args, **kwargs):
        if not settings.DELIVERIES_FOR_USERS:
            raise Http404
        return super().get(request, *args, **kwargs)

    @property
    def domains(self):
        return (self.actor.domain_id,)

    def texts(self):
        return super().texts() | {"address": self.actor.username, "id": ""}

    def get_context_data(self, **kwargs):
        return super().get_context_data(**self.found(), **kwargs)
