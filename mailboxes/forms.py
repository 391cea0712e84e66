from copy import copy

from django import forms
from django.conf import settings
from django.db import transaction
from django.forms.utils import ErrorDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms import (
    HowMixin,
    OwnPasswordForm,
    must_change_field,
    new_password_field,
    password_help,
)
from aliases.forms import RECIPIENTS, RenameForm, limit_domain
from domains.forms import (
    DomainField,
    LocalPartField,
    RecipientsField,
    SizeField,
    drop_sending_limit,
    with_pasted_address,
)
from domains.models import UNLIMITED
from mailboxes import forwarding, rename_previews, renaming, services
from mailboxes.models import SWITCHES
from mailboxes.welcome import send_welcome
from panel.formats import exact_mb
from panel.forms import ActorForm

# Switches of a mailbox that is there: a new one has them as usual.
AS_USUAL = {*SWITCHES, "app_only"} - {"smtp_active"}


class MailboxForm(ActorForm):
    """``quota_mb`` is in MB, 0 no limit. ``domain``, if known, says how much is allowed."""

    shown_at = {"quota": "quota_mb"}

    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        required=False,
        help_text=_("Shown in lists."),
    )
    quota_mb = SizeField(
        label=_("Quota"),
        error_messages={"required": _("Enter how much it may hold, such as 2 GB.")},
        help_text=_("Such as 2 GB or 500 MB, or “no limit”."),
    )
    smtp_active = forms.BooleanField(
        label=_("May send"),
        required=False,
        initial=True,
        help_text=_("If not ticked, the user can read mail, but not send through this server."),
    )
    receives = forms.BooleanField(
        label=_("Receives mail"),
        required=False,
        initial=True,
        help_text=_("If not ticked, mail to it is refused: it only sends."),
    )
    sign_in_active = forms.BooleanField(
        label=_("People sign in"),
        required=False,
        initial=True,
        help_text=_(
            "If not ticked, it receives, and nobody signs in: neither mail programs nor here."
        ),
    )
    imap_active = forms.BooleanField(label=_("By IMAP"), required=False, initial=True)
    pop3_active = forms.BooleanField(label=_("By POP3"), required=False, initial=True)
    sieve_active = forms.BooleanField(
        label=_("By ManageSieve"),
        required=False,
        initial=True,
        help_text=_("With which mail programs change filters."),
    )
    app_only = forms.BooleanField(
        label=_("App passwords only"),
        required=False,
        help_text=_("The main password then opens the panel, and no mail program."),
    )
    sending_limit = RecipientsField(
        help_text=_("It may send to so many. Empty: as many as the server lets every mailbox.")
    )
    phone = forms.CharField(label=_("Phone"), max_length=30, required=False)
    email_other = forms.EmailField(
        label=_("Other e-mail address"),
        max_length=255,
        required=False,
        help_text=_("Outside this mailbox, to reach its user."),
    )
    must_change = must_change_field()

    def __init__(self, *args, domain=None, **kwargs):
        super().__init__(*args, **kwargs)
        drop_sending_limit(self)
        if self.instance is not None and self.is_bound and "switches" not in self.data:
            # A page or a script from before these: what it does not show is not unticked.
            for name in (*AS_USUAL, "must_change"):
                del self.fields[name]
        if domain is not None:
            self.fields["quota_mb"].help_text = quota_help(domain, self.instance)
            self.fields["quota_mb"].widget.attrs["data-most"] = most_offered(domain, self.instance)

    def check(self):
        services.check_mailbox(copy(self.instance), **self.changed())

    def changed(self):
        values = super().changed()
        # PostfixAdmin's -1 is shown as 0, which is what is stored then: Dovecot refuses -1.
        if "quota_mb" not in values and self.instance.quota < 0:
            values["quota_mb"] = self.cleaned_data.get("quota_mb")
        return in_bytes(values)

    def save(self):
        return services.update_mailbox(actor=self.actor, mailbox=self.instance, **self.changed())


def in_bytes(values):
    values = dict(values)
    if (mb := values.pop("quota_mb", None)) is not None:
        values["quota"] = int(mb * settings.QUOTA_MULTIPLIER)
    return values


def quota_help(domain, mailbox=None):
    if not domain.uses_quotas:
        return gettext("%(domain)s does not use quotas: leave it at “no limit”.") % {
            "domain": domain
        }
    texts = []
    if domain.maxquota > 0:
        texts.append(gettext("At most %(size)s.") % {"size": exact_mb(domain.maxquota)})
    if domain.quota > 0 and mailbox:
        left = domain.quota - domain.allotted_mb + max(0, mailbox.quota_mb)
        texts.append(
            gettext("%(domain)s has %(size)s left for it.")
            % {"domain": domain, "size": exact_mb(max(0, int(left)))}
        )
    return " ".join(texts) or gettext("Such as 2 GB or 500 MB, or “no limit”.")


