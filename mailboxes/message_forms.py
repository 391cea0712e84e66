from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import CHIPS, typed_names
from mailboxes import broadcasts, writing
from panel.forms import ActorForm


class MessageForm(ActorForm):
    """``instance`` is the mailbox that it goes to."""

    from_name = forms.CharField(
        label=_("Your name"),
        required=False,
        max_length=writing.LONGEST_NAME,
        help_text=_("Stands before the sender’s address."),
    )
    subject = forms.CharField(
        label=_("Subject"),
        max_length=writing.LONGEST_SUBJECT,
        error_messages={"required": _("Enter a subject.")},
    )
    body = forms.CharField(
        label=_("Text"),
        max_length=3 * writing.LONGEST_BODY,
        error_messages={"required": _("Enter a text.")},
        widget=forms.Textarea({"rows": 12}),
    )

    def written(self):
        return {name: self.cleaned_data.get(name) for name in writing.Written._fields}

    def check(self):
        writing.check_written(**self.written())

    def save(self):
        writing.write_to(actor=self.actor, mailbox=self.instance, **self.written())
        return self.instance


class BroadcastForm(MessageForm):
    domains = forms.CharField(
        label=_("Domains"),
        required=False,
        max_length=100_000,
        widget=forms.Textarea(CHIPS | {"rows": 3}),
        help_text=_("One name a line."),
    )
    everywhere = forms.BooleanField(required=False)
    aliases = forms.BooleanField(
        label=_("Aliases too, if they lead to addresses elsewhere"), required=False
    )

    field_order = ["everywhere", "domains", "aliases"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        everywhere = _("All domains") if self.actor.is_superadmin else _("All of your domains")
        self.fields["everywhere"].label = everywhere

    def clean_domains(self):
        return typed_names(self.cleaned_data["domains"])

    def chosen(self):
        everywhere = self.cleaned_data.get("everywhere")
        return None if everywhere else self.cleaned_data.get("domains", [])

    def check(self):
        broadcasts.check_broadcast(actor=self.actor, domains=self.chosen(), **self.written())

    def ask(self, back):
        return broadcasts.ask_broadcast(
            actor=self.actor,
            domains=self.chosen(),
            aliases=self.cleaned_data["aliases"],
            back=back,
            **self.written(),
        )


def initial_of(task):
    names = ("subject", "body", "from_name", "aliases", "everywhere")
    values = {name: task.options[name] for name in names}
    return values | {"domains": "" if values["everywhere"] else "\n".join(task.options["domains"])}
