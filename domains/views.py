from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.db.models import Case, CharField, F, Max, Min, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Concat
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import Admin
from aliases.answers import role_answers
from aliases.effects import missing_role_target, role_target_warning
from aliases.models import Alias
from aliases.views import treatment_of_referrers
from domains import checklist, copies, places, resellers, sending_limits, services
from domains.forms import DomainCreateForm, DomainForm
from domains.lists import WordSearchMixin
from domains.models import AliasDomain, Copy, Domain, DomainAdmin, DomainUsage, RoutingLock
from mailboxes.keeping import tag_of
from mailboxes.restoring import warning_about
from panel.addresses import lookup_key, normalise_address
from panel.bulk import BulkView
from panel.export import TableMixin
from panel.formats import limit, mb
from panel.pages import (
    ConfirmView,
    ScopedDetailView,
    ScopedFormView,
    ScopedListView,
    StateView,
)
from panel.paging import COUNT_BOUND
from panel.prepared import padded, prepared
from panel.scoping import (
    domains_in_sight,
    domains_managed,
    may_change_role_addresses,
    resells,
    sees_all_domains,
)
from panel.transactions import in_transaction

SHOWN = 20
DELETED_TOGETHER = 10_000  # addresses: other changes wait for RoutingLock meanwhile, some seconds


class DomainPages:
    model = Domain
    scope = "visible_to"
    context_object_name = "domain"

    def get_queryset(self):
        return super().get_queryset().select_related("usage")


class ResoldPages(DomainPages):
    """Of superadmins, and of the reseller whose domain it is."""

    scope = "resold_by"
    superadmins_only = resellers_too = True

    def get_object(self, queryset=None):
        # Not as a prepared statement, which knows roles and not names.
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])


class DomainList(DomainPages, TableMixin, WordSearchMixin, ScopedListView):
    right = "domains:read"
    template_name = "domains/domain_list.html"
    word_kinds = ("domain",)
    orderings = {
        "name": ("pk",),
        "mailboxes": ("usage__mailboxes", "usage__domain"),
        "storage": ("usage__used", "usage__domain"),
    }
    default_ordering = "name"
    shown = (
        *("pk", "description", "mailboxes", "aliases", "quota", "backupmx", "active"),
        *("usage__domain", "usage__mailboxes", "usage__alias_rows", "usage__used"),
        *("alias_of__target_domain_id", "first_admin", "dns__problems", "reseller"),
    )

    table_name = "domains"
    table_columns = {
        "domain": _("Domain"),
        "description": _("Description"),
        "mailboxes": _("Mailboxes"),
        "aliases": _("Aliases"),
        "used_mb": _("Storage used, MB"),
        "administrator": _("Administrator"),
        "backup_mx": _("Backup MX"),
        "target_domain": _("Another name for"),
        "active": _("Active"),
    }

    def line(self, row):
        counts = row.usage__mailboxes, max(0, row.usage__alias_rows - row.usage__mailboxes)
        used = round(row.usage__used / settings.QUOTA_MULTIPLIER, 2)
        other = row.first_admin, row.backupmx, row.alias_of__target_domain_id, row.active
        return row.pk, row.description, *counts, used, *other

    @cached_property
    def filters(self):
        get = self.request.GET.get
        return {"q": get("q", "").strip(), "state": get("state", "")}

    def filter_rows(self, rows):
        filters = self.filters
        if filters["q"] and not self.words:
            rows = rows.search(lookup_key(filters["q"]))
        if filters["state"] in {"on", "off"}:
            rows = rows.filter(active=filters["state"] == "on")
        elif filters["state"] == "backupmx":
            rows = rows.filter(backupmx=True)
        # A range of an index, so that MariaDB begins with the counters.
        column = self.columns()[0]
        return rows if column == "pk" else rows.filter(**{f"{column}__gte": 0})

    def state_wanted(self):
        if self.filters["state"] == "backupmx":
            return self.of_rows("backupmx =", True)
        return super().state_wanted()

    def jump_values(self, text):
        return (lookup_key(text) + self.end,)

    def rows_of(self, keys):
        rows = super().rows_of(keys)
        if any(row.usage__mailboxes is None for row in rows):
            raise DomainUsage.DoesNotExist
        return rows

    @staticmethod
    def annotated(rows):
        return with_admins(rows)

    def get_context_data(self, **kwargs):
        budget = resellers.budget_in_words(self.actor) if self.actor.is_reseller else ()
        return super().get_context_data(budget=budget, **kwargs)


def with_admins(rows):
    """Add ``first_admin``, of each domain's administrators the first, with " …" if there are others."""
    links = DomainAdmin.objects.filter(domain=OuterRef("pk"), active=True).order_by()
    others = Case(When(Q(last=F("first")), then=Value("")), default=Value(" …"))
    names = links.values("domain").annotate(first=Min("username_id"), last=Max("username_id"))
    names = names.values_list(Concat("first", others, output_field=CharField()))
    return rows.annotate(first_admin=Subquery(names))


