"""Forms of administrators: who they are, and what they may do in which domains."""

from copy import copy

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from accounts import services
from accounts.forms import (
    CHIPS,
    HowMixin,
    must_change_field,
    new_password_field,
    password_help,
    typed_names,
)
from accounts.reselling import BUDGET
from domains.forms import SizeField, WholeSizeField
from panel.forms import ActorForm
from panel.rights import ALIASES, FULL, PASSWORDS, READ, ROLES

ROOM = 30_000  # characters of domain names that a form shows: about a thousand names
MAX_NAMES = 100_000  # characters of domain names that a form accepts


def narrowed_field(label, help_text):
    return forms.CharField(
        label=label,
        required=False,
        max_length=MAX_NAMES,
        widget=forms.Textarea(CHIPS | {"rows": 2}),
        help_text=help_text,
    )


class MostSizeField(WholeSizeField):
    """None is unlimited, as an empty field or as "no limit"."""

    def to_python(self, value):
        return None if SizeField.to_python(self, value) == 0 else super().to_python(value)


NARROWED = {"aliases_in": ALIASES, "passwords_in": PASSWORDS, "read_in": READ}
APART = ("added", "removed", "role", "role_in")  # the fields for domains that are too many


BY_MAILBOX = "mailbox"
# What somebody who signs in with a mailbox cannot have.
OF_OWN_SIGN_IN = ("superadmin", *BUDGET, "resold", "must_change", "email_other")


