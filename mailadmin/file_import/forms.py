from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as text_of
from django.utils.translation import gettext_lazy as _

from domains.forms import DomainField
from mailadmin.file_import import columns, judging, keeping, tables
from mailadmin.file_import.bounds import MOST_BYTES, MOST_LINES
from mailadmin.file_import.kinds import HIDDEN, INVITE, KINDS, MADE, SEND, kinds_of
from mailadmin.file_import.texts import ONE_LETTER, TWO_LETTERS
from panel.formats import number
from panel.forms import ActorForm

# What a line needs: one of each group.
NEEDED = {
    "mailbox": [("address", "local_part", "name", "first_name", "last_name")],
    "alias": [("address", "local_part"), ("targets",)],
    "alias-domain": [("domain",)],
    "domain": [("domain",)],
}
UNUSED, NOT_USED = "-", _("not used")
SIZES = {"quota", "maxquota", "domain_quota"}


def bounds_in_words():
    return text_of("At most %(n)s MB and %(lines)s lines.") % {
        "n": MOST_BYTES // 1_000_000,
        "lines": number(MOST_LINES),
    }


class UploadForm(ActorForm):
    kind = forms.ChoiceField(label=_("What is in it"), widget=forms.RadioSelect)
    format = forms.ChoiceField(label=_("Written as"), choices=tables.FORMATS, initial=tables.TABLE)
    file = forms.FileField(
        label=_("File"),
        max_length=255,
        error_messages={
            "required": _("Choose a file that is not too large."),
            "empty": _("The file is empty."),
        },
        widget=forms.FileInput({"accept": ".csv,.tsv,.txt,.xlsx,.ldif,.cf,text/*"}),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        kinds = kinds_of(self.actor)
        self.fields["kind"].choices = [(name, kind.words) for name, kind in kinds.items()]
        self.fields["file"].help_text = bounds_in_words()

    def save(self):
        values = self.cleaned_data
        return keeping.store(
            actor=self.actor,
            kind=values["kind"],
            upload=values["file"],
            format=values["format"],
        )


class MatchForm(ActorForm):
    """What each column of a file holds, and what counts where a line says nothing."""

    domain = DomainField(
        label=_("Domain"),
        required=False,
        help_text=_("Of lines whose address has none."),
    )
    umlauts = forms.ChoiceField(
        label=_("Umlauts in addresses"),
        choices=[
            (TWO_LETTERS, _("müller becomes mueller")),
            (ONE_LETTER, _("müller becomes muller")),
        ],
        widget=forms.RadioSelect,
    )
    how = forms.ChoiceField(
        label=_("Where no password is given"),
        choices=[
            (MADE, _("Make one: the result has it, once")),
            (INVITE, _("Invite the person: the result has a link, once")),
            (SEND, _("Invite the person: send the link to the other address")),
        ],
        widget=forms.RadioSelect,
    )
    must_change = forms.BooleanField(
        label=_("Must change the password at the next sign-in"),
        required=False,
    )

    def __init__(self, *args, file, first, **kwargs):
        super().__init__(*args, **kwargs)
        self.file = file
        kind = KINDS[file.kind]
        if file.kind != "mailbox":
            for name in ("how", "must_change"):
                del self.fields[name]
        if file.kind in {"alias-domain", "domain"}:
            del self.fields["umlauts"]
        if file.kind == "domain":
            del self.fields["domain"]
        elif file.kind == "alias-domain":
            self.fields["domain"].label = text_of("Target domain")
            self.fields["domain"].help_text = text_of("Of lines that name none.")
        if "domain" in self.fields:
            self.fields["domain"].limit_to(self.actor)
        proposed = file.columns or self._proposed(first)
        for place in range(file.options["width"]):
            field = forms.ChoiceField(
                label=self._heading(place),
                choices=[(UNUSED, NOT_USED), *kind.fields.items()],
                initial=(proposed[place] if place < len(proposed) else "") or UNUSED,
                help_text=", ".join(
                    filter(None, (self._shown(row, place, proposed) for row in first))
                ),
            )
            self.fields[f"column_{place}"] = field
        self.order_fields([*self.column_names, "domain", "umlauts", "how", "must_change"])
        if not self.is_bound:
            self.initial = {
                name: file.options[name] for name in keeping.FIRST_OPTIONS
            } | self.initial

    def _proposed(self, first):
        if self.file.headings:
            return columns.proposed(self.actor, self.file.kind, self.file.headings)
        return columns.proposed_by_content(self.file.kind, first[0] if first else [])

    def _heading(self, place):
        if place < len(self.file.headings) and self.file.headings[place]:
            return self.file.headings[place][: columns.LONGEST_HEADING]
        return text_of("Column %(n)s") % {"n": place + 1}

    def _shown(self, cells, place, proposed):
        """An example of what stands in a column, but no password: so of none of which nobody knows what it holds."""
        name = proposed[place] if place < len(proposed) else ""
        if place >= len(cells) or not name or name in HIDDEN:
            return ""
        return cells[place][:40]

    @property
    def column_names(self):
        return [f"column_{place}" for place in range(self.file.options["width"])]

    @property
    def columns(self):
        return [self[name] for name in self.column_names]

    @property
    def others(self):
        return [field for field in self if not field.name.startswith("column_")]

    def chosen(self, values):
        """What each column holds, or ""."""
        return [values.get(name, "").replace(UNUSED, "") for name in self.column_names]

    def clean(self):
        values = super().clean()
        chosen = self.chosen(values)
        for name, meaning in zip(self.column_names, chosen, strict=True):
            if meaning and chosen.count(meaning) > 1:
                text = _("Two columns cannot hold the same.")
                self.add_error(name, ValidationError(text, "twice"))
        fields = KINDS[self.file.kind].fields
        for group in NEEDED[self.file.kind]:
            if not set(group) & set(chosen):
                text = text_of("No column holds what each line needs: %(what)s.")
                what = text_of(" or ").join(str(fields[name]) for name in group[:1])
                raise ValidationError(text % {"what": what}, "missing")
        if self.file.kind == "alias-domain" and "target" not in chosen and not values.get("domain"):
            text = _("Choose where they lead, or the column that says so.")
            raise ValidationError({"domain": ValidationError(text, "missing")})
        return values

    def save(self):
        values = self.cleaned_data
        chosen = self.chosen(values)
        if self.file.headings:
            headings = [*self.file.headings, *[""] * (len(chosen) - len(self.file.headings))]
            columns.remember(self.actor, self.file.kind, headings, chosen)
        options = {name: values[name] for name in keeping.FIRST_OPTIONS if name in values}
        if "domain" in options:
            options["domain"] = options["domain"].pk if options["domain"] else ""
        options["units"] = self._units(chosen)
        return judging.match(file=self.file, columns=chosen, options=options)

    def _units(self, chosen):
        pairs = zip(chosen, self.file.headings, strict=False)
        return {name: columns.unit_of(heading) for name, heading in pairs if name in SIZES}
