from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import own_account
from mailboxes import app_passwords, services
from mailboxes.models import PROTOCOLS
from panel.forms import ActorForm

USES = {
    "imap": _("Reading mail (IMAP)"),
    "pop3": _("Fetching mail (POP3)"),
    "smtp": _("Sending mail (SMTP)"),
    "sieve": _("Filters (ManageSieve)"),
}
USUAL = ("imap", "smtp")  # what a mail program needs


class OwnPasswordAskedForm(ActorForm):
    old_password = forms.CharField(
        label=_("Password of the mailbox"),
        strip=False,
        max_length=4096,
        error_messages={"required": _("Enter your current password.")},
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def check_old_password(self):
        own_account.check_current_password(self.actor, self.cleaned_data["old_password"])


class AppPasswordForm(OwnPasswordAskedForm):
    """``offer`` is the password that the answer will show. It comes back as it was, so of two clicks the second gets the same answer."""

    offer = forms.CharField(max_length=1_000, widget=forms.HiddenInput())
    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        error_messages={"required": _("Enter a name, such as “Phone”.")},
        help_text=_("By which you know it again, such as “Phone” or “Printer”."),
    )
    networks = forms.CharField(
        label=_("Only from these network addresses"),
        required=False,
        max_length=2_000,
        help_text=_(
            "Addresses or networks, such as 192.0.2.7 or 192.0.2.0/24. Empty: from everywhere."
        ),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    until = forms.DateField(
        label=_("Last day"),
        required=False,
        help_text=_("Empty: until it is revoked."),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, words in USES.items():
            if getattr(self.actor, PROTOCOLS[name]):
                self.fields[name] = forms.BooleanField(
                    label=words, required=False, initial=name in USUAL
                )
        self.order_fields(["name", *USES, "networks", "until", "old_password"])

    @property
    def uses(self):
        return [self[name] for name in USES if name in self.fields]

    def offered(self):
        """The password, or None: the page is an hour old, or made one already."""
        password = app_passwords.offered(self.actor, self["offer"].value() or "")
        used = password and app_passwords.is_used(self.actor, password)
        return None if used else password

    def check(self):
        app_passwords.check_app_password(mailbox=self.actor, **self._values())

    def save(self):
        return app_passwords.make_app_password(
            actor=self.actor, password=self.offered(), **self._values()
        )

    def _values(self):
        values = {name: self.cleaned_data.get(name) for name in ("name", "networks", "until")}
        return values | {"protocols": [name for name in USES if self.cleaned_data.get(name)]}


class AppOnlyForm(OwnPasswordAskedForm):
    app_only = forms.BooleanField(required=False, widget=forms.HiddenInput())

    def save(self):
        return services.update_mailbox(
            actor=self.actor, mailbox=self.actor, app_only=self.cleaned_data["app_only"]
        )
