from django import forms
from django.utils.translation import gettext_lazy as _

from mailboxes import send_as, sharing
from panel.forms import ActorForm

NAME_INPUT = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class SendAsForm(ActorForm):
    """What the mailbox ``instance`` may send as."""

    sender = forms.CharField(
        label=_("Address or domain"),
        max_length=320,
        help_text=_(
            "A mailbox or an alias that you manage; or a whole domain, for every name in it."
        ),
        widget=forms.TextInput(NAME_INPUT),
    )

    def save(self):
        return send_as.let_send_as(actor=self.actor, mailbox=self.instance.pk, **self.cleaned_data)


class SenderForm(ActorForm):
    """Who may send as the address of the mailbox or alias ``instance``."""

    mailbox = forms.CharField(
        label=_("Mailbox"),
        max_length=320,
        help_text=_(
            "Whoever signs in with it may send with this address, besides those who receive it."
        ),
        widget=forms.TextInput(NAME_INPUT),
    )

    def save(self):
        return send_as.let_send_as(actor=self.actor, sender=self.instance.pk, **self.cleaned_data)


class ShareForm(ActorForm):
    """Who opens the mailbox ``instance``."""

    person = forms.CharField(
        label=_("Mailbox"),
        max_length=320,
        help_text=_("Whoever signs in with it sees the shared mailbox beside the own folders."),
        widget=forms.TextInput(NAME_INPUT),
    )
    may_write = forms.BooleanField(
        label=_("May change it"),
        required=False,
        initial=True,
        help_text=_("Write, move and delete mail. If not ticked, read alone."),
    )
    send_as = forms.BooleanField(label=_("May send as it"), required=False, initial=True)

    def save(self):
        return sharing.share_mailbox(actor=self.actor, mailbox=self.instance, **self.cleaned_data)
