from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import letter_texts
from panel.forms import ActorForm


class LetterTextForm(ActorForm):
    subject = forms.CharField(label=_("Subject"), max_length=letter_texts.LONGEST["subject"])
    body = forms.CharField(
        label=_("Text"),
        help_text=_("An empty line begins a paragraph. Web addresses become links."),
        widget=forms.Textarea({"rows": 14}),
    )

    def __init__(self, *args, kind, language, domain, **kwargs):
        super().__init__(*args, **kwargs)
        self.of = {"kind": kind, "language": language, "domain": domain}

    def check(self):
        if {"subject", "body"} <= self.cleaned_data.keys():
            self.checked()

    def checked(self):
        return letter_texts.check_text(**self.of, **self.cleaned_data)

    def save(self):
        return letter_texts.set_text(actor=self.actor, **self.of, **self.cleaned_data)
