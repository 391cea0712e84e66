"""The lines of a file in the database: several panels share nothing else. They are encrypted, as passwords may stand in them."""

import json

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import totp
from mailadmin.file_import import columns, tables
from mailadmin.file_import.mailboxes import MADE
from mailadmin.file_import.texts import TWO_LETTERS
from panel import file_imports, tasks
from panel.changes import insert_many
from panel.models import FileImport, FileLine
from panel.transactions import in_transaction

TOGETHER = 500  # rows of a statement
# ``quota`` is in bytes; None: as each domain has it.
FIRST_OPTIONS = {"domain": "", "umlauts": TWO_LETTERS, "how": MADE, "must_change": False}
FIRST_OPTIONS |= {"quota": None, "welcome": False}
LONGEST_CELL = 70_000  # characters: an alias may have that many of recipients
LONGEST_FILE_NAME = 255


@in_transaction
def store(*, actor, kind, upload, format, headings=()):
    """Keep the rows of ``upload``, Django's File with a name, and return the FileImport. Raises ValidationError.

    ``actor`` None is the command line. ``headings`` are some that the first row has if it has any, where they say nothing to us.
    """
    file_imports.forget()
    if actor is not None and of(actor).count() >= file_imports.MOST_OF_ONE:
        raise ValidationError(
            _("You have %(n)s files here that are not done. Finish or delete one of them first."),
            "too_many",
            {"n": file_imports.MOST_OF_ONE},
        )
    rows = tables.rows(upload, format, kind)
    number, first = next(rows, (0, []))
    if not first:
        raise ValidationError(_("The file is empty."), "empty")
    has_headings = columns.are_headings(kind, first, headings)
    file = FileImport.objects.create(
        admin=tasks.owner_of(actor),
        kind=kind,
        name=str(upload.name)[:LONGEST_FILE_NAME],
        headings=first if has_headings else [],
        options=FIRST_OPTIONS,
    )
    batch = [] if has_headings else [_line(file, number, first)]
    width = len(first)
    for number, cells in rows:
        batch.append(_line(file, number, cells))
        width = max(width, len(cells))
        if len(batch) == TOGETHER:
            _insert(file, batch)
            batch = []
    _insert(file, batch)
    if not file.total:
        raise ValidationError(_("There are headings, and no rows below them."), "empty")
    file.options = FIRST_OPTIONS | {"width": width, "scope": tasks.scope_of(actor)}
    file.save(update_fields=["total", "last", "options"])
    return file


def _line(file, number, cells):
    cells = [cell[:LONGEST_CELL] for cell in cells]
    return FileLine(file=file, number=number, content=sealed({"cells": cells}))


def _insert(file, lines):
    if lines:
        insert_many(lines)
        file.total += len(lines)
        file.last = lines[-1].number


def of(actor):
    return FileImport.objects.filter(admin=tasks.owner_of(actor))


def found(actor, key):
    """The account's own FileImport of this key, or None."""
    known = key.isascii() and key.isdigit() and len(key) < 19
    return of(actor).select_related("task").filter(pk=key).first() if known else None


def sealed(content):
    return totp.sealed(json.dumps(content, ensure_ascii=False))


def content_of(line):
    """{"cells": [texts], "corrected": {field: text}}; empty if no key fits."""
    text = totp.unsealed(line.content)
    return json.loads(text) if text else {"cells": []}


def texts_of(line, file_columns):
    """{field: text} of a line: its columns, and in their place what was corrected."""
    content = content_of(line)
    cells = zip(file_columns or [], content["cells"], strict=False)
    given = {name: cell for name, cell in cells if name}
    return given | content.get("corrected", {})


def touch(file):
    file.changed = timezone.now()
    file.save(update_fields=["changed"])
