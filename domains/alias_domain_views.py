from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from aliases.models import Alias
from domains import services
from domains.forms import AliasDomainCreateForm, AliasDomainForm
from domains.lists import InDomainMixin
from domains.models import AliasDomain, Domain
from domains.parting_forms import PartForm
from panel.addresses import lookup_key
from panel.bulk import BulkView
from panel.export import TableMixin
from panel.pages import (
    ConfirmView,
    PreviewMixin,
    ScopedFormView,
    ScopedListView,
    StateView,
)
from panel.paging import KeysetMixin
from panel.scoping import acting

SHOWN = 20


class AliasDomainPages:
    model = AliasDomain
    also_gone = (Domain.DoesNotExist,)
    context_object_name = "alias_domain"

    def get_success_url(self):
        return self.back or reverse("aliasdomain-list")


class AliasDomainList(AliasDomainPages, TableMixin, InDomainMixin, KeysetMixin, ScopedListView):
    right = "alias-domains:read"
    scope = "visible_to"
    template_name = "domains/aliasdomain_list.html"
    shown = (
        *("pk", "target_domain_id", "description", "active"),
        *("alias_domain__active", "target_domain__active"),
    )

    table_name = "alias-domains"
    table_columns = {
        "alias_domain": _("Alias domain"),
        "target_domain": _("Leads to"),
        "description": _("Description"),
        "active": _("Active"),
    }

    def line(self, row):
        return row.pk, row.target_domain_id, row.description, row.active

    def in_domain(self, rows):
        name = self.domain_asked
        return rows.filter(Q(pk=name) | Q(target_domain=name)) if name else rows

    def jump_values(self, text):
        return (lookup_key(text) + self.end,)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        keys = [link.pk for link in context["object_list"]]
        mine = AliasDomain.objects.manageable_by(acting(self.actor, AliasDomainEdit.right)).filter(
            pk__in=keys
        )
        return context | {"manageable": set(mine.values_list("pk", flat=True))}


class AliasDomainCreate(AliasDomainPages, ScopedFormView):
    right = "alias-domains:write"
    scope = "manageable_by"
    template_name = "domains/aliasdomain_form.html"
    form_class = AliasDomainCreateForm
    extra_context = {"in_own_domain": True}
    success_message = _("Alias domain %(object)s created.")

    def get_success_message(self, form):
        if not form.is_new:
            return super().get_success_message(form)
        text = _(
            "Domain %(object)s created. Mail for each name in it goes to the same name in %(domain)s."
        )
        return text % {"object": self.object, "domain": form.cleaned_data["target_domain"]}

    def get_initial(self):
        get = self.request.GET.get
        return {"target_domain": get("domain", ""), "alias_domain": get("alias_domain", "")}


class AliasDomainEdit(AliasDomainPages, ScopedFormView):
    right = "alias-domains:write"
    scope = "manageable_by"
    template_name = "domains/aliasdomain_form.html"
    form_class = AliasDomainForm
    success_message = _("Alias domain %(object)s saved.")

    def get_initial(self):
        link = self.object
        return {
            "target_domain": link.target_domain_id,
            "description": link.description,
        }


class AliasDomainDelete(AliasDomainPages, ConfirmView):
    right = "alias-domains:write"
    scope = "manageable_by"
    template_name = "domains/aliasdomain_confirm_delete.html"
    success_message = _("Alias domain %(object)s deleted.")

    def get_context_data(self, **kwargs):
        return super().get_context_data(covered=answered_by(self.actor, [self.object]), **kwargs)

    def perform(self):
        services.delete_alias_domain(actor=self.actor, link=self.object)
        return self.get_success_url()


def answered_by(actor, links):
    catch_alls = {f"@{link.pk}": link.pk for link in links if link.active}
    for address in Alias.objects.filter(pk__in=catch_alls).values_list("pk", flat=True):
        del catch_alls[address]  # it remains
    return list(Alias.covered_targets_in(actor, list(catch_alls.values()))[: SHOWN + 1])


class AliasDomainState(AliasDomainPages, StateView):
    right = "alias-domains:write"
    scope = "manageable_by"
    template_name = "domains/aliasdomain_confirm_state.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(covered=answered_by(self.actor, [self.object]), **kwargs)

    def set_active(self, active):
        services.update_alias_domain(actor=self.actor, link=self.object, active=active)


class AliasDomainOwn(PreviewMixin, AliasDomainPages, ScopedFormView):
    scope = "manageable_by"
    superadmins_only = True
    template_name = "domains/aliasdomain_own.html"
    form_class = PartForm
    success_message = _("%(object)s is a domain of its own now.")

    def get_queryset(self):
        return super().get_queryset().select_related("alias_domain", "target_domain")

    def get_success_url(self):
        return self.object.get_absolute_url()


class AliasDomainBulk(AliasDomainPages, BulkView):
    right = "alias-domains:write"
    scope = "manageable_by"
    template_name = "domains/aliasdomain_confirm_bulk.html"
    list_url_name = "aliasdomain-list"
    summaries = {
        "activate": ngettext_lazy("%(n)d alias domain is on.", "%(n)d alias domains are on.", "n"),
        "deactivate": ngettext_lazy(
            "%(n)d alias domain is off.", "%(n)d alias domains are off.", "n"
        ),
        "delete": ngettext_lazy("%(n)d alias domain deleted.", "%(n)d alias domains deleted.", "n"),
    }

    def consequences(self, rows):
        return {"covered": answered_by(self.actor, rows)}

    def activate(self, row):
        services.update_alias_domain(actor=self.actor, link=row, active=True)

    def deactivate(self, row):
        services.update_alias_domain(actor=self.actor, link=row, active=False)

    def delete(self, row):
        services.delete_alias_domain(actor=self.actor, link=row)
