from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts import own_account, time_zones
from accounts.own import OwnFormView
from panel.forms import ActorForm


class TimeZoneForm(ActorForm):
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [
            (name, name.replace("_", " "))
            for name in dict.fromkeys([*time_zones.names(), settings.TIME_ZONE])
        ],
        help_text=_("Days and times are shown in it, and days that you choose are meant in it."),
    )

    def save(self):
        own_account.set_preferences(self.actor, time_zone=self.cleaned_data["time_zone"])


class OwnTimeZone(OwnFormView):
    template_name = "own/time_zone.html"
    form_class = TimeZoneForm
    place = "time-zone"

    def get_initial(self):
        return {"time_zone": self.actor.zone.key}

    def save(self, form):
        url, told = super().save(form)
        if not self.actor.is_mailbox_user:
            told[0].extra_tags = ""
        return url, told
