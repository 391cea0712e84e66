"""Forms for aliases."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from aliases import services
from aliases.models import Alias
from aliases.targets import parse_targets
from domains.forms import DomainField
from domains.models import Domain
from panel.addresses import normalise_local_part
from panel.forms import ActorForm


class AliasForm(ActorForm):
    targets = forms.CharField(
        label=_("Mail goes to"),
        max_length=70_000,
        widget=forms.Textarea({"rows": 5, "spellcheck": "false", "autocapitalize": "none"}),
        help_text=_(
            "One address a line, here or anywhere else. A pasted list of names and addresses will do."
        ),
    )
    description = forms.CharField(label=_("Description"), max_length=255, required=False)
    active = forms.BooleanField(
        label=_("Active"),
        required=False,
        initial=True,
        help_text=_("Inactive: its mail goes to the catch-all, or is refused."),
    )

    def own_domain(self):
        """The domain of ours that a catch-all was to lead to as a whole: an alias domain does that."""
        found = [e for e in self.errors.as_data().get("targets", ()) if e.code == "own_domain"]
        return found[0].params["domain"] if found else None

    def clean_targets(self):
        alias = self.instance
        return parse_targets(
            self.cleaned_data["targets"], catch_all=alias.is_catch_all, keep=alias.targets
        )

    def save(self):
        return services.update_alias(actor=self.actor, alias=self.instance, **self.changed())


class AliasCreateForm(AliasForm):
    local_part = forms.CharField(
        label=_("Address"),
        max_length=64,
        help_text=_("The part before the @. * catches everything that nothing else answers to."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    domain = DomainField(label=_("Domain"))

    field_order = ["local_part", "domain", "targets"]

    def __init__(self, *args, domain=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["domain"].limit_to(self.actor)
        if domain is not None:
            show_domain_as_suffix(self, domain)

    def clean_local_part(self):
        local_part = self.cleaned_data["local_part"].strip().removesuffix("@")
        if local_part == "*":
            return local_part
        if "@" in local_part:
            raise ValidationError(
                _("Write the part before the @ only; the domain has its own field."), "at"
            )
        return normalise_local_part(local_part)

    def clean_targets(self):
        return parse_targets(
            self.cleaned_data["targets"], catch_all=self.cleaned_data.get("local_part") == "*"
        )

    def clean(self):
        domain: Domain | None = self.cleaned_data.get("domain")
        error = domain and domain.limit_error("aliases")
        if error:
            self.add_error("domain", error)
        local_part = self.cleaned_data.get("local_part")
        if domain and local_part:
            address = f"{'' if local_part == '*' else local_part}@{domain.pk}"
            check_free(self, address, wanted="alias")

    def save(self):
        try:
            return services.create_alias(actor=self.actor, **self.cleaned_data)
        except ValidationError as error:
            raise at_shown_field(error, address="local_part") from None


def check_free(form, address, *, wanted):
    """Say at the name that ``address`` is in use, together with what else is wrong.

    Every mailbox has an alias row, so this table knows all; a twin that comes later is the
    service's to find.
    """
    if Alias.objects.filter(pk=address).exists():
        form.add_error("local_part", services.taken(address, wanted=wanted))


def at_shown_field(error, **fields):
    """Move what a service says about a column to the form's field for it: ``quota="quota_mb"``."""
    if not hasattr(error, "error_dict"):
        return error
    return ValidationError({fields.get(name, name): e for name, e in error.error_dict.items()})


def show_domain_as_suffix(form, domain):
    """Write ``@example.org`` beside the name instead of asking for a domain that is known."""
    form.fields["local_part"].widget.attrs["suffix"] = f"@{domain}"
    form.fields["domain"].widget = forms.HiddenInput()