class AdminForm(ActorForm):
    """``domains`` holds one name a line, of those in which everything may be done, and the NARROWED the others; when they are too many
    for a page, those APART replace them: they say what changes.
    """

    shown_at = {"given": "role_in", "roles": "domains"}

    superadmin = forms.BooleanField(
        label=_("Superadmin"), required=False, help_text=_("May do everything, in every domain.")
    )
    domains = forms.CharField(
        label=_("Domains"),
        required=False,
        max_length=MAX_NAMES,
        widget=forms.Textarea(CHIPS | {"rows": 5}),
        help_text=_("The domains this person manages, one a line. A superadmin needs none."),
    )
    aliases_in = narrowed_field(
        _("Aliases only"),
        _("There the person sees everything, and changes aliases and catch-alls."),
    )
    passwords_in = narrowed_field(
        _("Passwords only"),
        _(
            "There the person sees everything, sets passwords, invites, ends sessions and takes second factors away."
        ),
    )
    read_in = narrowed_field(
        _("Only see"), _("There the person sees everything, and changes nothing.")
    )
    added = forms.CharField(
        label=_("Domains to add"),
        required=False,
        max_length=MAX_NAMES,
        widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
    )
    removed = forms.CharField(
        label=_("Domains to take away"),
        required=False,
        max_length=MAX_NAMES,
        widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
        help_text=_("One name a line."),
    )
    role = forms.ChoiceField(label=_("Right there"), choices=ROLES, required=False)
    role_in = forms.CharField(
        label=_("Domains with another right from now on"),
        required=False,
        max_length=MAX_NAMES,
        widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
        help_text=_("One name a line. All others keep theirs."),
    )
    reseller = forms.BooleanField(
        label=_("Reseller"),
        required=False,
        help_text=_(
            "May create domains, change their limits and delete them, as long as these limits together are within the budget. What is empty here is unlimited."
        ),
    )
    max_domains = forms.IntegerField(label=_("Domains at most"), min_value=0, required=False)
    max_mailboxes = forms.IntegerField(label=_("Mailboxes at most"), min_value=0, required=False)
    max_storage = MostSizeField(
        label=_("Storage at most"),
        required=False,
        help_text=_("What the mailboxes of all their domains together may be promised."),
    )
    resold = forms.CharField(
        label=_("Domains that count against the budget"),
        required=False,
        max_length=MAX_NAMES,
        widget=forms.Textarea(CHIPS | {"rows": 3}),
        help_text=_("Of the domains above, one a line. What the person creates counts by itself."),
    )
    phone = forms.CharField(label=_("Phone"), required=False, max_length=30)
    email_other = forms.EmailField(label=_("Other e-mail address"), required=False, max_length=255)
    must_change = must_change_field()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        names = "\n".join(self.initial.get(name, "") for name in ("domains", *NARROWED))
        self.managed = names.split()
        # A POST is read by the fields its page had, even if the number of domains changed since.
        apart = "added" in self.data if self.is_bound else len(names) > ROOM
        self.apart = bool(apart and self.instance)
        for name in ("domains", "resold", *NARROWED) if self.apart else APART:
            del self.fields[name]
        self.by_mailbox = bool(self.instance and not self.instance.has_own_sign_in)
        for name in OF_OWN_SIGN_IN if self.by_mailbox else ():
            self.fields.pop(name, None)
        if "added" in self.fields:
            number = number_format(len(self.managed), force_grouping=True)
            self.fields["added"].help_text = _("One name a line. Assigned now: %(number)s.") % {
                "number": number
            }

    def clean_domains(self):
        return typed_names(self.cleaned_data["domains"])

    def clean_resold(self):
        return typed_names(self.cleaned_data["resold"])

    def clean_added(self):
        return typed_names(self.cleaned_data["added"])

    def clean_removed(self):
        return typed_names(self.cleaned_data["removed"])

    def clean_aliases_in(self):
        return typed_names(self.cleaned_data["aliases_in"])

    def clean_passwords_in(self):
        return typed_names(self.cleaned_data["passwords_in"])

    def clean_read_in(self):
        return typed_names(self.cleaned_data["read_in"])

    def clean_role_in(self):
        return typed_names(self.cleaned_data["role_in"])

    def clean(self):
        cleaned = super().clean()
        seen = set()
        for name in ("domains", *NARROWED):
            names = {*cleaned.get(name, ())}
            if both := seen & names:
                text = _("It stands in another list already: %(names)s. Leave it in one.")
                listed = ", ".join(sorted(both)[:10])
                self.add_error(name, ValidationError(text, "twice", {"names": listed}))
            seen |= names
        if self.by_mailbox and self.managed and not seen:
            text = _("It manages its domain as long as it is there. Switch it off, or delete it.")
            self.add_error("domains", ValidationError(text, "by_mailbox"))
        return cleaned

    def with_roles(self, values):
        """The lists of the form as the service knows them."""
        values, narrowed = dict(values), {}
        for name, role in NARROWED.items():
            narrowed |= dict.fromkeys(values.pop(name, ()), role)
        role, names = values.pop("role", ""), values.pop("role_in", ())
        if self.apart:
            return values | ({"given": dict.fromkeys(names, role or FULL)} if names else {})
        if narrowed or "domains" in values:
            values["domains"] = sorted({*values.get("domains", ()), *narrowed})
            values["roles"] = narrowed
        return values

    def changed(self):
        changed = super().changed()
        lists = {"domains", *NARROWED}
        if changed.keys() & lists:
            changed |= {name: self.cleaned_data.get(name, ()) for name in lists}
        return self.with_roles(changed)

    def check(self):
        services.check_admin(copy(self.instance), actor=self.actor, **self.changed())

    def save(self):
        return services.update_admin(actor=self.actor, admin=self.instance, **self.changed())


class AdminCreateForm(HowMixin, AdminForm):
    shown_at = AdminForm.shown_at | {"mailbox": "username"}
    without = {
        BY_MAILBOX: _(
            "None: the user of the mailbox of this address signs in there, and manages only its domain"
        )
    }

    username = forms.CharField(
        label=_("E-mail address"),
        max_length=255,
        error_messages={"required": _("Enter the e-mail address.")},
        help_text=_("The login name. A mailbox of this address keeps its own password."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "inputmode": "email"}
        ),
    )
    password = new_password_field(made=True)

    field_order = ["username", "password", "superadmin", "domains"]

    def values(self):
        values = self.with_roles(super().values())
        if self.does_without:
            values["mailbox"] = values.get("username")
        return values

    def check(self):
        services.check_new_admin(**self.values())

    def name_of(self, values):
        return values["username"]

    def create(self, **values):
        return services.create_admin(actor=self.actor, **values)


class AdminPasswordForm(ActorForm):
    password = new_password_field(_("New password"), made=True)
    must_change = must_change_field()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_help()

    def save(self):
        return services.set_admin_password(
            actor=self.actor, admin=self.instance, **self.cleaned_data
        )
