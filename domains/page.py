from datetime import date
from typing import NamedTuple

from django.conf import settings
from django.db.models import Case, OuterRef, Subquery, Sum, TextField, Value, When
from django.db.models.functions import Cast, Concat
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from aliases.away import without_away
from aliases.dead_ends import dead_ends
from aliases.models import Alias, is_role_address
from domains import addresses, checklist, places
from domains.lists import WordSearchMixin
from domains.models import Domain, DomainDNS
from domains.views import with_admins
from mailboxes import figures, order
from mailboxes.models import Mailbox, megabytes
from panel.addresses import lookup_key, split_targets
from panel.export import TableMixin, moment
from panel.pages import ScopedDetailView
from panel.scoping import may_change_role_addresses

# By what is asked for: which rows words.page() finds. Whether a target of it is dead, or another domain answers for it,
# the row itself tells.
STATES = {
    "": None,
    "off": {
        "mailbox": ("mailbox", "username", "active =", False),
        "alias": ("alias", "address", "active =", False),
    },
    "dead": dict.fromkeys(("mailbox", "alias"), ("alias_target", "alias", "unmatched =", True)),
}
ADDED_UP = 500  # mailboxes: above this, a page shows their storage as the last snapshot added it up
MAIL = ("incoming",)
DAYS, PLOTTED = 30, ("storage", "changes")  # of the small plots


class Address(NamedTuple):
    """A row of the list. ``mailbox`` is None for an alias, and the same row of domains/addresses.py for a mailbox."""

    pk: str
    mailbox: addresses.Row | None
    plain: bool  # a mailbox of which there is nothing to say besides the next four
    name: str | None
    bytes: int | None
    quota: int | None
    last_sign_in: int | None
    targets: list
    description: str
    active: bool  # the row of ``alias``
    on: bool
    gone: list  # targets that nobody answers
    locked: bool  # a role address, which the account may not change
    last_day: date | None
    away: bool  # an away message is on; PostfixAdmin's program is none of the targets here
    access: str  # who may write to it: aliases/access.py


