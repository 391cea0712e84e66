from django.utils.translation import gettext_lazy as _

from domains.models import Domain
from mailboxes.joining_forms import JoinForm
from panel.pages import PreviewMixin, ScopedFormView


class DomainJoin(PreviewMixin, ScopedFormView):
    model = Domain
    scope = "manageable_by"
    superadmins_only = True
    template_name = "domains/domain_join.html"
    form_class = JoinForm
    success_message = _("%(object)s is another name of %(target)s now.")

    def get_queryset(self):
        return super().get_queryset().select_related("usage")

    def get_success_url(self):
        return self.object.target_domain.get_absolute_url()

    def get_success_message(self, form):
        link = self.object
        return self.success_message % {"object": link, "target": link.target_domain}
