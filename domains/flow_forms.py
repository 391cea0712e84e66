from copy import copy

from django import forms
from django.utils.translation import gettext_lazy as _

from domains import copy_services, flow_services, services
from domains.copies import FROM, TO
from panel.forms import ActorForm

NAME_INPUT = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class DeliveryForm(ActorForm):
    transport = forms.CharField(
        label=_("Transport"),
        max_length=255,
        required=False,
        help_text=_(
            "“virtual” delivers here. A server, such as mx.example.org or 192.0.2.7:2525, is handed the mail by SMTP; or"
            " what Postfix writes: lmtp:[192.0.2.7]:24, relay:. Only addresses that are listed here are accepted, unless this is a backup MX."
        ),
        widget=forms.TextInput(NAME_INPUT),
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


class RelayHostForm(ActorForm):
    """The server that mail from a domain leaves through. ``instance`` is the Domain, ``relay`` its RelayHost or None."""

    server = forms.CharField(
        label=_("Server"),
        max_length=250,
        required=False,
        help_text=_(
            "Such as smtp.example.net or smtp.example.net:587. It must offer TLS and have a certificate for this name."
            " Empty: none of its own."
        ),
        widget=forms.TextInput(NAME_INPUT),
    )
    login = forms.CharField(
        label=_("Login there"),
        max_length=flow_services.MAX_SECRET,
        required=False,
        widget=forms.TextInput(NAME_INPUT),
    )
    password = forms.CharField(
        label=_("Password there"),
        max_length=flow_services.MAX_SECRET,
        required=False,
        strip=False,
        help_text=_("Stored encrypted and never shown. Empty: as it is."),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    spf_include = forms.CharField(
        label=_("Included in SPF"),
        max_length=255,
        required=False,
        help_text=_(
            "The name that the provider says to include, such as spf.example.net. Empty: the server’s own addresses."
        ),
        widget=forms.TextInput(NAME_INPUT),
    )

    shown_at = {"next_hop": "server"}

    def __init__(self, *args, relay=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.relay = relay

    def check(self):
        flow_services.check_relay_host(self.relay, **self.values())

    def values(self):
        return {name: self.cleaned_data.get(name, "") for name in self.base_fields}

    def save(self):
        return flow_services.set_relay_host(actor=self.actor, domain=self.instance, **self.values())


class CopyForm(ActorForm):
    direction = forms.ChoiceField(
        label=_("Copy mail"),
        choices=[
            (TO, _("that comes in for it")),
            (FROM, _("that is sent as it, whoever sends it")),
        ],
        widget=forms.RadioSelect,
    )
    local_part = forms.CharField(
        label=_("Name before the @"),
        max_length=64,
        required=False,
        help_text=_(
            "Empty: every address of the domain. A mailbox and its aliases are addresses of their own: only mail that names this one is copied."
        ),
        widget=forms.TextInput(NAME_INPUT),
    )
    goto = forms.CharField(
        label=_("Copy to"),
        max_length=255,
        help_text=_("A mailbox, or an external address. No copy is made of the copy."),
        widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false"}),
    )

    def check(self):
        if {"direction", "goto"} <= self.cleaned_data.keys():
            copy_services.check_copy(actor=self.actor, domain=self.instance, **self.cleaned_data)

    def save(self):
        copy_services.add_copy(actor=self.actor, domain=self.instance, **self.cleaned_data)
        return self.instance
