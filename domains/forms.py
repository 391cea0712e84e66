from copy import copy
from decimal import Decimal
from functools import cache, partial

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse_lazy
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from domains import resellers, sending_limits, services
from domains.flow_forms import DeliveryForm
from domains.models import MAX_DAYS, NONE_ALLOWED, UNLIMITED, Domain
from panel import fields
from panel.addresses import display_domain, lookup_key, normalise_domain
from panel.formats import typed_mb, typed_size
from panel.forms import ActorForm
from panel.scoping import may_create_domains, may_set_sending_limits

MAX_MB = 10**12  # a BIGINT holds more
SELECT_UP_TO = 50  # domains in a <select>; beyond that one types, with suggestions


class DomainField(forms.CharField):
    """One of the domains the actor manages; others are refused. A select while they are few."""

    default_error_messages = {
        "required": _("Choose a domain."),
        "unknown": _("You manage no domain of this name. Check the spelling."),
    }

    def __init__(self, *args, **kwargs):
        self.actor = None
        kwargs.setdefault("max_length", 255)
        super().__init__(*args, **kwargs)

    def limit_to(self, actor):
        self.actor = actor
        names = actor.managed_names
        if 0 < len(names) <= SELECT_UP_TO:
            self.widget = forms.Select(
                choices=[("", ""), *((name, display_domain(name)) for name in names)]
            )
        else:
            self.widget = forms.TextInput(
                {
                    "list": "domain-suggestions",
                    "autocomplete": "off",
                    "autocapitalize": "none",
                    "hx-get": reverse_lazy("domain-suggestions"),
                    "hx-trigger": "input changed delay:200ms",
                    "hx-target": "#domain-suggestions",
                }
            )
            self.prepare_value = lambda value: display_domain(value or "")
        self.widget.is_required = self.required

    def clean(self, value):
        text = super().clean(value)
        if not text:
            return None
        rows = Domain.objects.manageable_by(self.actor).select_related("usage")
        domain = rows.filter(pk=normalise_domain(text)).first()
        if domain is None:
            raise ValidationError(self.error_messages["unknown"], "unknown")
        return domain


class NewNameField(DomainField):
    """A domain for another name: one of the actor's; for whoever may create domains also one that is not here yet, as its text."""

    default_error_messages = {
        "required": _("Enter the other name."),
        "unknown": _(
            "You manage no domain of this name. If it is new here, ask a superadmin to add it."
        ),
    }

    def clean(self, value):
        try:
            return super().clean(value)
        except ValidationError as error:
            if getattr(error, "code", "") != "unknown" or not may_create_domains(self.actor):
                raise
        return normalise_domain(value)


