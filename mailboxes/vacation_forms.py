from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailboxes import vacations
from mailboxes.models import Vacation
from panel.forms import ActorForm


def day_field(label, help_text=""):
    widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, help_text=help_text, widget=widget)


class VacationForm(ActorForm):
    """``instance`` is the mailbox."""

    subject = forms.CharField(
        label=_("Subject"),
        max_length=255,
        error_messages={"required": _("Enter a subject, such as “Back on Monday”.")},
    )
    body = forms.CharField(
        label=_("Text"),
        max_length=3 * vacations.LONGEST,
        error_messages={"required": _("Enter a text.")},
        widget=forms.Textarea({"rows": 8}),
    )
    first_day = day_field(_("First day"), _("Empty: from now on."))
    last_day = day_field(_("Last day"), _("Empty: until you end it."))
    interval = forms.TypedChoiceField(
        label=_("How often somebody is answered"),
        choices=vacations.INTERVALS.items(),
        coerce=int,
        help_text=_("Who writes more often gets no other answer meanwhile."),
    )

    def check(self):
        vacations.check_vacation(mailbox=self.instance, **self._values())

    def preview(self):
        return vacations.check_vacation(mailbox=self.instance, **self._values())

    def save(self):
        vacations.set_vacation(actor=self.actor, mailbox=self.instance, **self._values())
        return self.instance

    def _values(self):
        values = {name: self.cleaned_data.get(name) for name in ("subject", "body")}
        values |= {name: self.cleaned_data.get(name) for name in ("first_day", "last_day")}
        return values | {"interval": self.cleaned_data.get("interval", 0)}


def initial(mailbox):
    """Of the message that is on, or of the last one, whose days are over."""
    row = Vacation.objects.filter(pk=mailbox.pk).first()
    if row is None:
        said = {"subject": "", "body": "", "interval": 0, "last_day": None}
        return said | {"first_day": timezone.localdate(timezone=mailbox.zone)}
    said = {
        "subject": row.subject,
        "body": row.body,
        "interval": vacations.known_interval(row.interval_time),
    }
    said |= {"first_day": None, "last_day": None}
    if row.active and row.activeuntil >= timezone.now() - timedelta(days=1):
        zone = mailbox.zone
        said |= {"first_day": row.first_day(zone), "last_day": row.last_day(zone)}
    return said
