from decimal import Decimal

from django import forms
from django.conf import settings
from django.core.validators import EMPTY_VALUES
from django.utils.translation import gettext as text_of
from django.utils.translation import gettext_lazy as _

from domains.forms import DomainField, SizeField
from mailadmin.file_import import columns, keeping, matching, tables
from mailadmin.file_import.bounds import MOST_BYTES, MOST_LINES
from mailadmin.file_import.kinds import KINDS, kinds_of
from mailadmin.file_import.mailboxes import HIDDEN, INVITE, MADE, SEND
from mailadmin.file_import.texts import ONE_LETTER, TWO_LETTERS, in_bytes
from panel.formats import number
from panel.forms import ActorForm

OF_MAILBOXES = ("quota", "how", "must_change", "welcome")
UNUSED, NOT_USED = "-", _("not used")


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
    quota = SizeField(
        label=_("Quota"),
        required=False,
        help_text=_("Of lines that name none. Empty: as each domain has it."),
    )
    welcome = forms.BooleanField(
        label=_("Send a welcome mail"),
        required=False,
        help_text=_("Some mail programs need a first message."),
    )

    def __init__(self, *args, file, first, **kwargs):
        super().__init__(*args, **kwargs)
        self.file = file
        kind = KINDS[file.kind]
        if file.kind != "mailbox":
            for name in OF_MAILBOXES:
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
        self.order_fields([*self.column_names, "domain", "umlauts", *OF_MAILBOXES])
        if not self.is_bound:
            self.initial = self._first_options() | self.initial

    def _first_options(self):
        said = keeping.FIRST_OPTIONS | self.file.options
        if self.file.columns is None:
            said["welcome"] = settings.WELCOME_MAIL
        if said["quota"] is not None:
            said["quota"] = Decimal(said["quota"]) / settings.QUOTA_MULTIPLIER
        return {name: said[name] for name in keeping.FIRST_OPTIONS}

    def _proposed(self, first):
        if self.file.headings:
            known = columns.remembered(self.actor, self.file.kind)
            return columns.proposed(self.file.kind, self.file.headings, known)
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
        for place in matching.twice(chosen):
            self.add_error(f"column_{place}", matching.said_twice())
        matching.check(self.file.kind, chosen, values.get("domain"))
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
        if "quota" in options:
            size = options["quota"]
            options["quota"] = None if size in EMPTY_VALUES else in_bytes(size)
        return matching.match(file=self.file, columns=chosen, options=options)
