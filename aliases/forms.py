from copy import copy

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from aliases import rename_previews, renaming, services
from aliases.access import ACCESS
from aliases.models import Alias
from domains.forms import DomainField, LocalPartField, with_pasted_address
from panel.addresses import display_domain
from panel.forms import ActorForm

# Attributes of a field for addresses, of which static/js/recipients.js makes chips with suggestions.
RECIPIENTS = {
    "data-recipients": reverse_lazy("address-suggestions"),
    "spellcheck": "false",
    "autocapitalize": "none",
}


class AliasForm(ActorForm):
    targets = forms.CharField(
        label=_("Mail goes to"),
        max_length=70_000,
        error_messages={"required": _("Enter at least one address.")},
        widget=forms.Textarea(RECIPIENTS | {"rows": 5}),
        help_text=_(
            "Addresses here or anywhere else, with commas or line ends between. A pasted list of names and"
            " addresses will do."
        ),
    )
    description = forms.CharField(label=_("Description"), max_length=255, required=False)
    access = forms.ChoiceField(
        label=_("Who may write to it"),
        choices=ACCESS,
        required=False,
        help_text=_("Mail that another alias sends here arrives all the same."),
    )
    access_text = forms.CharField(
        label=_("Text, or new address"),
        max_length=255,
        required=False,
        help_text=_(
            "If it is closed: what senders are told, in English. If it has moved: the address that they are told."
        ),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.is_bound and "access" not in self.data:  # a smaller form, or a script
            self.fields.pop("access", None)
            self.fields.pop("access_text", None)

    def own_domain(self):
        found = [e for e in self.errors.as_data().get("targets", ()) if e.code == "own_domain"]
        return found[0].params["domain"] if found else None

    def check(self):
        services.check_alias(copy(self.instance), actor=self.actor, **self.changed())

    def save(self):
        return services.update_alias(actor=self.actor, alias=self.instance, **self.changed())


class AliasCreateForm(AliasForm):
    local_part = LocalPartField(
        label=_("Address"), max_length=320, help_text=_("A pasted whole address will do.")
    )
    domain = DomainField(label=_("Domain"))

    field_order = ["local_part", "domain", "targets"]
    shown_at = {"address": "local_part"}

    def __init__(self, data=None, *args, domain=None, **kwargs):
        super().__init__(data and with_pasted_address(data), *args, **kwargs)
        limit_domain(self)

    def check(self):
        services.check_new_alias(actor=self.actor, **self.cleaned_data)

    def save(self):
        return services.create_alias(actor=self.actor, **self.cleaned_data)


class CatchAllForm(AliasCreateForm):
    local_part = access = access_text = None
    field_order = ["targets", "domain"]
    shown_at = {}

    def check(self):
        services.check_new_alias(actor=self.actor, local_part="*", **self.cleaned_data)

    def save(self):
        return services.create_alias(actor=self.actor, local_part="*", **self.cleaned_data)


class RenameForm(ActorForm):
    """Another name for the address of ``instance``, a mailbox or an alias."""

    shown_at = {"keep_alias": "give_up"}

    local_part = LocalPartField(label=_("New name"), max_length=320)
    domain = DomainField(label=_("Domain"), required=False)
    give_up = forms.BooleanField(
        label=_("Give up the old address"),
        required=False,
        help_text=_("If not ticked, it becomes an alias that leads here."),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if len(self.actor.managed_names) == 1:
            del self.fields["domain"]
            self.fields["local_part"].widget.attrs["suffix"] = f"@{self.instance.domain}"
        else:
            self.fields["domain"].limit_to(self.actor)

    def clean(self):
        cleaned = super().clean()
        domain = cleaned.get("domain") or self.instance.domain
        if "local_part" in cleaned:
            cleaned["local_part"] = cleaned["local_part"].removesuffix(f"@{domain}")
        return cleaned

    def new_name(self):
        return {
            "local_part": self.cleaned_data["local_part"],
            "domain": self.cleaned_data.get("domain") or self.instance.domain,
            "keep_alias": not self.cleaned_data["give_up"],
        }

    def followers(self):
        return Alias.objects.led_on_by(self.actor)


class AliasRenameForm(RenameForm):
    def preview(self):
        given = self.new_name()
        new = renaming.check_new_name(actor=self.actor, alias=self.instance, **given)
        keep_alias = given["keep_alias"]
        return rename_previews.preview(self.actor, self.instance, new, keep_alias=keep_alias)

    def save(self):
        return renaming.rename_alias(
            actor=self.actor, alias=self.instance, follow=self.followers(), **self.new_name()
        )


def limit_domain(form):
    field, names = form.fields["domain"], form.actor.managed_names
    field.limit_to(form.actor)
    if len(names) == 1:
        field.widget = forms.HiddenInput()
        form.initial["domain"] = names[0]
        if "local_part" in form.fields:
            form.fields["local_part"].widget.attrs["suffix"] = f"@{display_domain(names[0])}"
    else:
        field.widget.attrs["aria-label"] = field.label
