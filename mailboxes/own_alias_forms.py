from django import forms
from django.utils.translation import gettext_lazy as _

from domains.forms import LocalPartField
from mailboxes import own_aliases
from mailboxes.vacation_forms import day_field
from panel.addresses import display_domain
from panel.forms import ActorForm


class NoteForm(ActorForm):
    """``instance`` is one of the own aliases of the mailbox ``actor``."""

    shown_at = {"description": "note"}

    note = forms.CharField(
        label=_("Note"),
        max_length=255,
        required=False,
        help_text=_("What it is for, such as “Book shop”. Administrators see it too."),
    )
    last_day = day_field(
        _("Last day"), _("After it the address is switched off. Empty: it has no end.")
    )

    def save(self):
        address = self.instance.pk
        return own_aliases.edit_own_alias(actor=self.actor, address=address, **self.cleaned_data)


class OwnAliasForm(NoteForm):
    local_part = LocalPartField(
        label=_("Name"),
        max_length=320,
        required=False,
        help_text=_("Empty: a random one, which nobody guesses."),
    )
    field_order = ("local_part", "note", "last_day")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        suffix = f"@{display_domain(self.actor.domain_id)}"
        self.fields["local_part"].widget.attrs["suffix"] = suffix

    def clean_local_part(self):
        return self.cleaned_data["local_part"].removesuffix(f"@{self.actor.domain_id}")

    def save(self):
        return own_aliases.create_own_alias(actor=self.actor, **self.cleaned_data)


class LimitForm(ActorForm):
    """``instance`` is a domain or a mailbox."""

    most = forms.IntegerField(
        label=_("Aliases that a user may make"),
        required=False,
        min_value=0,
        max_value=own_aliases.MOST,
    )

    def save(self):
        most = self.cleaned_data["most"]
        own_aliases.set_limit(actor=self.actor, row=self.instance, most=most)
        return self.instance