def quota_left(domain):
    if domain is None or domain.quota <= 0:
        return ""
    left = max(0, int(domain.quota - domain.allotted_mb))
    return gettext("%(size)s left in this domain") % {"size": exact_mb(left)}


def most_offered(domain, mailbox=None):
    """The largest quota worth offering, in MB: "" any size and none, 0 only none."""
    if domain is None or (domain.maxquota == UNLIMITED and domain.quota <= 0):
        return ""
    if not domain.uses_quotas:
        return 0
    own = max(0, mailbox.quota_mb) if mailbox else 0
    bounds = [domain.maxquota] if domain.maxquota > 0 else []
    if domain.quota > 0:
        bounds.append(int(domain.quota - domain.allotted_mb + own))
    return max(1, min(bounds))  # smaller than all that is offered


class MailboxCreateForm(HowMixin, MailboxForm):
    local_part = LocalPartField(
        label=_("Address"), max_length=320, help_text=_("A pasted whole address will do.")
    )
    domain = DomainField(label=_("Domain"))
    password = new_password_field(made=True)
    welcome = forms.BooleanField(
        label=_("Send a welcome mail"),
        required=False,
        help_text=_("Some mail programs need a first message."),
    )

    field_order = ["local_part", "domain", "name", "password", "quota_mb"]

    def __init__(self, data=None, *args, domain=None, **kwargs):
        data = data and with_pasted_address(data)
        super().__init__(data, *args, domain=domain, **kwargs)
        for name in ("sending_limit", *AS_USUAL):
            self.fields.pop(name, None)
        limit_domain(self)

    def check(self):
        services.check_new_mailbox(actor=self.actor, **self.values())

    def name_of(self, values):
        return f"{values['local_part']}@{values['domain']}"

    def create(self, **values):
        mailbox = services.create_mailbox(actor=self.actor, **values)
        if self.cleaned_data["welcome"]:
            transaction.on_commit(lambda: send_welcome(mailbox), robust=True)
        return mailbox

    def values(self):
        values = in_bytes(super().values())
        values.pop("welcome", None)
        return values


class MailboxPasswordForm(ActorForm):
    password = new_password_field(_("New password"), made=True)
    must_change = must_change_field()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_help()

    def save(self):
        return services.set_mailbox_password(
            actor=self.actor, mailbox=self.instance, **self.cleaned_data
        )


class OwnMailboxPasswordForm(OwnPasswordForm):
    def save(self):
        return services.set_mailbox_password(
            actor=self.actor, mailbox=self.actor, password=self.cleaned_data["password"]
        )


class MailboxRenameForm(RenameForm):
    def preview(self):
        given = self.new_name()
        new = renaming.check_new_name(actor=self.actor, mailbox=self.instance, **given)
        keep_alias = given["keep_alias"]
        return rename_previews.preview(self.actor, self.instance, new, keep_alias=keep_alias)

    def save(self):
        return renaming.rename_mailbox(
            actor=self.actor, mailbox=self.instance, follow=self.followers(), **self.new_name()
        )


class ForwardingForm(ActorForm):
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

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not self.actor.is_mailbox_user:
            self.fields["targets"].widget.attrs |= RECIPIENTS

    def save(self):
        forwarding.set_forwarding(
            actor=self.actor,
            mailbox=self.instance,
            targets=self.cleaned_data["targets"],
            keep_copy=self.cleaned_data["keep_copy"],
        )
        return self.instance


class Addresses(forms.MultipleHiddenInput):
    is_hidden = False

    def value_from_datadict(self, data, files, name):
        values = data.getlist(name) if hasattr(data, "getlist") else [data.get(name) or ""]
        return "\n".join(filter(None, (value.strip() for value in values)))


class OwnForwardingForm(ForwardingForm):
    targets = forms.CharField(
        label=_("Forward to"), required=False, max_length=70_000, widget=Addresses
    )
    keep_copy = forms.ChoiceField(
        label=_("Mail that is forwarded"),
        choices=[("1", _("Keep a copy here")), ("0", _("Do not keep"))],
    )
    more = False

    def add_a_field(self):
        # Show what was typed with one more input, and nothing that may be wrong with it.
        self.more, self._errors = True, ErrorDict()

    @property
    def addresses(self):
        found = (self["targets"].value() or "").splitlines()
        return [*found, ""] if self.more or not found else found

    def clean_targets(self):
        forwarding.refuse_own_address(self.actor, self.cleaned_data["targets"])
        return self.cleaned_data["targets"]

    def clean_keep_copy(self):
        return self.cleaned_data["keep_copy"] == "1"
