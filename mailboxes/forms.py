"""Forms for mailboxes, for administrators and for the mailbox's own user."""

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms import OwnPasswordForm, new_password_field, password_help
from aliases.forms import at_shown_field, check_free, show_domain_as_suffix
from aliases.targets import parse_targets
from domains.forms import DomainField
from mailboxes import services
from mailboxes.models import MAX_QUOTA, Mailbox, quota_error
from mailboxes.welcome import send_welcome
from panel.addresses import normalise_mailbox_name
from panel.forms import ActorForm


class MailboxForm(ActorForm):
    """What can be changed of a mailbox. ``quota_mb`` is in MB, 0 no limit.

    ``domain``, if known yet, says how much the quota may be.
    """

    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        required=False,
        help_text=_("Full name or team name."),
    )
    quota_mb = forms.DecimalField(
        label=_("Quota"),
        min_value=0,
        max_value=MAX_QUOTA,
        decimal_places=6,
        localize=False,
        help_text=_("0: no limit."),
        widget=forms.NumberInput({"suffix": _("MB"), "step": "any", "inputmode": "decimal"}),
    )
    smtp_active = forms.BooleanField(
        label=_("May send"),
        required=False,
        initial=True,
        help_text=_("If not ticked, the user can read mail, but not send through this server."),
    )
    phone = forms.CharField(label=_("Phone"), max_length=30, required=False)
    email_other = forms.EmailField(
        label=_("Other e-mail address"),
        max_length=255,
        required=False,
        help_text=_("Outside this mailbox, to reach its user."),
    )
    active = forms.BooleanField(
        label=_("Active"),
        required=False,
        initial=True,
        help_text=_(
            "Inactive: its user cannot sign in, and mail goes to the catch-all or is refused."
        ),
    )

    def __init__(self, *args, domain=None, **kwargs):
        super().__init__(*args, **kwargs)
        if domain is not None:
            self.fields["quota_mb"].help_text = quota_help(domain, self.instance)

    def quota_bytes(self):
        return int(self.cleaned_data["quota_mb"] * settings.QUOTA_MULTIPLIER)

    def save(self):
        values = self.changed()
        # PostfixAdmin's -1 is shown as 0, which is what is stored then: Dovecot refuses -1.
        if values.pop("quota_mb", None) is not None or self.instance.quota < 0:
            values["quota"] = self.quota_bytes()
        try:
            return services.update_mailbox(actor=self.actor, mailbox=self.instance, **values)
        except ValidationError as error:
            raise at_shown_field(error, quota="quota_mb") from None


def quota_help(domain, mailbox=None):
    """Say what the domain allows a mailbox, and what it has left for this one."""
    if not domain.uses_quotas:
        return gettext("%(domain)s does not use quotas: leave it at 0.") % {"domain": domain}
    texts = []
    if domain.maxquota > 0:
        texts.append(gettext("At most %(mb)s MB.") % {"mb": _grouped(domain.maxquota)})
    if domain.quota > 0:
        left = domain.quota - domain.allotted_mb + (max(0, mailbox.quota_mb) if mailbox else 0)
        texts.append(
            gettext("%(domain)s has %(mb)s MB left for it.")
            % {"domain": domain, "mb": _grouped(max(0, int(left)))}
        )
    return " ".join(texts) or gettext("0: no limit.")


def _grouped(number):
    return number_format(number, use_l10n=True, force_grouping=True)


class MailboxCreateForm(MailboxForm):
    local_part = forms.CharField(
        label=_("Address"),
        max_length=64,
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
        help_text=_("The part before the @."),
    )
    domain = DomainField(label=_("Domain"))
    password = new_password_field()
    welcome = forms.BooleanField(
        label=_("Send a welcome mail"),
        required=False,
        help_text=_("The first message makes the mailbox appear in mail programs."),
    )

    field_order = ["local_part", "domain", "name", "password", "quota_mb"]

    def __init__(self, *args, domain=None, **kwargs):
        super().__init__(*args, domain=domain, **kwargs)
        self.fields["domain"].limit_to(self.actor)
        self.fields["password"].help_text = password_help()
        if domain is not None:
            show_domain_as_suffix(self, domain)

    def clean_local_part(self):
        local_part = self.cleaned_data["local_part"].strip().removesuffix("@")
        if "@" in local_part:
            raise ValidationError(
                _("Write the part before the @ only; the domain has its own field."), "at"
            )
        return normalise_mailbox_name(local_part)

    def clean(self):
        domain = self.cleaned_data.get("domain")
        if domain is None:
            return
        error = domain.limit_error("mailboxes")
        if error:
            self.add_error("domain", error)
        if "quota_mb" in self.cleaned_data:
            error = quota_error(domain, self.quota_bytes(), others=domain.usage.allotted)
            if error:
                self.add_error("quota_mb", error)
        local_part, password = map(self.cleaned_data.get, ("local_part", "password"))
        if local_part:
            check_free(self, f"{local_part}@{domain.pk}", wanted="mailbox")
        if local_part and password:
            person = Mailbox(
                username=f"{local_part}@{domain.pk}", name=self.cleaned_data.get("name", "")
            )
            try:
                validate_password(password, person)
            except ValidationError as error:
                self.add_error("password", error)

    def save(self):
        values = self.cleaned_data | {"quota": self.quota_bytes()}
        welcome = values.pop("welcome")
        del values["quota_mb"]
        try:
            mailbox = services.create_mailbox(actor=self.actor, **values)
        except ValidationError as error:
            raise at_shown_field(error, quota="quota_mb") from None
        if welcome:
            send_welcome(mailbox)
        return mailbox


class MailboxPasswordForm(ActorForm):
    password = new_password_field(_("New password"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_help()

    def save(self):
        return services.set_mailbox_password(
            actor=self.actor, mailbox=self.instance, password=self.cleaned_data["password"]
        )


class OwnMailboxPasswordForm(OwnPasswordForm):
    def save(self):
        return services.change_own_password(
            mailbox=self.actor,
            old_password=self.cleaned_data["old_password"],
            password=self.cleaned_data["password"],
        )


class ForwardingForm(ActorForm):
    """Where a mailbox's mail goes besides, or instead."""

    targets = forms.CharField(
        label=_("Forward to"),
        required=False,
        max_length=70_000,
        widget=forms.Textarea({"rows": 3, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=_("One address a line. Empty: no forwarding."),
    )
    keep_copy = forms.BooleanField(
        label=_("Keep a copy in this mailbox"), required=False, initial=True
    )

    def clean_targets(self):
        text = self.cleaned_data["targets"]
        stored, _copy = services.forwarding(services.self_alias(self.instance))
        return parse_targets(text, keep=stored) if text.strip() else []

    def save(self):
        services.set_forwarding(
            actor=self.actor,
            mailbox=self.instance,
            targets=self.cleaned_data["targets"],
            keep_copy=self.cleaned_data["keep_copy"],
        )
        return self.instance
