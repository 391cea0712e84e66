"""Forms of a domain's page "Mail flow"."""

from copy import copy

from django import forms
from django.utils.translation import gettext_lazy as _

from domains import services
from panel.forms import ActorForm


class DeliveryForm(ActorForm):
    """Where mail to a domain goes."""

    transport = forms.CharField(
        label=_("Transport"),
        max_length=255,
        required=False,
        help_text=_(
            "“virtual” delivers here. A server, such as mx.example.org or 192.0.2.7:2525, is handed the mail by SMTP; or"
            " what Postfix writes: lmtp:[192.0.2.7]:24, relay:. Only addresses that are listed here are accepted, unless this is a backup MX."
        ),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    backupmx = forms.BooleanField(
        label=_("Backup MX"),
        required=False,
        help_text=_(
            "Mail is accepted and passed on to the domain’s primary mail server (primary MX): to the server above, or with"
            " “virtual” to where the MX records lead."
        ),
    )
    verify_recipients = forms.BooleanField(
        label=_("As a backup MX, refuse addresses that the primary server does not know"),
        required=False,
        help_text=_(
            "Postfix asks it before it accepts mail. While it is away, mail is accepted for addresses that it"
            " confirmed in the last 31 days; for others, senders are told to come back."
        ),
    )

    def clean_transport(self):
        return self.cleaned_data["transport"] or "virtual"

    def check(self):
        services.check_domain(copy(self.instance), **self.changed())

    def save(self):
        return services.update_domain(actor=self.actor, domain=self.instance, **self.changed())
