from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from domains.forms import DomainField
from domains.models import Domain
from mailboxes.disk import on_disk
from panel import helper
from panel.forms import ActorForm
from panel.pages import ScopedFormView


class DiskForm(ActorForm):
    domain = DomainField(label=_("Domain"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["domain"].limit_to(self.actor)


class DiskPage(ScopedFormView):
    # A POST, since looking costs the disk something; nothing is changed.
    model = Domain
    scope = "manageable_by"
    superadmins_only = True
    template_name = "mailadmin/disk.html"
    form_class = DiskForm

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            has_helper=helper.is_there(), mail_root=settings.VMAIL_ROOT, **kwargs
        )

    def form_valid(self, form):
        domain = form.cleaned_data["domain"]
        try:
            found = on_disk(domain)
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        return self.render_to_response(self.get_context_data(form=form, looked_at=domain, **found))