class LocalPartField(forms.CharField):
    default_error_messages = {"required": _("Enter the name before the @.")}
    widget = forms.TextInput(
        {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    )

    def to_python(self, value):
        return super().to_python(value).removesuffix("@")


def with_pasted_address(data):
    """Return what was sent, with a whole address in the field of the local part read as name and domain.

    It stays as it is where another domain was chosen.
    """
    name, _at, domain = data.get("local_part", "").strip().partition("@")
    chosen = data.get("domain", "")
    if not domain or (chosen and lookup_key(chosen) != lookup_key(domain)):
        return data
    return data.dict() | {"local_part": name, "domain": chosen or domain}


@cache
def words_for_no_limit():
    words = set()
    for code, _name in settings.LANGUAGES:
        with override(code):
            words.add(gettext("no limit").casefold())
    return words


class SizeField(forms.CharField):
    """A number of MB, typed as "2 GB" or "500 MB"; a number alone is in MB."""

    widget = forms.TextInput({"autocomplete": "off", "list": "sizes", "data-size": ""})
    default_error_messages = {
        "invalid": _("Enter a size such as 2 GB or 500 MB."),
        "too_large": _("Enter less: nothing holds that much."),
    }

    def __init__(self, **kwargs):
        super().__init__(max_length=30, **kwargs)

    def to_python(self, value):
        if value in self.empty_values or isinstance(value, int | Decimal):
            return value
        text = super().to_python(value)
        mb = Decimal(0) if text.casefold() in {"0", *words_for_no_limit()} else typed_mb(text)
        if mb is None:
            raise ValidationError(self.error_messages["invalid"], "invalid")
        if mb > MAX_MB:
            raise ValidationError(self.error_messages["too_large"], "too_large")
        return mb

    def prepare_value(self, value):
        if isinstance(value, str) or value is None:
            return value
        return typed_size(value) if value else gettext("no limit")

    def run_validators(self, value):
        # the parent's validators check what was typed, not its size
        pass

    def has_changed(self, initial, data):
        try:
            return self.to_python(initial) != self.to_python(data)
        except ValidationError:
            return True


class WholeSizeField(SizeField):
    default_error_messages = {"whole": _("Enter whole megabytes, 1 MB or more.")}

    def to_python(self, value):
        mb = super().to_python(value)
        if mb in self.empty_values:
            return None
        if mb < 1 or mb != int(mb):
            raise ValidationError(self.error_messages["whole"], "whole")
        return int(mb)


class LimitWidget(forms.MultiWidget):
    template_name = "django/forms/widgets/limit.html"

    def __init__(self, choices, *, is_size):
        self.is_size = is_size
        super().__init__([forms.Select(choices=choices), forms.TextInput()])

    def decompress(self, value):
        if value is None:
            return ["limited", None]
        if self.is_size and value > 0:
            return ["limited", typed_size(value)]
        return {UNLIMITED: ["unlimited", None], NONE_ALLOWED: ["none", None]}.get(
            value, ["limited", value]
        )

    def id_for_label(self, id_):
        return f"{id_}_0"

    def get_context(self, name, value, attrs):
        # What limit.html needs; of the two widgets' own contexts it would use little.
        kind, number = value if isinstance(value, list) else self.decompress(value)
        chosen = {"kinds": self.widgets[0].choices, "kind": kind, "number": number}
        common = {"name": name, "attrs": attrs, "template_name": self.template_name}
        return {"widget": common | chosen | {"is_size": self.is_size}}


class LimitField(forms.MultiValueField):
    def __init__(self, *, none_label=_("None allowed"), is_size=False, **kwargs):
        choices = [
            ("limited", _("Up to")),
            ("unlimited", _("Unlimited")),
            ("none", none_label),
        ]
        kwargs.setdefault("error_messages", {"required": _("Choose a limit.")})
        number = WholeSizeField if is_size else partial(forms.IntegerField, min_value=1)
        super().__init__(
            [forms.ChoiceField(choices=choices), number(required=False)],
            require_all_fields=False,
            widget=LimitWidget(choices, is_size=is_size),
            **kwargs,
        )

    def __deepcopy__(self, memo):
        # Each form has a copy of everything but the two fields, which no form changes.
        return super(forms.MultiValueField, self).__deepcopy__(memo)

    def compress(self, values):
        kind, number = values or ("limited", None)
        if kind == "unlimited":
            return UNLIMITED
        if kind == "none":
            return NONE_ALLOWED
        if not number:
            raise ValidationError(
                _("Write a number of 1 or more, or choose “Unlimited”."), "required"
            )
        return number


class RecipientsField(forms.IntegerField):
    def __init__(self, **kwargs):
        kwargs |= {"min_value": 1, "max_value": fields.RecipientsField.MOST, "required": False}
        super().__init__(label=_("Recipients an hour"), **kwargs)


def drop_sending_limit(form):
    if not (sending_limits.are_kept() and may_set_sending_limits(form.actor)):
        del form.fields["sending_limit"]


OF_MAILBOXES = {"mailboxes", "aliases", "maxquota", "quota", "password_expiry", "sending_limit"}


class DomainForm(ActorForm):
    description = forms.CharField(label=_("Description"), max_length=255, required=False)
    mailboxes = LimitField(label=_("Mailboxes"))
    aliases = LimitField(
        label=_("Aliases"), help_text=_("The mailboxes’ own addresses do not count.")
    )
    maxquota = LimitField(
        label=_("Largest mailbox"), is_size=True, none_label=_("Quotas are not used")
    )
    quota = LimitField(
        label=_("All mailboxes together"),
        is_size=True,
        none_label=_("Quotas are not used"),
        help_text=_("The sum of the mailboxes’ quotas may not exceed this."),
    )
    password_expiry = forms.IntegerField(
        label=_("Password lifetime"),
        min_value=0,
        max_value=MAX_DAYS,
        required=False,
        help_text=_("0 = never expires. Only enforced if your Dovecot query checks it."),
        widget=forms.NumberInput({"suffix": _("days")}),
    )

    sending_limit = RecipientsField(
        help_text=_("All its mailboxes together. Empty: as many as the server lets every domain.")
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        drop_sending_limit(self)
        if self.instance is not None and self.instance.backupmx:
            # It has no mailboxes; and its limits come back as they were when it is no backup MX any more.
            for name in OF_MAILBOXES & self.fields.keys():
                if not {name, f"{name}_0"} & self.data.keys():  # opened before it was one
                    del self.fields[name]

    def clean_password_expiry(self):
        return self.cleaned_data["password_expiry"] or 0

    def check(self):
        services.check_domain(copy(self.instance), actor=self.actor, **self.changed())

    def save(self):
        return services.update_domain(actor=self.actor, domain=self.instance, **self.changed())


class DomainCreateForm(DeliveryForm, DomainForm):
    name = forms.CharField(
        label=_("Domain"),
        max_length=255,
        error_messages={"required": _("Enter the domain’s name.")},
        help_text=_("For example example.org or müller.example."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    role_target = forms.CharField(
        label=_("Send postmaster@, abuse@ … to"),
        max_length=255,
        required=False,
        widget=forms.TextInput(
            {"autocapitalize": "none", "data-suggest": reverse_lazy("address-suggestions")}
        ),
    )

    use_as = forms.ChoiceField(
        label=_("Use it as"),
        choices=[("own", _("A domain of its own")), ("alias", _("Another name for…"))],
        required=False,
        widget=forms.RadioSelect,
    )
    alias_of = DomainField(
        label=_("Domain that gets its mail"),
        help_text=_("Mail for each name goes to the same name there."),
    )

    field_order = ["name", "use_as", "alias_of", "description", "role_target"]
    shown_at = {"target_domain": "alias_of"}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields.pop("sending_limit", None)
        if resellers.is_bound(self.actor):
            for name in resellers.OF_SUPERADMINS:
                del self.fields[name]
        self.fields["alias_of"].limit_to(self.actor)
        self.fields["alias_of"].required = not self.is_bound or self.data.get("use_as") == "alias"
        if settings.ROLE_ADDRESSES:
            self.fields["role_target"].help_text = _(
                "Creates these as aliases: %(names)s. An address, or a name in this domain."
                " Empty: none are created."
            ) % {"names": ", ".join(settings.ROLE_ADDRESSES)}
        else:
            del self.fields["role_target"]

    def clean(self):
        if self.cleaned_data.pop("use_as", "") != "alias":
            self.cleaned_data.pop("alias_of", None)

    def check(self):
        if "name" in self.cleaned_data:
            services.refuse_unproved(actor=self.actor, **self.cleaned_data)
        services.check_new_domain(actor=self.actor, **self.cleaned_data)

    def save(self):
        return services.create_domain(actor=self.actor, **self.cleaned_data)


class AliasDomainForm(ActorForm):
    target_domain = DomainField(
        label=_("Target domain"),
        help_text=_("Mail for each name goes to the same name here."),
    )
    description = forms.CharField(label=_("Description"), max_length=255, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("alias_domain", "target_domain"):
            if name in self.fields:
                self.fields[name].limit_to(self.actor)

    def check(self):
        services.check_alias_domain(copy(self.instance), **self.changed())

    def save(self):
        return services.update_alias_domain(actor=self.actor, link=self.instance, **self.changed())


class AliasDomainCreateForm(AliasDomainForm):
    alias_domain = NewNameField(
        label=_("Other name"),
        help_text=_("If it has mailboxes and aliases of its own, they remain and take precedence."),
    )

    field_order = ["alias_domain", "target_domain"]
    shown_at = {"name": "alias_domain"}

    @property
    def is_new(self):
        return isinstance(self.cleaned_data.get("alias_domain"), str)

    def check(self):
        values = dict(self.cleaned_data)
        if self.is_new:
            name, target = values.pop("alias_domain"), values.get("target_domain")
            new = {"actor": self.actor, "name": name, "alias_of": target}
            services.refuse_unproved(**new)
            services.check_new_domain(**new)
        services.check_new_alias_domain(**values)

    def save(self):
        values = dict(self.cleaned_data)
        if not self.is_new:
            return services.create_alias_domain(actor=self.actor, **values)
        name, target = values.pop("alias_domain"), values.pop("target_domain")
        domain = services.create_domain(actor=self.actor, name=name, alias_of=target, **values)
        return domain.alias_of
