"""What the columns of a file hold, and what counts for all its lines: as a page asks it, or a program says it at once."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from mailadmin.file_import import columns as headings_known
from mailadmin.file_import import judging, keeping
from mailadmin.file_import.kinds import KINDS, domains_of
from mailadmin.file_import.texts import domain_name, not_yours
from panel.changes import collected, refuse

# What a line needs: one of each group.
NEEDED = {
    "mailbox": [("address", "local_part", "name", "first_name", "last_name")],
    "alias": [("address", "local_part"), ("targets",)],
    "alias-domain": [("domain",)],
    "domain": [("domain",)],
    "copy": [("address", "local_part"), ("copy_to",)],
}
SIZES = {"quota", "maxquota", "domain_quota"}
UNUSED = ("", "-")


def twice(columns):
    """The places of columns that hold what another one holds."""
    return [place for place, name in enumerate(columns) if name and columns.count(name) > 1]


def said_twice():
    return ValidationError(_("Two columns cannot hold the same."), "twice")


def check(kind, columns, domain):
    """Refuse ``columns`` without what each line needs. ``domain`` is what counts where a line names none."""
    fields = KINDS[kind].fields
    for group in NEEDED[kind]:
        if not set(group) & set(columns):
            raise ValidationError(
                _("No column holds what each line needs: %(what)s."),
                "missing",
                {"what": fields[group[0]]},
            )
    if kind == "alias-domain" and "target" not in columns and not domain:
        text = _("Choose where they lead, or the column that says so.")
        raise ValidationError({"domain": ValidationError(text, "missing")})


def match(*, file, columns, options):
    """Let them count for all lines, which are judged anew after it."""
    pairs = zip(columns, file.headings, strict=False)
    units = {name: headings_known.unit_of(heading) for name, heading in pairs if name in SIZES}
    return judging.match(file=file, columns=columns, options=options | {"units": units})


def match_as_given(*, actor, file, given, options):
    """The same for a program. ``given`` is {heading, or number of a column: field or ""}: the other columns hold what they seem to.

    It remembers nothing and takes nothing that was remembered: the same file is always read the same way.
    """
    errors, options, columns = {}, dict(options), []
    with collected(errors, "columns"):
        columns = _columns(file, given)
    if options.get("domain"):
        with collected(errors, "domain"):
            options["domain"] = name = domain_name(options["domain"], "@")
            if name not in domains_of(actor, [name]):
                raise not_yours(name)
    refuse(errors)
    check(file.kind, columns, options.get("domain"))
    return match(file=file, columns=columns, options=options)


def _columns(file, given):
    chosen, fields = {}, KINDS[file.kind].fields
    for heading, name in given.items():
        place = _place(file, heading)
        if name not in fields and name not in UNUSED:
            raise ValidationError(
                _("“%(name)s” is nothing that a column can hold. There are: %(names)s."),
                "unknown",
                {"name": name, "names": ", ".join(fields)},
            )
        if place in chosen or (name not in UNUSED and name in chosen.values()):
            raise said_twice()
        chosen[place] = "" if name in UNUSED else name
    seeming = [*_seeming(file), *[""] * file.options["width"]][: file.options["width"]]
    return [
        chosen.get(place, "" if name in chosen.values() else name)
        for place, name in enumerate(seeming)
    ]


def _seeming(file):
    if file.headings:
        return headings_known.proposed(file.kind, file.headings, {})
    first = file.lines.order_by("number").first()
    return headings_known.proposed_by_content(file.kind, keeping.content_of(first)["cells"])


def _place(file, heading):
    word = headings_known.bare(heading)
    places = [n for n, one in enumerate(file.headings) if word and headings_known.bare(one) == word]
    if not places and heading.isascii() and heading.isdigit() and len(heading) < 4:
        places = [n for n in [int(heading) - 1] if 0 <= n < file.options["width"]]
    if len(places) == 1:
        return places[0]
    text = (
        _("Several columns are called “%(name)s”. Name it by its number: the first one is 1.")
        if places
        else _("There is no column “%(name)s”. Name it by its heading or number: the first is 1.")
    )
    raise ValidationError(text, "unknown", {"name": heading})
