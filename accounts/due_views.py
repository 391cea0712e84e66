"""Where somebody is led whose password must be another one, and can do nothing else."""

from django.contrib.messages import SUCCESS
from django.contrib.messages.storage.base import Message
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import password_due
from accounts.forms import OwnPasswordForm
from accounts.own import OfOwnSignIn, OwnFormView, OwnPasswordMixin
from accounts.views import hide_passwords
from panel.pages import safe_next


class PasswordDueForm(OwnPasswordForm):
    def save(self):
        password_due.set_own(account=self.actor, password=self.cleaned_data["password"])


@hide_passwords
class PasswordDue(OfOwnSignIn, OwnPasswordMixin, OwnFormView):
    template_name = "registration/password_due.html"
    form_class = PasswordDueForm

    def dispatch(self, request, *args, **kwargs):
        if not self.actor.must_set_password and not self.answer_again():
            return HttpResponseRedirect(self.place())
        return super().dispatch(request, *args, **kwargs)

    def place(self):
        return safe_next(self.request, reverse("dashboard"))

    def get_context_data(self, **kwargs):
        return super().get_context_data(next=safe_next(self.request, ""), **kwargs)

    def save(self, form):
        form.save()
        return self.place(), [Message(SUCCESS, self.saved())]

    def saved(self):
        if self.actor.is_mailbox_user:
            return _("Your new password is saved. Use it in your mail programs too.")
        return _("Password changed. Other sessions are signed out.")