class DomainSettings(DomainPages, ScopedDetailView):
    right = "domains:read"
    template_name = "domains/domain_settings.html"
    template_engine = "jinja2"

    def get_queryset(self):
        return super().get_queryset().select_related("alias_of__target_domain")

    def get_context_data(self, **kwargs):
        domain = self.object
        alias_of = getattr(domain, "alias_of", None)
        return super().get_context_data(
            alias_of=alias_of,
            admins=admins_at(domain),
            roles=role_answers(domain) if domain.ends_here and alias_of is None else (),
            may_create_roles=may_change_role_addresses(self.actor),
            sending_limit=sending_limits.are_kept() and domain.sending_limit,
            changes=resells(self.actor, domain),
            **kwargs,
        )


@prepared
def _admins_at(*names):
    return Admin.objects.names_at(*names)[: SHOWN + 1]


def admins_at(*domains):
    return _admins_at(*padded(domain.pk for domain in domains))


class BudgetMixin:
    def get_context_data(self, **kwargs):
        budget = resellers.budget_in_words(self.actor) if self.actor.is_reseller else ()
        return super().get_context_data(budget=budget, **kwargs)


class DomainCreate(BudgetMixin, DomainPages, ScopedFormView):
    scope = "manageable_by"
    superadmins_only = resellers_too = True
    template_name = "domains/domain_form.html"
    form_class = DomainCreateForm

    def save(self, form):
        url, told = super().save(form)
        is_alias = form.cleaned_data.get("alias_of") is not None
        if not is_alias:
            checklist.begin(self.request, self.object)
        target = "" if is_alias else missing_role_target(self.object)
        warnings = [
            role_target_warning(target) if target else "",
            warning_about(self.actor, self.object.pk),
        ]
        return url, told + [Message(messages.WARNING, text) for text in filter(None, warnings)]

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            in_a_sentence=in_a_sentence(settings.DOMAIN_DEFAULTS), **kwargs
        )

    def get_success_message(self, form):
        created = gettext("Domain %(object)s created.") % {"object": self.object}
        alias_of = form.cleaned_data.get("alias_of")
        if alias_of is not None:
            leads = gettext("Mail for each name in it goes to the same name in %(domain)s.")
            return f"{created} {leads % {'domain': alias_of}}"
        return format_html(
            '{} <a href="{}">{}</a>',
            created,
            reverse("domain-new-address", args=[self.object.pk]),
            gettext("Add its first mailbox"),
        )

    def get_initial(self):
        try:
            role_target = normalise_address(self.actor.username)
        except ValidationError:  # admin@localhost
            role_target = ""
        return settings.DOMAIN_DEFAULTS | {
            "transport": "virtual",
            "role_target": role_target,
            "alias_of": places.likely(self.request),
        }


def in_a_sentence(limits):
    counts = [
        ngettext("%(n)s mailbox", "%(n)s mailboxes", limits["mailboxes"]),
        ngettext("%(n)s alias", "%(n)s aliases", limits["aliases"]),
    ]
    numbers = [limits["mailboxes"], limits["aliases"]]
    parts = [text % {"n": limit(number)} for text, number in zip(counts, numbers, strict=True)]
    if limits["maxquota"] > 0:
        parts.append(gettext("%(size)s each") % {"size": mb(limits["maxquota"])})
    if limits["quota"] > 0:
        parts.append(gettext("%(size)s together") % {"size": mb(limits["quota"])})
    return ", ".join(parts)


class DomainEdit(BudgetMixin, ResoldPages, ScopedFormView):
    template_name = "domains/domain_form.html"
    form_class = DomainForm
    success_message = _("Domain %(object)s saved.")

    def get_initial(self):
        return {name: getattr(self.object, name) for name in DomainForm.base_fields}


class DomainState(ResoldPages, StateView):
    template_name = "domains/domain_confirm_state.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(**consequences(self.actor, [self.object]), **kwargs)

    def set_active(self, active):
        services.set_domain_active(actor=self.actor, domain=self.object, active=active)


class DomainDelete(ResoldPages, ConfirmView):
    template_name = "domains/domain_confirm_delete.html"
    success_message = _("Domain %(object)s deleted.")

    def get_queryset(self):
        return super().get_queryset().select_related("alias_of")

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            alias_of=getattr(self.object, "alias_of", None),
            admins=admins_at(self.object),
            **consequences(self.actor, [self.object], deleted=True),
            **copies_from_others(self.actor, [self.object]),
            **kwargs,
        )

    def perform(self):
        if lookup_key(self.request.POST.get("confirm", "")) != self.object.pk:
            raise ValidationError(_("Type the domain’s name to delete it."), "not_confirmed")
        post = self.request.POST
        kept = services.delete_domain(
            actor=self.actor,
            domain=self.object,
            drop_links="links" in post,
            **treatment_of_referrers(post),
        )
        self.tag = tag_of(kept) if sees_all_domains(self.actor) else None
        return reverse("domain-list")


