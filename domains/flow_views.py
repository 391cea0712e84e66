"""A domain's page "Mail flow": where mail to it and from it goes besides its mailboxes and aliases."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from domains import main_cf
from domains.flow_forms import DeliveryForm
from domains.views import DomainPages
from panel.pages import ScopedDetailView, ScopedFormView


class DomainFlow(DomainPages, ScopedDetailView):
    template_name = "domains/flow.html"
    template_engine = "jinja2"

    def get_context_data(self, **kwargs):
        due = sorted(main_cf.due(main_cf.needed_by(self.object)))
        return super().get_context_data(due=due, **kwargs)


class FlowFormView(DomainPages, ScopedFormView):
    scope = "manageable_by"

    def get_success_url(self):
        return reverse("domain-flow", args=[self.object.pk])


class DomainDelivery(FlowFormView):
    superadmins_only = True
    template_name = "domains/delivery_form.html"
    form_class = DeliveryForm
    success_message = _("Domain %(object)s saved.")

    def get_initial(self):
        return {name: getattr(self.object, name) for name in DeliveryForm.base_fields}
