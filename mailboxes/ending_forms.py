from django import forms
from django.utils.translation import gettext_lazy as _

from aliases.ending_rows import DELETE, LEAD, OFF
from aliases.models import Ending
from mailboxes import endings
from panel.forms import ActorForm

WORDS = {
    OFF: _("Switch it off"),
    DELETE: _("Delete it"),
    LEAD: _("Switch it off and send its mail elsewhere, then delete it"),
}


class EndingForm(ActorForm):
    """``instance`` is an alias or a mailbox. An empty last day takes the end away."""

    last_day = forms.DateField(
        label=_("Last day"),
        required=False,
        help_text=_("Empty: it has no end."),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    action = forms.ChoiceField(label=_("After that day"))
    goto = forms.CharField(
        label=_("Its mail goes to"),
        required=False,
        max_length=320,
        help_text=_("For the last choice: the address that gets its mail then."),
        widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false"}),
    )
    days = forms.IntegerField(
        label=_("For how many days"), required=False, min_value=1, max_value=endings.MOST_DAYS
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        actions = endings.ACTIONS[type(self.instance)]
        self.fields["action"].choices = [(name, WORDS[name]) for name in actions]
        if LEAD not in actions:
            del self.fields["goto"], self.fields["days"]

    def check(self):
        if self.cleaned_data.get("last_day"):
            endings.check_ending(actor=self.actor, row=self.instance, **self._values())

    def save(self):
        if self.cleaned_data["last_day"] is None:
            endings.remove_ending(actor=self.actor, row=self.instance)
        else:
            endings.set_ending(actor=self.actor, row=self.instance, **self._values())
        return self.instance

    def _values(self):
        values = {name: self.cleaned_data.get(name) for name in ("last_day", "action")}
        return values | {
            "goto": self.cleaned_data.get("goto") or "",
            "days": self.cleaned_data.get("days") or 0,
        }


def initial(row):
    ending = Ending.objects.filter(pk=row.pk).first()
    if ending is None:
        return {"last_day": None, "action": endings.ACTIONS[type(row)][0], "goto": "", "days": 90}
    return {name: getattr(ending, name) for name in endings.FIELDS} | {"days": ending.days or 90}
