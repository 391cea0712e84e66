import re
from copy import deepcopy
from functools import cache
from hashlib import blake2b

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class Fields(dict):
    """Fields that each form copies, with their widgets and error messages: all that a form changes of them."""

    def __deepcopy__(self, memo):
        return {name: _copied(field) for name, field in self.items()}


def _copied(field):
    plain = type(field).__deepcopy__, type(field.widget).__deepcopy__
    if plain != (forms.Field.__deepcopy__, forms.Widget.__deepcopy__):
        return deepcopy(field)
    copied = _with_attributes_of(field)
    copied.error_messages = {**field.error_messages}
    copied.widget = _with_attributes_of(field.widget)
    copied.widget.attrs = {**field.widget.attrs}
    return copied


def _with_attributes_of(original):
    made = object.__new__(type(original))
    made.__dict__.update(original.__dict__)
    return made


@cache
def _fields_in(language, form_class):
    """The fields of a form, with their texts translated: Django would look each up whenever a page asks for it."""
    fields = Fields(deepcopy(form_class.base_fields))
    for field in fields.values():
        field.help_text = str(field.help_text)
        field.label = field.label and str(field.label)
    return fields


def plain(value):
    if isinstance(value, list | tuple):
        return "\n".join(map(plain, value))
    text = "" if value is None else str(getattr(value, "pk", value))
    return "\n".join(text.splitlines()).strip()  # browsers send \r\n


def digest(value):
    """16 hexadecimal digits in place of a value: an alias may have 65,000 bytes of targets."""
    return blake2b(plain(value).encode(), digest_size=8).hexdigest()


class ConcurrentField(forms.BoundField):
    """A field that somebody else may change while the form is open.

    A value that is posted unchanged is replaced by the stored one.
    """

    @property
    def stored(self):
        widget, value = self.field.widget, self.initial
        if isinstance(widget, forms.MultiWidget):
            return widget.decompress(value)
        return self.field.prepare_value(value)

    @cached_property
    def data(self):
        posted = super().data
        return self.stored if digest(posted) == self.form.initial_digests.get(self.name) else posted

    def has_conflict(self):
        if self.form.initial_digests[self.name] in {digest(self.stored), digest(super().data)}:
            return False
        if self.name not in self.form.cleaned_data:
            return True
        value = self.form.cleaned_data[self.name]
        return value != self.initial and plain(value) != plain(self.initial)

    def stored_in_words(self):
        if isinstance(self.field.widget, forms.MultiWidget):
            parts = zip(self.field.widget.widgets, self.stored, strict=True)
        else:
            parts = [(self.field.widget, self.stored)]
        words = [plain(dict(getattr(w, "choices", ())).get(value, value)) for w, value in parts]
        posted = set(plain(self.data).splitlines())
        lines = sorted(" ".join(words).splitlines(), key=posted.__contains__)
        return Truncator(", ".join(lines).strip()).chars(300) or _("empty")


class ActorForm(forms.Form):
    """A form that knows who acts. ``save()`` calls one service and returns its row.

    The rules are in the service: save() raises all errors at once. Where save() is not called, because a field
    could not be read or has an edit conflict, ``check()`` asks the service about the other fields.

    A form about a stored row sends digests of its initial values along. So what somebody else saved
    while it was open is kept, or is an error (``edit_conflict``) before it is overwritten.
    """

    bound_field_class = ConcurrentField
    shown_at = {}  # a service's field → the form's, where the names differ

    def __init__(self, *args, actor, instance=None, **kwargs):
        self.actor = actor
        self.instance = instance
        self.language = get_language()
        self.base_fields = _fields_in(self.language, type(self))
        super().__init__(*args, **kwargs)

    def keep_only(self, name):
        for other in [*self.fields]:
            if other != name:
                del self.fields[other]

    def initial_digests_input(self):
        fields = [] if self.instance is None else [f for f in self if f.name in self.initial]
        digests = " ".join(f"{field.name}:{digest(field.stored)}" for field in fields)
        name = self.add_prefix("initial_digests")
        html = '<input type="hidden" name="{}" value="{}">'
        return format_html(html, name, digests) if digests else ""

    @cached_property
    def initial_digests(self):
        """``{field: digest}`` as posted; empty for a script, whose values all count."""
        text = str(self.data.get(self.add_prefix("initial_digests"), ""))
        # Word by word: a regular expression over 256 kB of posted text would take too long.
        found = (word.partition(":") for word in text.split())
        return {
            name: value
            for name, _colon, value in found
            if name in self.fields and re.fullmatch("[0-9a-f]{16}", value)
        }

    def full_clean(self):
        super().full_clean()
        if not self.is_bound:
            return
        fields = [self[name] for name in self.initial_digests]
        conflicts = [field for field in fields if field.has_conflict()]
        if self._errors or conflicts:
            try:
                self.check()
            except ValidationError as error:
                self.add_error(None, error)
        for field in conflicts:
            error = _(
                "Someone else changed this field while you were editing. It is now: %(value)s. Save again to overwrite it."
            )
            params = {"value": field.stored_in_words()}
            self.add_error(field.name, ValidationError(error, "edit_conflict", params))

    def check(self):
        pass

    def add_error(self, field, error):
        """A service's error about a field that is not shown goes to the top of the form."""
        if field is not None or not hasattr(error, "error_dict"):
            super().add_error(field, error)
            return
        for name, errors in error.error_dict.items():
            shown = self.shown_at.get(name, name)
            super().add_error(shown if shown in self.fields else None, errors)

    def changed(self):
        values = self.cleaned_data
        return {name: values[name] for name in self.changed_data if name in values}
