"""Pages about aliases. A mailbox's own row shows on the mailbox's page instead."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.bulk import BulkView
from accounts.generic import ConfirmView, KeysetMixin, ScopedDetailView, ScopedFormView, ScopedListView
from accounts.models import LogEntry
from aliases import services
from aliases.forms import AliasCreateForm, AliasForm
from aliases.models import Alias, AliasTarget
from aliases.services import aliases_leading_to
from domains.models import Domain
from domains.views import InDomainMixin

SHOWN = 50


class AliasPages:
    """What all pages about one alias or many share."""

    model = Alias
    scope = "manageable_by"
    context_object_name = "alias"

    def get_success_url(self):
        return reverse("alias", args=[self.object.pk])


class AliasList(AliasPages, InDomainMixin, KeysetMixin, ScopedListView):
    scope = "visible_to"
    template_name = "aliases/alias_list.html"
    orderings = {"address": ("domain_id", "address"), "changed": ("modified", "address")}

    def columns(self):
        """Searching everywhere goes by address, for that is the index it reads."""
        columns = super().columns()
        if self.ordering.endswith("address") and self.filters()["q"] and not self.is_narrow():
            return columns[1:]
        return columns

    def is_narrow(self):
        """The rows are those of some domains, so an index begins with the domain."""
        return bool(self.filters()["domain_name"] or self.actor.domain_names)

    def jump_values(self, text):
        if len(self.columns()) == 1:
            return (text,)
        return (text.rpartition("@")[2], text if "@" in text else "")

    def filters(self):
        get = self.request.GET.get
        return {
            "q": get("q", "").strip(),
            "domain_name": get("domain", "").strip().lower(),
            "state": get("state", ""),
        }

    def filter_rows(self, rows):
        filters = self.filters()
        rows = self.in_domain(rows)
        if filters["q"]:
            rows = rows.search(filters["q"])
        if filters["state"] in {"active", "inactive"}:
            rows = rows.filter(active=filters["state"] == "active")
        return rows


class AliasPage(AliasPages, ScopedDetailView):
    scope = "visible_to"
    template_name = "aliases/alias_detail.html"

    def get_context_data(self, **kwargs):
        alias = self.object
        targets = alias.targets
        dangling = set(
            AliasTarget.objects.filter(alias=alias.pk, dangling=True).values_list("target", flat=True)
        )
        return super().get_context_data(
            targets=[(target, target.lower() in dangling) for target in targets[:SHOWN]],
            more_targets=max(0, len(targets) - SHOWN),
            manageable=Alias.objects.manageable_by(self.actor).filter(pk=alias.pk).exists(),
            leading_here=leading_here(self.actor, alias.pk),
            log_entries=recent_entries(alias),
            **kwargs,
        )


def leading_here(actor, address):
    """Aliases the actor may see that name ``address``, at most SHOWN."""
    rows = aliases_leading_to([address])
    if not actor.is_mailbox_user:
        domains = Domain.objects.visible_to(actor)
        rows = rows.filter(domain__in=domains) if actor.domain_names else rows
    return list(rows.order_by("pk")[:SHOWN])


def recent_entries(row, limit=5):
    """The last log entries about an address: read from the newest of its domain."""
    entries = LogEntry.objects.filter(domain=row.domain_id).order_by("-timestamp", "-pk")[:200]
    return [entry for entry in entries if entry.data == row.pk][:limit]


class AliasCreate(AliasPages, ScopedFormView):
    template_name = "aliases/alias_form.html"
    form_class = AliasCreateForm

    def get_initial(self):
        return {
            "domain": self.request.GET.get("domain", ""),
            "targets": self.request.GET.get("target", ""),
        }

    def get_success_message(self, form):
        return _("Alias %(object)s created.") % {"object": self.object}


class AliasEdit(AliasPages, ScopedFormView):
    template_name = "aliases/alias_form.html"
    form_class = AliasForm
    success_message = gettext_lazy("Alias %(object)s saved.")

    def get_initial(self):
        alias = self.object
        return {
            "targets": "\n".join(alias.targets),
            "description": alias.description,
            "active": alias.active,
        }


class AliasState(AliasPages, ConfirmView):
    template_name = "aliases/alias_confirm_state.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            activate=not self.object.active, catch_all=catch_all_of(self.object), **kwargs
        )

    def perform(self):
        active = self.request.POST.get("active") == "1"
        services.set_alias_active(actor=self.actor, alias=self.object, active=active)
        return self.get_success_url()


class AliasDelete(AliasPages, ConfirmView):
    template_name = "aliases/alias_confirm_delete.html"
    success_message = gettext_lazy("Alias %(object)s deleted.")

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            catch_all=catch_all_of(self.object),
            **pointing(self.actor, [self.object.pk]),
            **kwargs,
        )

    def perform(self):
        drop_from = pointing(self.actor, [self.object.pk])["pointing"] if "drop" in self.request.POST else ()
        services.delete_alias(actor=self.actor, alias=self.object, drop_from=drop_from)
        return reverse("alias-list")


def pointing(actor, addresses):
    """What else names ``addresses``: aliases the actor may clean up, and how many others there are."""
    rows = aliases_leading_to(addresses)
    # Mailboxes' own rows (forwardings) may be cleaned too, in the domains one manages.
    mine = rows.filter(domain__in=Domain.objects.manageable_by(actor)) if actor.domain_names else rows
    found = list(mine.order_by("pk"))
    others = rows.exclude(pk__in=[alias.pk for alias in found]).count() if actor.domain_names else 0
    return {"pointing": found, "pointing_elsewhere": others}


def catch_all_of(row):
    """The address that takes over when ``row`` answers no more: the domain's active catch-all, or None."""
    address = f"@{row.domain_id}"
    if row.pk == address:
        return None
    return Alias.objects.filter(pk=address, active=True).first()


class AliasBulk(AliasPages, BulkView):
    template_name = "aliases/alias_confirm_bulk.html"
    list_url_name = "alias-list"

    def consequences(self, rows):
        return pointing(self.actor, [row.pk for row in rows])

    def activate(self, row):
        services.set_alias_active(actor=self.actor, alias=row, active=True)

    def deactivate(self, row):
        services.set_alias_active(actor=self.actor, alias=row, active=False)

    def delete(self, row):
        services.delete_alias(actor=self.actor, alias=row, drop_from=self.drop_from)


