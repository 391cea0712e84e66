"""The rows of an uploaded file, one at a time: CSV as the world's spreadsheets write it, XLSX, and what other servers have."""

import codecs
import csv
import io
from itertools import islice

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mailadmin.file_import import servers, spreadsheet
from mailadmin.file_import.bounds import MOST_COLUMNS, MOST_LINES
from panel.formats import number

TABLE = "table"
FORMATS = {
    TABLE: gettext_lazy("A table: CSV or XLSX"),
    "passwd": gettext_lazy("Dovecot’s passwd-file"),
    "map": gettext_lazy("A map of Postfix, as text (virtual_alias_maps and the like)"),
    "ldif": gettext_lazy("LDIF"),
}
ZIP, OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
DELIMITERS = ",;\t"
LOOKED_AT = 30  # rows, to find the delimiter
UTF16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def rows(file, format=TABLE, kind=""):
    """Yield (number, [texts]) of each row that has any; the numbers are those that a spreadsheet shows.

    ``file`` is binary and can seek. Raises ValidationError, at once or on the way.
    """
    found = _decoded(_rows(file, format, kind))
    for number_of_row, cells in found:
        cells = [cell.strip() for cell in cells]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > MOST_COLUMNS:
            raise ValidationError(
                _("Row %(n)s has more than %(most)s columns."),
                "too_wide",
                {"n": number_of_row, "most": MOST_COLUMNS},
            )
        if number_of_row > MOST_LINES + 1:  # with the headings
            raise ValidationError(
                _("It has more than %(most)s rows. Divide it into several files."),
                "too_long",
                {"most": number(MOST_LINES)},
            )
        if cells:
            yield number_of_row, cells


def _decoded(rows):
    try:
        yield from rows
    except UnicodeDecodeError as error:
        raise _no_text() from error


def _no_text():
    return ValidationError(
        _("This is no text. Upload a table as CSV or XLSX, or a text file of a mail server."),
        "no_text",
    )


def _rows(file, format, kind):
    file.seek(0)
    begin = file.read(8)
    file.seek(0)
    if begin.startswith(OLD_EXCEL):
        raise ValidationError(
            _("This is Excel’s old form. Save it as XLSX or CSV, and upload that."), "old_excel"
        )
    if begin.startswith(ZIP) and format == TABLE:
        return spreadsheet.rows(file)
    text = _text(file)
    return _csv(text) if format == TABLE else servers.READERS[format](text, kind)


def _text(file):
    encoding = _encoding(file)
    file.seek(0)
    return io.TextIOWrapper(_Kept(file), encoding=encoding, newline="")


class _Kept(io.RawIOBase):
    """The file for a TextIOWrapper, which would close it at its end."""

    def __init__(self, file):
        self.file = file

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, *place):
        return self.file.seek(*place)

    def tell(self):
        return self.file.tell()

    def readinto(self, buffer):
        data = self.file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read1(self, size=-1):
        return self.file.read(size if size >= 0 else 65_536)


def _encoding(file):
    file.seek(0)
    begin = file.read(4)
    for mark, name in UTF16.items():
        if begin.startswith(mark):
            return name
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    while data := file.read(65_536):
        if b"\0" in data:
            raise _no_text()
        if is_utf8:
            try:
                decoder.decode(data)
            except UnicodeDecodeError:
                is_utf8 = False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        is_utf8 = False
    return "utf-8-sig" if is_utf8 else "cp1252"


def _csv(text):
    try:
        delimiter = _delimiter(list(islice(text, LOOKED_AT)))
        text.seek(0)
        yield from enumerate(csv.reader(text, delimiter=delimiter), start=1)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValidationError(
            _("It cannot be read as CSV: %(error)s. Save it as CSV in UTF-8, or as XLSX."),
            "no_csv",
            {"error": error},
        ) from error


def _delimiter(lines):
    """The one by which most of the first rows have the same number of columns, and more than one."""
    best, chosen = 0, ","
    for delimiter in DELIMITERS:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        common = max(set(widths), key=widths.count, default=1)
        agreed = widths.count(common) if common > 1 else 0
        if (agreed, common) > (best, 0) and agreed > best:
            best, chosen = agreed, delimiter
    return chosen
