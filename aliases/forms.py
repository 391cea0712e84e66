from copy import copy

from django import forms
from django.utils.translation import gettext_lazy as _

from aliases import services
from domains.forms import DomainField, LocalPartField, with_pasted_address
from panel.forms import ActorForm


class AliasForm(ActorForm):
    targets = forms.CharField(
        label=_("Mail goes to"),
        max_length=70_000,
        error_messages={"required": _("Enter at least one address.")},
        widget=forms.Textarea({"rows": 5, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=_(
            "One address a line, here or anywhere else. A pasted list of names and addresses will do."
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
        label=_("Address"),
        max_length=320,
        help_text=_("The part before the @. * catches everything that nothing else answers to."),
    )
    domain = DomainField(label=_("Domain"))

    field_order = ["local_part", "domain", "targets"]
    shown_at = {"address": "local_part"}

    def __init__(self, data=None, *args, domain=None, **kwargs):
        super().__init__(data and with_pasted_address(data), *args, **kwargs)
        self.fields["domain"].limit_to(self.actor)
        if domain is not None:
            show_domain_as_suffix(self, domain)

    def check(self):
        services.check_new_alias(actor=self.actor, **self.cleaned_data)

    def save(self):
        return services.create_alias(actor=self.actor, **self.cleaned_data)


def show_domain_as_suffix(form, domain):
    form.fields["local_part"].widget.attrs["suffix"] = f"@{domain}"
    form.fields["domain"].widget = forms.HiddenInput()
