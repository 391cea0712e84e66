from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from accounts.models import LogEntry
from domains.models import Domain
from mailadmin.doctor import looking
from mailadmin.doctor.checking import CHECKS
from panel import helper
from panel.models import HostLook
from panel.pages import ScopedMixin, with_status
from panel.transactions import in_transaction


class ServerPage(ScopedMixin, TemplateView):
    template_engine = "jinja2"
    template_name = "mailadmin/server.html"
    http_method_names = ["get", "head", "post", "options"]
    model = Domain
    scope = "manageable_by"
    superadmins_only = True

    def post(self, request, *args, **kwargs):
        try:
            if "reload" in request.POST:
                reload_postfix(actor=self.actor)
                messages.success(request, _("Postfix reads its files anew."))
                return HttpResponseRedirect(request.path)
            looking.look_and_store()
            return HttpResponseRedirect(request.path)
        except ValidationError as error:
            response = self.render_to_response(self.get_context_data(errors=error.messages))
            return with_status(response, error)

    def get_context_data(self, **kwargs):
        looks = [(row, looking.findings_of(row)) for row in HostLook.objects.order_by("pk")]
        return super().get_context_data(
            host=settings.MAIL_HOSTNAME,
            has_helper=helper.is_there(),
            looks=looks,
            checks=CHECKS,
            **kwargs,
        )


@in_transaction
def reload_postfix(*, actor):
    LogEntry.objects.record(actor, "reload_postfix", target=settings.MAIL_HOSTNAME)
    # The last step: if the helper refuses, there is no entry either.
    helper.ask("reload-postfix")
