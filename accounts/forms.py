"""Forms about who is at the keyboard, and the bases that every form shares."""

import logging
from time import monotonic

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import services, throttle
from accounts.backends import authenticate
from accounts.models import Admin
from accounts.names import ascii_name

logger = logging.getLogger(__name__)


class ActorForm(forms.Form):
    """A form that knows who acts. ``save()`` calls one service and returns its row."""

    def __init__(self, *args, actor, instance=None, **kwargs):
        self.actor = actor
        self.instance = instance
        super().__init__(*args, **kwargs)

    def changed(self):
        """The cleaned values of the fields that were changed: what nobody touched stays as it is."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


class NewPasswordInput(forms.PasswordInput):
    """A password to set: the page adds buttons to show, generate and copy it."""

    def __init__(self, attrs=None):
        defaults = {"autocomplete": "new-password", "data-new-password": "", "maxlength": 256}
        super().__init__(defaults | (attrs or {}))

    def get_context(self, name, value, attrs):
        rules = {
            "minlength": settings.PASSWORD_MIN_LENGTH,
            "data-digits": settings.PASSWORD_MIN_DIGITS,
            "data-letters": settings.PASSWORD_MIN_LETTERS,
        }
        return super().get_context(name, value, rules | (attrs or {}))


def new_password_field(label=_("Password"), **kwargs):
    """Return the field for a new password, with the strength rules as its help."""
    return forms.CharField(label=label, strip=False, widget=NewPasswordInput, **kwargs)


def password_help():
    """The first rule in words: length, letters, digits as configured."""
    return password_validators_help_texts()[0]


class LoginForm(forms.Form):
    """Name and password; the same answer, after the same time, whatever is wrong."""

    username = forms.CharField(
        label=_("E-mail address"),
        max_length=255,
        widget=forms.TextInput(
            {
                "autocomplete": "username",
                "autocapitalize": "none",
                "autofocus": True,
                "inputmode": "email",
            }
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, *args, ip, **kwargs):
        self.ip = ip
        self.account = None
        super().__init__(*args, **kwargs)

    def clean(self):
        username, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not username or not password:
            return
        if throttle.is_blocked(username, self.ip):
            raise ValidationError(
                ngettext(
                    "Too many wrong passwords from your network."
                    " Wait %(minutes)d minute, then try again.",
                    "Too many wrong passwords from your network."
                    " Wait %(minutes)d minutes, then try again.",
                    settings.LOGIN_PAUSE_MINUTES,
                ),
                "throttled",
                {"minutes": settings.LOGIN_PAUSE_MINUTES},
            )
        began = monotonic()
        self.account = authenticate(username, password)
        if self.account is None:
            throttle.record_failure(username, self.ip)
            # One line for fail2ban; %r keeps a line break in the name from making another.
            logger.warning("login failed for %r from %s", username, self.ip)
            throttle.even_out(began)
            raise ValidationError(
                _("Address and password do not match, or this account may not sign in."),
                "invalid_login",
            )
        throttle.forget(username, self.ip)


class OwnPasswordForm(ActorForm):
    """Change one's own password, with the old one."""

    old_password = forms.CharField(
        label=_("Current password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    password = new_password_field(_("New password"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_help()

    def save(self):
        return services.change_own_password(
            admin=self.actor,
            old_password=self.cleaned_data["old_password"],
            password=self.cleaned_data["password"],
        )


class AdminForm(ActorForm):
    """What can be changed of an administrator; ``domains`` one name a line."""

    superadmin = forms.BooleanField(
        label=_("Superadmin"), required=False, help_text=_("May do everything, in every domain.")
    )
    domains = forms.CharField(
        label=_("Domains"),
        required=False,
        widget=forms.Textarea({"rows": 5, "spellcheck": "false"}),
        help_text=_("The domains this person manages, one a line. A superadmin needs none."),
    )
    active = forms.BooleanField(
        label=_("Active"),
        required=False,
        initial=True,
        help_text=_("Off: cannot sign in; the rights stay."),
    )
    phone = forms.CharField(label=_("Phone"), required=False, max_length=30)
    email_other = forms.EmailField(label=_("Other e-mail address"), required=False, max_length=255)

    def clean_domains(self):
        """Return the names of existing domains; the model is reached through the relation."""
        model = Admin._meta.get_field("domains").related_model
        names = {ascii_name(name.lower()) for name in self.cleaned_data["domains"].split()}
        known = set(model.objects.filter(pk__in=names).values_list("pk", flat=True))
        unknown = sorted(names - known)
        if unknown:
            raise ValidationError(
                _("No such domain: %(names)s. Create it first, or correct the name."),
                "unknown_domain",
                {"names": ", ".join(unknown[:10])},
            )
        return sorted(known)

    def save(self):
        values = self.changed()
        return services.update_admin(actor=self.actor, admin=self.instance, **values)


class AdminCreateForm(AdminForm):
    username = forms.CharField(
        label=_("E-mail address"),
        max_length=255,
        help_text=_("The login name. A mailbox of this address keeps its own password."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "inputmode": "email"}
        ),
    )
    password = new_password_field()

    field_order = ["username", "password", "superadmin", "domains"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_help()

    def save(self):
        return services.create_admin(actor=self.actor, **self.cleaned_data)


class AdminPasswordForm(ActorForm):
    password = new_password_field(_("New password"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_help()

    def save(self):
        return services.set_admin_password(
            actor=self.actor, admin=self.instance, password=self.cleaned_data["password"]
        )
