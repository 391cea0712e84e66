from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import factor_exceptions, factors, own_account, passkeys, totp
from panel.forms import ActorForm

MAX_ANSWER = 20_000  # characters of what a browser says of a passkey


class PasskeyInput(forms.HiddenInput):
    """What the browser says of a passkey. It is taken once: a form that is shown again does not hold it."""

    def __init__(self):
        super().__init__({"autocomplete": "off"})  # or a browser puts it back

    def format_value(self, value):
        return None


class CodeInput(forms.TextInput):
    """What the browser says of a passkey comes beside the code that is typed (static/js/passkeys.js), and instead of it."""

    def value_from_datadict(self, data, files, name):
        return data.get(f"{name}-passkey") or super().value_from_datadict(data, files, name)

    def format_value(self, value):
        return None if value and value.startswith("{") else super().format_value(value)


def code_field(label, *, recovery=True, **kwargs):
    """For the code of an app or what a passkey shows; where ``recovery`` is, a recovery code is taken too."""
    attrs = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
    if not recovery:
        attrs["inputmode"] = "numeric"
    return forms.CharField(
        label=label,
        max_length=MAX_ANSWER,
        error_messages={"required": _("Enter the code.")},
        widget=CodeInput(attrs | {"maxlength": 40}),
        **kwargs,
    )


def fit(field, account):
    """Let a field for codes ask for what the account has."""
    if account.passkey_handle:
        field.widget.attrs["data-passkey"] = ""
    if not account.totp_secret:
        field.widget.attrs.pop("inputmode", None)
        field.label = _("Recovery code")
        if account.passkey_handle:
            field.help_text = _("Or show your passkey.")
            field.error_messages["required"] = _("Show your passkey, or enter a recovery code.")


class CodeForm(forms.Form):
    code = code_field(_("Code"), recovery=False)

    def __init__(self, *args, account, recovery=False, **kwargs):
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        if recovery:
            field.label = _("Recovery code")
            del field.widget.attrs["inputmode"]
        fit(field, account)
        field.help_text = ""
        field.widget.attrs["autofocus"] = True


class OwnFactorForm(ActorForm):
    old_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=4096,
        error_messages={"required": _("Enter your current password.")},
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    code = code_field(
        _("Code"), help_text=_("The one that your app shows now, or one of your recovery codes.")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        fit(self.fields["code"], self.actor.person)

    def check_old_password(self):
        own_account.check_current_password(self.actor.person, self.cleaned_data["old_password"])


class FactorOffForm(OwnFactorForm):
    def save(self):
        return factors.switch_off(account=self.actor, code=self.cleaned_data["code"])


class WithOffer(OwnFactorForm):
    """``offer`` is what the page shows or will show. It comes back as it was, so of two clicks the second gets the same answer."""

    offer = forms.CharField(max_length=1_000, widget=forms.HiddenInput())

    def offered(self):
        return totp.offered(self.actor, self["offer"].value() or "")


class NewCodesForm(WithOffer):
    def save(self):
        return factors.renew_codes(
            account=self.actor, offer=self.cleaned_data["offer"], code=self.cleaned_data["code"]
        )


class FactorSetUpForm(WithOffer):
    current = code_field(
        _("Code of the app that you have now"), help_text=_("Or one of your recovery codes.")
    )
    field_order = ["old_password", "current", "code"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        new = self.fields["code"]
        new.label = _("Code that the app shows")
        new.help_text = _("Six digits; a new one every 30 seconds.")
        new.widget.attrs["inputmode"] = "numeric"
        new.widget.attrs.pop("data-passkey", None)
        if self.actor.totp_secret:
            new.label = _("Code that the new app shows")
        if factors.is_on(self.actor):
            fit(self.fields["current"], self.actor)
        else:
            del self.fields["current"]

    def save(self):
        values = self.cleaned_data
        return factors.switch_on(
            account=self.actor,
            offer=values["offer"],
            code=values["code"],
            current=values.get("current", ""),
        )


def name_field(**kwargs):
    return forms.CharField(
        label=_("Name"),
        max_length=60,
        error_messages={"required": _("Give it a name.")},
        help_text=_("What you know it by, such as “Phone” or “Blue key”."),
        **kwargs,
    )


class PasskeyAddForm(WithOffer):
    """``passkey`` is what the browser says of the new one; ``code``, which is asked of whoever has a second factor, may be of another."""

    name = name_field()
    passkey = forms.CharField(
        max_length=MAX_ANSWER,
        required=False,
        widget=forms.HiddenInput({"data-passkey-new": "", "autocomplete": "off"}),
    )
    field_order = ["name", "old_password", "code"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not factors.is_on(self.actor):
            del self.fields["code"]

    def save(self):
        values = self.cleaned_data
        return passkeys.add(
            account=self.actor,
            offer=values["offer"],
            answer=values["passkey"],
            name=values["name"],
            code=values.get("code", ""),
        )


class PasskeyNameForm(ActorForm):
    name = name_field()

    def save(self):
        return passkeys.rename(
            account=self.actor, passkey=self.instance, name=self.cleaned_data["name"]
        )


class PasskeyRemoveForm(OwnFactorForm):
    def save(self):
        return passkeys.remove(
            account=self.actor, passkey=self.instance, code=self.cleaned_data["code"]
        )


class ExceptionForm(OwnFactorForm):
    field_order = ["network", "whose", "description", "old_password", "code"]
    network = forms.CharField(
        label=_("Network address"),
        max_length=60,
        error_messages={"required": _("Enter an address or a network.")},
        help_text=_("An address or a network, such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/48."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    whose = forms.CharField(
        label=_("For"),
        max_length=255,
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
        error_messages={"required": _("Write an address or a domain that you manage.")},
    )
    description = forms.CharField(label=_("Note"), required=False, max_length=255)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not factors.is_on(self.actor):
            del self.fields["code"]
        whose = self.fields["whose"]
        whose.required = not self.actor.is_superadmin
        whose.help_text = (
            _("An address, or a domain for all of its mailboxes. Empty: for everybody.")
            if self.actor.is_superadmin
            else _("A mailbox, or a domain for all of its mailboxes.")
        )

    def check(self):
        fields = {name: self.cleaned_data.get(name) for name in ("network", "whose")}
        factor_exceptions.check_exception(actor=self.actor, **fields)

    def save(self):
        fields = {
            name: value for name, value in self.cleaned_data.items() if name != "old_password"
        }
        return factor_exceptions.add_exception(actor=self.actor, **fields)
