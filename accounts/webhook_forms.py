from copy import copy

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import webhooks
from panel.forms import ActorForm
from panel.log_actions import ADMINS, ALIASES, DOMAINS, MAILBOXES, SIGN_INS

NO_COMPLETION = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
KINDS = {
    MAILBOXES: _("Mailboxes"),
    ALIASES: _("Aliases"),
    DOMAINS: _("Domains"),
    ADMINS: _("Administrators"),
    SIGN_INS: _("Sign-ins"),
}


def field_of(kind):
    return f"of_{kind.replace('-', '_')}"


class WebhookForm(ActorForm):
    """A new webhook, or ``instance``."""

    shown_at = {"events": "actions"}

    url = forms.CharField(
        label=_("URL"),
        max_length=1_000,
        error_messages={"required": _("Enter the URL that is told.")},
        help_text=_("It begins with https://."),
        widget=forms.URLInput(NO_COMPLETION),
    )
    actions = forms.CharField(
        label=_("Single events"),
        required=False,
        max_length=5_000,
        help_text=_("Names as the documentation has them, such as create_mailbox, one a line."),
        widget=forms.Textarea(NO_COMPLETION | {"rows": 3}),
    )
    domains = forms.CharField(
        label=_("Only in these domains"),
        required=False,
        max_length=60_000,
        help_text=_("One name a line. Empty: all of yours, those that come later too."),
        widget=forms.Textarea(NO_COMPLETION | {"rows": 3}),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # What is done with administrators has no domain, so superadmins alone see it.
        kinds = [kind for kind in KINDS if kind != ADMINS or self.actor.is_superadmin]
        self.kind_fields = {field_of(kind): kind for kind in kinds}
        for name, kind in self.kind_fields.items():
            self.fields[name] = forms.BooleanField(label=KINDS[kind], required=False)
        self.order_fields(["url", *self.kind_fields, "actions", "domains"])
        self.initial = (first_values(self.instance) if self.instance else {}) | self.initial

    @property
    def kinds(self):
        return [self[name] for name in self.kind_fields]

    def check(self):
        webhooks.check_webhook(actor=self.actor, webhook=_copy(self.instance), **self._values())

    def save(self):
        if self.instance is None:
            return webhooks.create_webhook(actor=self.actor, **self._values())
        return webhooks.update_webhook(actor=self.actor, webhook=self.instance, **self._values())

    def _values(self):
        data = self.cleaned_data
        values = {name: data[name] for name in ("url", "domains") if name in data}
        if "actions" in data:
            kinds = [kind for name, kind in self.kind_fields.items() if data.get(name)]
            values["events"] = [*kinds, *webhooks.names_in(data["actions"])]
        return values


def _copy(row):
    return row and copy(row)  # which the check changes


def first_values(webhook):
    chosen = webhook.event_names
    values = {field_of(kind): kind in chosen for kind in KINDS}
    return values | {
        "url": webhook.url,
        "actions": "\n".join(name for name in chosen if name not in KINDS),
        "domains": "\n".join(webhook.domain_names),
    }
