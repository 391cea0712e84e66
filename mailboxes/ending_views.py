from django.utils.translation import gettext_lazy

from aliases.views import AliasPages
from mailboxes.ending_forms import EndingForm, initial
from mailboxes.views import MailboxPages
from panel.pages import ScopedFormView


class EndingView(ScopedFormView):
    template_name = "mailboxes/ending.html"
    form_class = EndingForm
    success_message = gettext_lazy("End of %(object)s saved.")

    def get_initial(self):
        return initial(self.object)

    def get_context_data(self, **kwargs):
        is_mailbox = self.object._meta.model_name == "mailbox"
        return super().get_context_data(row=self.object, is_mailbox=is_mailbox, **kwargs)


class MailboxEnding(MailboxPages, EndingView):
    right = "mailboxes:write"

    def get_queryset(self):
        return super().get_queryset().with_manager()


class AliasEnding(AliasPages, EndingView):
    right = "aliases:write"
