from django import forms
from django.utils.translation import gettext_lazy as _

from domains import rename_previews, renaming
from panel.forms import ActorForm


class DomainRenameForm(ActorForm):
    """Another name for the Domain ``instance``."""

    shown_at = {"keep_alias": "give_up"}

    name = forms.CharField(
        label=_("New name"),
        max_length=255,
        error_messages={"required": _("Enter the domain’s name.")},
        help_text=_("For example example.org or müller.example."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    give_up = forms.BooleanField(
        label=_("Give up the old name"),
        required=False,
        help_text=_(
            "If not ticked, it becomes an alias domain, and mail to the old addresses goes on arriving."
        ),
    )

    def new_name(self):
        return {
            "name": self.cleaned_data["name"],
            "keep_alias": not self.cleaned_data["give_up"],
            "most": renaming.MOST_OF_A_REQUEST,
        }

    def preview(self):
        given = self.new_name()
        new = renaming.check_new_name(domain=self.instance, **given)
        keep_alias = given["keep_alias"]
        return rename_previews.preview(self.actor, self.instance, new, keep_alias=keep_alias)

    def save(self):
        return renaming.rename_domain(actor=self.actor, domain=self.instance, **self.new_name())