def consequences(actor, domains, *, deleted=False):
    """What leads there and is seen; where they are deleted, what the actor may treat, and the number of other aliases."""
    # Once, and not a page and a count: it reads all targets in the domains.
    targets = _targets_from_others(*padded(sorted(domain.pk for domain in domains)))
    links, elsewhere = alias_domains_of(domains), 0
    if deleted:
        targets, elsewhere = services.cleanable_targets(actor, targets)
    else:
        seen = domains_in_sight(actor, {target.owner for target in targets})
        targets = [target for target in targets if target.owner in seen]
    told = domains_managed if deleted else domains_in_sight
    seen = told(actor, {link.pk for link in links})
    return {
        "alias_domains": [link for link in links if link.pk in seen],
        "referrers": targets[:SHOWN],
        "referrers_count": len(targets),
        "referrers_emptied": emptied_by(domains, targets),
        "referrers_elsewhere": elsewhere,
    }


@prepared
def _targets_from_others(*names):
    return Alias.targets_from_other_domains(*names)[: COUNT_BOUND + 1]


def copies_from_others(actor, domains):
    return copies.ending(actor, _copies_from_others(*padded(domain.pk for domain in domains)))


@prepared
def _copies_from_others(*names):
    others = Copy.objects.exclude(domain__in=names).filter(goto_domain__in=names)
    return others.order_by("domain", "direction", "address")[: COUNT_BOUND + 1]


def emptied_by(domains, targets):
    names = {domain.pk for domain in domains}
    return [
        alias
        for alias in _aliases_named(*padded(sorted({target.alias for target in targets})))
        if not {target.lower().rpartition("@")[2] for target in alias.targets} - names
    ]


@prepared
def _aliases_named(*names):
    rows = Alias.objects.filter(pk__in=names, is_self_alias=False)
    return rows.only("pk", "goto").order_by("pk")


def alias_domains_of(domains):
    return _alias_domains_of(*padded(domain.pk for domain in domains))


@prepared
def _alias_domains_of(*names):
    links = AliasDomain.objects.filter(target_domain__in=names).exclude(pk__in=names)
    return links.order_by("pk")[: SHOWN + 1]


class DomainBulk(ResoldPages, BulkView):
    template_name = "domains/domain_confirm_bulk.html"
    counts_rows = False  # but the addresses in them
    list_url_name = "domain-list"
    summaries = {
        "activate": ngettext_lazy("%(n)d domain is on.", "%(n)d domains are on.", "n"),
        "deactivate": ngettext_lazy("%(n)d domain is off.", "%(n)d domains are off.", "n"),
        "delete": ngettext_lazy("%(n)d domain deleted.", "%(n)d domains deleted.", "n"),
    }

    def get_queryset(self):
        return super().get_queryset().select_related("usage", "alias_of")

    def consequences(self, rows):
        deleted = self.request.POST.get("action") == "delete"
        return consequences(self.actor, rows, deleted=deleted) | {
            "addresses": addresses_in(rows),
            "admins": admins_at(*rows),
            **copies_from_others(self.actor, rows),
        }

    def perform(self, action, rows):
        if action != "delete":
            return super().perform(action, rows)
        kept = self.delete_all(rows)
        tag = tag_of(*kept) if sees_all_domains(self.actor) else None
        self.told.append(Message(messages.SUCCESS, self.summary(action, len(rows)), tag))

    @in_transaction
    def delete_all(self, rows):
        # All or none: an alias domain must not stay without its target.
        RoutingLock.hold()
        found = list(self.get_queryset().filter(pk__in=[row.pk for row in rows]))
        if len(found) != len(rows):
            raise Http404
        self.check_deletion(found)
        post = self.request.POST
        return services.delete_domains(
            actor=self.actor,
            domains=found,
            drop_links="links" in post,
            **treatment_of_referrers(post),
        )

    def check_deletion(self, rows):
        links = alias_domains_of(rows)
        managed = domains_managed(self.actor, {link.pk for link in links})
        alias_domains = [link for link in links if link.pk in managed]
        if alias_domains and "links" not in self.request.POST:
            raise ValidationError(
                _("Alias domains lead here: %(sources)s. Delete these links too, or first."),
                "alias_domains",
                {"sources": ", ".join(str(link) for link in alias_domains[:5])},
            )
        number = addresses_in(rows)
        if number > DELETED_TOGETHER and len(rows) > 1:
            raise ValidationError(
                ngettext(
                    "At most %(limit)d address is deleted at once. Delete large domains one by one.",
                    "At most %(limit)d addresses are deleted at once. Delete large domains one by one.",
                    DELETED_TOGETHER,
                ),
                "too_many",
                {"limit": DELETED_TOGETHER},
            )
        if self.request.POST.get("confirm", "").strip() != str(number):
            raise ValidationError(
                _("Type how many addresses are deleted: %(number)s."),
                "not_confirmed",
                {"number": number},
            )

    def activate(self, row):
        services.set_domain_active(actor=self.actor, domain=row, active=True)

    def deactivate(self, row):
        services.set_domain_active(actor=self.actor, domain=row, active=False)


def addresses_in(domains):
    return sum(domain.usage.mailboxes + domain.alias_count for domain in domains)
