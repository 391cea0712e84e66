"""The first sheet of an XLSX (ECMA-376), a row at a time. A few bytes may claim to be thousands of millions, so all is bounded."""

import posixpath
import re
import zipfile
import zlib
from contextlib import contextmanager
from xml.parsers import expat

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from mailadmin.file_import.bounds import MOST_COLUMNS, MOST_UNPACKED

# Python unpacks the other methods without a bound.
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
ENCRYPTED = 1  # a flag of a file in an archive
DEEPEST = 50  # elements within each other: the parser keeps each until it ends
MOST_TEXTS = 1_000_000
PIECE = 65_536
WORKBOOK, SHARED = "xl/workbook.xml", "xl/sharedStrings.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def rows(file):
    """Yield (number, [texts]). Raises ValidationError."""
    with _faults(), zipfile.ZipFile(file) as archive:
        book = Book(archive)
        texts = book.shared_texts()
        yield from book.rows(book.first_sheet(), texts)


@contextmanager
def _faults():
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
        KeyError,
        IndexError,
        OSError,
        ValueError,
        EOFError,
        NotImplementedError,
    ) as error:
        raise ValidationError(
            _("It cannot be read as XLSX. Save it anew in the spreadsheet program, or as CSV."),
            "no_xlsx",
        ) from error


def _too_large():
    return ValidationError(
        _("Unpacked, it is too large. Save only the sheet with these rows, or CSV."),
        "too_large_unpacked",
    )


class Book:
    def __init__(self, archive):
        self.archive = archive
        self.room = MOST_UNPACKED

    def first_sheet(self):
        sheets, places = [], {}
        self._read(WORKBOOK, _Collected("sheet", sheets))
        relations = []
        self._read(RELATIONS, _Collected("Relationship", relations))
        places = {relation["Id"]: relation["Target"] for relation in relations}
        target = places[sheets[0]["id"]]
        return posixpath.normpath(posixpath.join("xl", target)).lstrip("/")

    def shared_texts(self):
        found = _SharedTexts()
        if SHARED in self.archive.namelist():
            self._read(SHARED, found)
        return found.texts

    def rows(self, name, texts):
        sheet = _Sheet(texts)
        for _piece in self._pieces(name, sheet):
            yield from sheet.take()
        yield from sheet.take()

    def _read(self, name, reader):
        for _piece in self._pieces(name, reader):
            pass

    def _pieces(self, name, reader):
        """Parse the file, and yield after each piece of it."""
        info = self.archive.getinfo(name)
        if info.compress_type not in METHODS or info.flag_bits & ENCRYPTED:
            raise ValueError("packed in an unusual way")
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        # Without a document type there are no entities: none is declared, expanded or fetched.
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        depth = 0

        def start(tag, attrs):
            nonlocal depth
            depth += 1
            if depth > DEEPEST:
                raise ValueError("elements too deep in each other")
            reader.start(_bare(tag), {_bare(key): value for key, value in attrs.items()})

        def end(tag):
            nonlocal depth
            depth -= 1
            reader.end(_bare(tag))

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = reader.text
        with self.archive.open(info) as opened:
            while data := opened.read(PIECE):
                self.room -= len(data)
                if self.room < 0:
                    raise _too_large()
                parser.Parse(data, False)
                yield
            parser.Parse(b"", True)


def _refuse(*_arguments):
    raise ValueError("a document type or an entity")


def _bare(name):
    return name.rpartition(" ")[2]


class _Collected:
    """The attributes of all elements of one name."""

    def __init__(self, name, found):
        self.name, self.found = name, found

    def start(self, tag, attrs):
        if tag == self.name and len(self.found) < 1_000:
            self.found.append(attrs)

    def end(self, tag):
        pass

    def text(self, words):
        pass


class _SharedTexts:
    def __init__(self):
        self.texts, self.current, self.inside = [], [], []

    def start(self, tag, _attrs):
        self.inside.append(tag)
        if tag == "si":
            self.current = []

    def end(self, tag):
        self.inside.pop()
        if tag == "si":
            if len(self.texts) == MOST_TEXTS:
                raise _too_large()
            self.texts.append("".join(self.current))

    def text(self, words):
        # "rPh" is how a word is read aloud in Japanese.
        if self.inside[-1:] == ["t"] and "rPh" not in self.inside:
            self.current.append(words)


class _Sheet:
    def __init__(self, texts):
        self.texts = texts
        self.number, self.cells, self.done = 0, [], []
        self.column, self.kind, self.words, self.in_value = 0, "", [], False

    def take(self):
        done, self.done = self.done, []
        return done

    def start(self, tag, attrs):
        if tag == "row":
            given = attrs.get("r", "")
            number = int(given) if given else self.number + 1
            if number <= self.number:
                raise ValueError("rows out of order")
            self.number = number
            self.cells, self.column = [], 0
        elif tag == "c":
            place = REFERENCE.fullmatch(attrs.get("r", ""))
            self.column = _column(place[1]) if place else len(self.cells)
            self.kind, self.words = attrs.get("t", "n"), []
        elif tag in {"v", "t"}:
            self.in_value = True

    def end(self, tag):
        if tag in {"v", "t"}:
            self.in_value = False
        elif tag == "c":
            if self.column > MOST_COLUMNS:
                return  # tables.py says that there are too many, if any of them holds something
            self.cells += [""] * (self.column + 1 - len(self.cells))
            self.cells[self.column] = self._value("".join(self.words))
        elif tag == "row":
            self.done.append((self.number, self.cells))

    def text(self, words):
        if self.in_value:
            self.words.append(words)

    def _value(self, words):
        if self.kind == "s":
            return self.texts[int(words)] if words else ""
        if self.kind == "e":
            return ""
        if self.kind == "n" and words:
            value = float(words)
            return str(int(value)) if value.is_integer() else repr(value)
        return words


def _column(letters):
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1
