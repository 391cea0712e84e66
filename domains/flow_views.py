from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from domains import main_cf
from domains.copies import MOST
from domains.copy_views import targets_that_take
from domains.flow_forms import DeliveryForm, RelayHostForm
from domains.models import Copy, DomainSenderRule, RelayHost
from domains.senders import MOST_OF_DOMAIN
from domains.views import DomainPages
from panel.pages import ScopedDetailView, ScopedFormView


class DomainFlow(DomainPages, ScopedDetailView):
    right = "domains:read"
    template_name = "domains/flow.html"
    template_engine = "jinja2"

    def get_context_data(self, **kwargs):
        domain = self.object
        relay = RelayHost.objects.filter(pk=domain.pk).first()
        copies = Copy.objects.filter(domain=domain.pk).order_by("-direction", "address")[:MOST]
        needed = main_cf.needed_by(domain) | ({main_cf.RELAY_HOSTS} if relay else set())
        needed |= {main_cf.OF_COPIES[copy.direction] for copy in copies}
        senders = DomainSenderRule.objects.filter(domain=domain.pk).order_by("sender")
        senders = senders[:MOST_OF_DOMAIN]
        needed |= {main_cf.DOMAIN_SENDERS} if senders else set()
        return super().get_context_data(
            due=sorted(main_cf.due(needed)),
            relay=relay,
            copies=copies,
            senders=senders,
            taken=targets_that_take(copies),
            relay_of_all=settings.MAIL_RELAYHOST,
            **kwargs,
        )


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


class DomainRelay(FlowFormView):
    superadmins_only = True
    template_name = "domains/relay_form.html"
    form_class = RelayHostForm
    success_message = _("Relay host of %(object)s saved.")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"relay": self.relay()}

    def get_initial(self):
        relay = self.relay() or RelayHost()
        return {
            "server": relay.next_hop,
            "login": relay.login,
            "spf_include": relay.spf_include,
        }

    def relay(self):
        return RelayHost.objects.filter(pk=self.object.pk).first()
