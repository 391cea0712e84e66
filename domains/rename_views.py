from django.utils.translation import gettext

from aliases.views import RenameMixin
from domains.rename_forms import DomainRenameForm
from domains.views import DomainPages
from panel.addresses import display_domain
from panel.pages import ScopedFormView


class DomainRename(DomainPages, RenameMixin, ScopedFormView):
    scope = "manageable_by"
    superadmins_only = True
    template_name = "domains/domain_rename.html"
    form_class = DomainRenameForm

    def get_initial(self):
        return {"name": display_domain(self.object.pk)}

    def get_success_message(self, form):
        text = (
            gettext("%(old)s is now %(new)s.")
            if form.cleaned_data["give_up"]
            else gettext("%(old)s is now %(new)s, and an alias domain that leads there.")
        )
        return text % {"old": self.old, "new": self.object}
