from django import forms
from django.utils.translation import gettext_lazy as _

from domains import part_previews
from domains.parting import check_parting, part_alias_domain
from panel.forms import ActorForm


class PartForm(ActorForm):
    """An alias domain, ``instance``, becomes a domain of its own."""

    empty = forms.BooleanField(
        label=_("Begin empty"),
        required=False,
        help_text=_(
            "If not ticked, each address that answers now gets an alias, and all mail goes on."
        ),
    )

    def preview(self):
        empty = self.cleaned_data["empty"]
        return part_previews.preview(check_parting(link=self.instance, empty=empty), empty=empty)

    def save(self):
        return part_alias_domain(actor=self.actor, link=self.instance, **self.cleaned_data)
