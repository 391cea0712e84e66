from django import forms
from django.contrib.messages import SUCCESS
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import own_account
from accounts.forms import OwnPasswordForm
from accounts.own import OfOwnSignIn, OwnFormView
from accounts.views import hide_passwords
from panel.forms import ActorForm


class OwnAddressForm(ActorForm):
    email_other = forms.EmailField(
        label=_("Other e-mail address"),
        max_length=255,
        required=False,
        help_text=_("One that you read when this account is closed to you. Empty: none."),
    )
    old_password = OwnPasswordForm.base_fields["old_password"]

    def check_old_password(self):
        try:
            own_account.check_current_password(self.actor, self.cleaned_data["old_password"])
        except ValidationError as error:
            raise ValidationError({"old_password": error}) from error

    def save(self):
        address = self.cleaned_data["email_other"]
        return own_account.set_other_address(account=self.actor, address=address)


@hide_passwords
class OwnAddress(OfOwnSignIn, OwnFormView):
    """The address to which a link goes when the password is forgotten: so it is changed with the password alone."""

    template_name = "own/address.html"
    form_class = OwnAddressForm
    place = "address"

    def get_initial(self):
        return {"email_other": self.actor.email_other}

    def form_valid(self, form):
        try:
            # Before the transaction, which would take back the note of a wrong one.
            form.check_old_password()
        except ValidationError as error:
            return self.refuse(form, error)
        return super().form_valid(form)

    def save(self, form):
        form.save()
        place = self.place if self.actor.is_mailbox_user else ""
        return reverse("account"), [Message(SUCCESS, self.saved(), extra_tags=place)]