class DomainPage(TableMixin, WordSearchMixin, ScopedDetailView):
    """Pages through the domain's ``alias`` rows: each mailbox has its self-alias there."""

    right = "domains:read"
    model = Domain
    scope = "visible_to"
    context_object_name = "domain"
    template_name = "domains/domain_page.html"
    template_engine = "jinja2"
    orderings = {"address": ("address",)}
    word_kinds = ("mailbox", "alias")
    table_name = "addresses"
    table_columns = {
        "address": _("Address"),
        "mailbox": _("Mailbox"),
        "name": _("Person"),
        "recipients": _("Recipients"),
        "description": _("Description"),
        "quota_mb": _("Quota, MB"),
        "used_mb": _("Used, MB"),
        "active": _("Active"),
        "last_sign_in": _("Last sign-in"),
    }

    def line(self, row):
        box = row.mailbox
        of_alias = row.pk, box is not None, box.name if box else "", list(row.targets)
        if box is None:
            return *of_alias, row.description, None, None, bool(row.active), None
        sizes = megabytes(box.quota), megabytes(box.bytes or 0)
        active = bool(box.mailbox_active)
        return *of_alias, row.description, *sizes, active, moment(box.last_sign_in)

    def filter_rows(self, rows):
        return rows

    def get(self, request, *args, **kwargs):
        response = super().get(request, *args, **kwargs)
        places.remember(request, response, self.object.pk)
        return response

    def get_queryset(self):
        catch_all = Alias.objects.filter(pk=Concat(Value("@"), OuterRef("pk")))
        rows = super().get_queryset().select_related("usage", "alias_of__target_domain")
        found = DomainDNS.objects.filter(pk=OuterRef("pk"))
        used = Mailbox.objects.filter(domain=OuterRef("pk")).order_by().values("domain")
        used = Subquery(used.annotate(used=Sum("usage__bytes")).values("used"))
        return figures.with_days(with_admins(rows), DAYS).annotate(
            used=Case(When(usage__mailboxes__lte=ADDED_UP, then=used)),
            catch_all=Subquery(catch_all.values("goto")),
            catch_all_active=Subquery(catch_all.values("active")),
            # As text, which only a new domain's list of steps reads.
            dns_findings=Subquery(found.values(text=Cast("findings", TextField()))),
        )

    def row_named(self, pk):
        return addresses.with_counts(super().row_named(pk), self.actor, pk)

    def get_context_data(self, **kwargs):
        domain = self.object
        catch_all = split_targets(domain.catch_all) if domain.catch_all_active else []
        page = self.paginate(None)
        is_all = not (self.narrowed() or page["next_url"] or page["first_url"])
        is_new, rows = checklist.is_wanted(self.request, domain), page["object_list"]
        return super().get_context_data(
            **page,
            **self.filters,
            alias_of=getattr(domain, "alias_of", None),
            catch_all=catch_all,
            checklist=checklist.steps(domain, rows) if is_all and is_new else [],
            of_kind=addresses.counts_of(domain),
            shows_sign_ins=any(row.last_sign_in for row in rows),
            sorts_mailboxes=domain.usage.mailboxes <= order.SORTED,
            most_sorted=order.SORTED,
            **self.figures(() if is_new else self.past()),
            mail=self.mail_figures(),
            **kwargs,
        )

    @property
    def domain_asked(self):
        return self.object.pk

    def past(self):
        return figures.days_of_domain(self.object.days, figures.since(DAYS))

    def mail_figures(self):
        if not settings.DELIVERY_LOGS:
            return {}
        rows = figures.deliveries_of(self.object.pk, figures.since(DAYS))
        return figures.figures_of(rows, MAIL)

    def figures(self, rows):
        domain = self.object
        used = domain.used or 0
        if domain.usage.mailboxes > ADDED_UP:
            used = int(rows[-1].all_bytes) if rows else None
        found = figures.figures_of(rows, PLOTTED)
        return {"used": used, "figures": found, "all_figures": tuple(found.values())}

    @cached_property
    def filters(self):
        get = self.request.GET.get
        state = get("state", "")
        return {"q": get("q", "").strip(), "state": state if state in STATES else ""}

    def jump_values(self, text):
        return (lookup_key(text).partition("@")[0] + self.end,)

    def keys(self, _no_rows, _columns, descending, values=(), *, inclusive=False):
        """The rows themselves: they come with their keys."""
        filters = self.filters
        return addresses.page(
            *(self.actor, self.object.pk, filters["state"], self.size + 1),
            begin=lookup_key(filters["q"]),
            edge=values[0] if values else None,
            descending=descending,
            inclusive=inclusive,
        )

    def begins_with(self, text):
        found = addresses.keys(self.actor, self.object.pk, "", 1, begin=text)
        return bool(found)

    def state_wanted(self):
        return STATES[self.filters["state"]]

    def rows_found(self, _no_rows, keys):
        found = addresses.rows([key for key in keys if key != f"@{self.object.pk}"])
        rows = self.rows_of(found)
        return [row for row in rows if row.gone] if self.filters["state"] == "dead" else rows

    def count(self, _no_rows):
        """How many there are, but the catch-all; None, not known, of those that a filter finds."""
        domain = self.object
        return None if self.narrowed() else domain.usage.alias_rows - (domain.catch_all is not None)

    def counted(self):
        return True

    def rows_of(self, found):
        gone = dead_ends(self.actor, [row.pk for row in found if row.unmatched])
        may_all = may_change_role_addresses(self.actor)
        return [
            Address(
                *(row.pk, row if row.mailbox else None, row.is_plain),
                *(row.name, row.bytes, row.quota, row.last_sign_in),
                *(targets, row.description, row.active),
                row.mailbox_active if row.mailbox else row.active,
                gone.get(row.pk, ()),
                not may_all and is_role_address(row.pk),
                as_day(row.last_day),
                is_away or bool(row.away),
                row.access,
            )
            for row in found
            if row.goto is not None
            for targets, is_away in [targets_of(row)]
        ]

    def edge_of(self, row):
        return [row.pk]


def targets_of(row):
    if row.goto == row.pk:  # most lead to themselves
        return [row.pk], False
    stored = split_targets(row.goto)
    targets = without_away(row.pk, stored) if row.mailbox else stored
    return targets, targets != stored


def as_day(value):
    return date.fromisoformat(value) if isinstance(value, str) else value  # SQLite has texts
