from copy import copy

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from aliases import services
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
    local_part = None
    field_order = ["targets", "domain"]
    shown_at = {}

    def check(self):
        services.check_new_alias(actor=self.actor, local_part="*", **self.cleaned_data)

    def save(self):
        return services.create_alias(actor=self.actor, local_part="*", **self.cleaned_data)


def limit_domain(form):
    field, names = form.fields["domain"], form.actor.scope_domains
    field.limit_to(form.actor)
    if len(names) == 1:
        field.widget = forms.HiddenInput()
        form.initial["domain"] = names[0]
        if "local_part" in form.fields:
            form.fields["local_part"].widget.attrs["suffix"] = f"@{display_domain(names[0])}"
    else:
        field.widget.attrs["aria-label"] = field.label
