from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _

from domains.forms import DomainField, LocalPartField
from mailboxes import join_previews
from mailboxes.domain_joining import join_domain
from mailboxes.joining import (
    ADD,
    LEAVE,
    MOST_ASKED,
    MOST_OF_A_REQUEST,
    NAME,
    check_joining,
    clashes_of,
    what_to_answer,
)
from panel.forms import ActorForm

WORDS = {
    LEAVE: gettext_lazy("It stays an address of its own"),
    ADD: gettext_lazy("Its recipients are added to %(there)s"),
    NAME: gettext_lazy("It gets another name"),
}


class JoinForm(ActorForm):
    """The domain ``instance`` becomes another name of another one. For each name that is taken there it has fields that ask what becomes of it."""

    target_domain = DomainField(
        label=_("The other domain"), help_text=_("All addresses are there afterwards.")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["target_domain"].limit_to(self.actor)
        self.clashes = self._clashes() if self.is_bound else []
        for clash in self.clashes[:MOST_ASKED]:
            self._ask(clash)

    def _clashes(self):
        """What needs an answer, of the domain that was sent. Whatever is wrong with that is an error later."""
        field = self.fields["target_domain"]
        try:
            target = field.clean(self.data.get("target_domain"))
            return clashes_of(self.instance, target, most=MOST_OF_A_REQUEST)
        except ValidationError:
            return []

    def _ask(self, clash):
        params = {"row": clash.row, "there": clash.there}
        needed = {"required": what_to_answer(clash).messages[0]}
        is_mailbox = clash.choices == (NAME,)
        if is_mailbox:
            label = gettext("Another name for the mailbox %(row)s") % params
        else:
            choices = [("", gettext("Choose …"))]
            choices += [(choice, WORDS[choice] % params) for choice in clash.choices]
            self.fields[f"choice {clash.name}"] = forms.ChoiceField(
                label=gettext("What becomes of %(row)s, for %(there)s is there, too") % params,
                choices=choices,
                error_messages=needed,
            )
            label = gettext("Another name for %(row)s") % params
        self.fields[f"name {clash.name}"] = LocalPartField(
            label=label, required=is_mailbox, max_length=320, error_messages=needed
        )
        self.fields[f"name {clash.name}"].widget.attrs["suffix"] = f"@{clash.there.domain}"

    def answers(self):
        found = {"names": {}, "add": [], "leave": []}
        for clash in self.clashes[:MOST_ASKED]:
            choice = self.cleaned_data.get(f"choice {clash.name}", NAME)
            name = self.cleaned_data.get(f"name {clash.name}", "")
            if choice == NAME and name:
                found["names"][clash.name] = name
            elif choice in (ADD, LEAVE):
                found[choice].append(clash.name)
        return found

    def add_error(self, field, error):
        """One about a name goes to its own field."""
        about = error.error_dict.pop("names", []) if hasattr(error, "error_dict") else []
        for one in about:
            name = one.params["name"]
            shown = [f"choice {name}", f"name {name}"]
            if self.cleaned_data.get(shown[0]) == NAME:
                shown.reverse()
            at = next((label for label in shown if label in self.fields), None)
            if at is None:
                super().add_error(None, one)
            elif at not in self.errors:  # left empty, which it says already
                super().add_error(at, ValidationError(one.params["reason"], one.code))
        if not about or error.error_dict:
            super().add_error(field, error)

    def check(self):
        if target := self.cleaned_data.get("target_domain"):
            rows = {"domain": self.instance, "target": target}
            check_joining(actor=self.actor, most=MOST_OF_A_REQUEST, **rows, **self.answers())

    def preview(self):
        target = self.cleaned_data["target_domain"]
        rows = {"domain": self.instance, "target": target}
        plan = check_joining(actor=self.actor, most=MOST_OF_A_REQUEST, **rows, **self.answers())
        return join_previews.preview(plan)

    def save(self):
        return join_domain(
            actor=self.actor,
            domain=self.instance,
            target_domain=self.cleaned_data["target_domain"],
            most=MOST_OF_A_REQUEST,
            **self.answers(),
        )
