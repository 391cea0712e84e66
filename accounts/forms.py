from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from accounts import challenges, own_account, passkeys, password_links, services, sign_ins, throttle
from accounts.factor_forms import MAX_ANSWER, PasskeyInput
from accounts.made_passwords import looks_made, made_password, nobodys_password
from accounts.passwords import MAX_PASSWORD_BYTES
from panel.addresses import lookup_key
from panel.changes import collected, refuse
from panel.forms import ActorForm
from panel.paging import PAGE_SIZES

THEMES = ("system", "light", "dark")


class NewPasswordInput(forms.PasswordInput):
    """``made``: the field starts with a generated password, to be handed over or replaced."""

    def __init__(self, attrs=None, *, made=False):
        self.made = made
        defaults = {"autocomplete": "new-password", "data-new-password": ""}
        super().__init__(defaults | (attrs or {}))

    def value_from_datadict(self, data, files, name):
        # A generated password is in nobody's memory, so a form that is shown again keeps it.
        value = super().value_from_datadict(data, files, name)
        self.render_value = bool(data.get(f"{name}-generated")) and looks_made(value or "")
        return value

    def get_context(self, name, value, attrs):
        if self.made and value is None:
            self.render_value, value = True, made_password()
        rules = {
            "minlength": settings.PASSWORD_MIN_LENGTH,
            "data-digits": settings.PASSWORD_MIN_DIGITS,
            "data-letters": settings.PASSWORD_MIN_LETTERS,
        }
        return super().get_context(name, value, rules | (attrs or {}))


def new_password_field(label=_("Password"), *, made=False, **kwargs):
    return forms.CharField(
        label=label,
        strip=False,
        max_length=MAX_PASSWORD_BYTES,
        widget=NewPasswordInput(made=made),
        error_messages={"required": _("Enter a password, or have one generated.")},
        **kwargs,
    )


def password_help():
    return password_validators_help_texts()[0]


PASSWORD, HAND_OVER, SEND = "password", "invite", "send"
INVITING = {
    HAND_OVER: _("Invite the person: hand over a link, on which they choose the password"),
    SEND: _("Invite the person: send the link to the other address"),
}


class HowSelect(forms.RadioSelect):
    def value_from_datadict(self, data, files, name):
        return super().value_from_datadict(data, files, name) or PASSWORD  # a script's


class HowMixin:
    """Of a form for a new account: the password is set by whoever creates it, or by the person it is for.

    ``token`` is that of the link; the view gives it, and shows it. A subclass's ``create()`` calls the service.
    """

    token = None
    without = {}  # ways in which the account has no password at all

    def __init__(self, data=None, *args, **kwargs):
        super().__init__(data, *args, **kwargs)
        self.fields["how"] = forms.ChoiceField(
            label=_("First password"),
            choices={PASSWORD: _("Set one, to be handed over"), **INVITING, **self.without},
            initial=PASSWORD,
            widget=HowSelect,
        )
        self.fields["must_change"] = must_change_field()
        self.fields["password"].help_text = password_help()
        if self.invites or self.does_without:
            self.fields["password"].required = False

    @property
    def invites(self):
        return self.data.get("how") in INVITING

    @property
    def does_without(self):
        return self.data.get("how") in self.without

    def values(self):
        values = dict(self.cleaned_data)
        values.pop("how", None)
        if self.invites or self.does_without:
            values |= {"password": None, "must_change": False}
        return values

    def save(self):
        if not self.invites:
            return self.create(**self.values())
        errors, send = {}, self.cleaned_data["how"] == SEND
        values = self.values() | {"password": nobodys_password()}
        with collected(errors):
            if send:
                password_links.check_can_be_sent(values["email_other"], self.name_of(values))
        with collected(errors):
            account = self.create(**values)
        refuse(errors)
        password_links.invite(actor=self.actor, account=account, token=self.token, send=send)
        return account


def must_change_field():
    return forms.BooleanField(
        label=_("Must change the password at the next sign-in"),
        required=False,
        help_text=_("The panel lets the person do nothing else then. Mail programs go on."),
    )


class InvitationForm(ActorForm):
    token = None
    how = forms.ChoiceField(
        label=_("The link"),
        choices={
            HAND_OVER: _("Hand it over yourself: it is shown once"),
            SEND: _("Send it to the other address"),
        },
        initial=HAND_OVER,
        widget=forms.RadioSelect,
    )

    def save(self):
        send = self.cleaned_data["how"] == SEND
        password_links.invite(actor=self.actor, account=self.instance, token=self.token, send=send)
        return self.instance


class LoginForm(forms.Form):
    username = forms.CharField(
        label=_("E-mail address"),
        max_length=255,
        error_messages={"required": _("Enter the e-mail address.")},
        widget=forms.TextInput(
            {
                "autocomplete": "username webauthn",
                "autocapitalize": "none",
                "inputmode": "email",
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        error_messages={"required": _("Enter the password.")},
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    # What the browser says of a passkey, in place of both.
    passkey = forms.CharField(max_length=MAX_ANSWER, required=False, widget=PasskeyInput())

    def __init__(self, *args, request, ip, **kwargs):
        self.request = request
        self.ip = ip
        self.account = None
        super().__init__(*args, **kwargs)
        self.by_passkey = self.is_bound and bool(self.data.get("passkey"))
        if self.by_passkey:
            self.fields["username"].required = self.fields["password"].required = False

    def clean(self):
        if self.by_passkey:
            self.show_passkey()
            return
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not username or not password:
            return
        self.account = throttle.guarded(
            lambda: authenticate(self.request, username=username, password=password),
            username,
            self.ip,
        )
        if self.account is None:
            tried = getattr(self.request, "account_tried", None)
            sign_ins.record_failure(tried, username, self.ip)
            raise ValidationError(
                _("Address and password do not match, or this account may not sign in."),
                "invalid_login",
            )

    def show_passkey(self):
        browser = challenges.browser_of(self.request)
        self.account = passkeys.signed_in(self.data["passkey"], browser, self.ip)
        if self.account is None:
            raise ValidationError(
                _(
                    "This passkey was not taken. Try again, or sign in with the password: the passkey may have been removed, or the account may not sign in."
                ),
                "invalid_login",
            )


class PreferencesForm(forms.Form):
    language = forms.ChoiceField(choices=settings.LANGUAGES, required=False)
    theme = forms.ChoiceField(choices=[(name, name) for name in THEMES], required=False)
    page_size = forms.TypedChoiceField(
        choices=[(size, size) for size in PAGE_SIZES], coerce=int, empty_value=0, required=False
    )


class OwnPasswordForm(ActorForm):
    old_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=4096,
        error_messages={"required": _("Enter your current password.")},
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    password = new_password_field(_("New password"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_help()

    def check_old_password(self):
        passwords = self.cleaned_data["old_password"], self.cleaned_data["password"]
        own_account.check_own_password(self.actor, *passwords)

    def save(self):
        return services.set_own_password(admin=self.actor, password=self.cleaned_data["password"])


# Attributes of a field for domains, of which static/js/recipients.js makes chips with suggestions.
CHIPS = {
    "data-recipients": reverse_lazy("domain-options"),
    "spellcheck": "false",
    "autocapitalize": "none",
}


def typed_names(text):
    return sorted({lookup_key(name) for name in text.split()})
