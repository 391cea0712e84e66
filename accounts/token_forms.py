from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import tokens
from accounts.factor_forms import WithOffer
from accounts.factors import is_on
from panel.rights import RIGHTS
from panel.scoping import rights_of

NO_COMPLETION = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def field_of(right):
    return f"may_{right.replace(':', '_').replace('-', '_')}"


class TokenForm(WithOffer):
    """``offer`` is the token that the answer will show. It comes back as it was, so of two clicks the second gets the same answer."""

    shown_at = {"rights": None}

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        error_messages={"required": _("Enter a name, such as “Billing”.")},
        help_text=_("By which you know it again, here and in the log."),
    )
    domains = forms.CharField(
        label=_("Only in these domains"),
        required=False,
        max_length=60_000,
        help_text=_("One name a line. Empty: all of yours, those that come later too."),
        widget=forms.Textarea(NO_COMPLETION | {"rows": 3}),
    )
    networks = forms.CharField(
        label=_("Only from these network addresses"),
        required=False,
        max_length=2_000,
        help_text=_(
            "Addresses or networks, such as 192.0.2.7 or 192.0.2.0/24. Empty: from everywhere."
        ),
        widget=forms.TextInput(NO_COMPLETION),
    )
    until = forms.DateField(
        label=_("Last day"),
        required=False,
        help_text=_("Empty: until it is revoked."),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        own = rights_of(self.actor)
        self.right_fields = {field_of(right): right for right in RIGHTS if right in own}
        for name, right in self.right_fields.items():
            self.fields[name] = forms.BooleanField(label=RIGHTS[right], required=False)
        if not is_on(self.actor):
            del self.fields["code"]
        if self.actor.is_mailbox_user:
            del self.fields["domains"]
        self.order_fields(
            ["name", *self.right_fields, "domains", "networks", "until", "old_password", "code"]
        )

    @property
    def rights(self):
        return [self[name] for name in self.right_fields]

    def offered(self):
        """The token, or None: the page is an hour old, or made one already."""
        token = tokens.offered(self.actor, self["offer"].value() or "")
        return None if token and tokens.is_used(token) else token

    def check(self):
        tokens.check_token(actor=self.actor, **self._values())

    def save(self):
        code = self.cleaned_data.get("code", "")
        return tokens.make_token(
            actor=self.actor, token=self.offered(), code=code, **self._values()
        )

    def _values(self):
        names = ("name", "domains", "networks", "until")
        values = {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}
        rights = [right for name, right in self.right_fields.items() if self.cleaned_data.get(name)]
        return values | {"rights": rights}
