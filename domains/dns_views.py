"""The DNS of a domain and of this mail server. A page shows what was found last; only a POST asks the DNS."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from domains.dns import states, words, zone
from domains.dns.findings import MISSING, NOT_ASKED
from domains.dns.host import host_name
from domains.dns.mta_sts import sts_policy
from domains.models import Domain, DomainDNS
from panel.pages import ConfirmView, ScopedDetailView, ScopedMixin


class DNSPages:
    model = Domain
    scope = "visible_to"
    context_object_name = "domain"

    def get_queryset(self):
        return super().get_queryset().select_related("dns", "alias_of")

    def findings(self):
        return states.findings_of(getattr(self.object, "dns", None))


class ChecksMixin:
    template_engine = "jinja2"
    template_name = "domains/dns.html"
    http_method_names = ["get", "head", "post", "options"]

    def shown(self, row):
        findings = states.findings_of(row)
        return {
            "row": row,
            "findings": findings,
            "words": words,
            "lines": zone.lines,
            "can_publish": zone.is_set_up() and bool(zone.to_publish(findings)),
        }

    def told(self, row):
        found = states.findings_of(row)
        if any(finding.state == NOT_ASKED for finding in found):
            return messages.WARNING, _(
                "Checked. Some of it could not be asked: no resolver answered."
            )
        if row.problems:
            return messages.WARNING, _("Checked. To be mended: %(records)s.") % {
                "records": row.problems
            }
        return messages.SUCCESS, _("Checked. What mail needs is there.")


class DomainDNSPage(DNSPages, ChecksMixin, ScopedDetailView):
    right = "dns:read"
    right_to_change = "dns:write"

    def post(self, request, *args, **kwargs):
        domain = self.get_object()
        if "meant" in request.POST:
            messages.add_message(request, *self.mean(domain, request.POST["meant"] == "1"))
        else:
            messages.add_message(request, *self.told(states.check_and_store(domain)))
        return HttpResponseRedirect(request.path)

    def mean(self, domain, meant):
        try:
            states.mean_mx(actor=self.actor, domain=domain, meant=meant)
        except ValidationError as error:
            return messages.WARNING, " ".join(error.messages)
        if meant:
            return messages.SUCCESS, _("Noted. These MX records need nobody any more.")
        return messages.SUCCESS, _("Noted. These MX records need somebody.")

    def get_context_data(self, **kwargs):
        row = getattr(self.object, "dns", None)
        return super().get_context_data(**self.shown(row), **kwargs)


class HostDNSPage(ChecksMixin, ScopedMixin, TemplateView):
    model = DomainDNS
    scope = "manageable_by"
    superadmins_only = True

    def post(self, request, *args, **kwargs):
        messages.add_message(request, *self.told(states.check_and_store(None)))
        return HttpResponseRedirect(request.path)

    def get_context_data(self, **kwargs):
        row = self.get_queryset().filter(pk=host_name()).first()
        return super().get_context_data(
            domain=None, host=settings.MAIL_HOSTNAME, **self.shown(row), **kwargs
        )


class DomainZone(DNSPages, ScopedDetailView):
    right = "dns:read"

    def render_to_response(self, context, **kwargs):
        return HttpResponse(
            zone.zone_file(self.findings()),
            content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{self.object.pk}.zone"'},
        )


class DomainDNSPublish(DNSPages, ConfirmView):
    """Write chosen records into the zone. What is missing is ticked; what would replace another record is not."""

    scope = "manageable_by"
    superadmins_only = True
    template_name = "domains/dns_publish.html"

    def get_context_data(self, **kwargs):
        choices = [
            {
                "key": finding.key,
                "label": words.label(finding.topic),
                "lines": [*zone.lines(finding)],
                "seen": finding.seen,
                "ticked": finding.state == MISSING,
            }
            for finding in zone.to_publish(self.findings())
        ]
        is_set_up = zone.is_set_up()
        return super().get_context_data(
            choices=choices,
            server=settings.DNS_UPDATE_SERVER,
            is_set_up=is_set_up,
            nothing_to_do=not (is_set_up and choices),
            **kwargs,
        )

    def perform(self):
        chosen = set(self.request.POST.getlist("record"))
        findings = [one for one in zone.to_publish(self.findings()) if one.key in chosen]
        zone.publish(actor=self.actor, domain=self.object, findings=findings)
        self.success_message = _(
            "Published for %(object)s. Resolvers may know the old records for a while; then check again."
        )
        return reverse("domain-dns", args=[self.object.pk])


@login_not_required
def mta_sts(request, domain):
    """The policy of MTA-STS; nginx has it asked for at https://mta-sts.DOMAIN/.well-known/mta-sts.txt."""
    policy = sts_policy()
    if not policy or not Domain.objects.filter(pk=domain, active=True).exists():
        raise Http404
    return HttpResponse(policy, content_type="text/plain; charset=utf-8")
