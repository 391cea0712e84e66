import json
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.timezone import localtime
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    track,
)
from rich.table import Table
from rich.text import Text

from panel.paging import beyond

BATCH = 1_000
WIDE = 100  # characters of a terminal: below, a table leaves out what is not needed to know a row
NARROWEST = 8  # of a column that gives way
GAP = 3  # between two columns


def bar(command, description):
    """``track()`` with a bar on the standard error, if that is a terminal: the output may go into a file."""
    stderr = command.stderr._out
    console = Console(file=stderr)
    disable = not stderr.isatty()
    return partial(track, description=description, console=console, transient=True, disable=disable)


def progress(command):
    """A bar as ``bar()`` has it, for what says itself how far it is."""
    stderr = command.stderr._out
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=stderr),
        transient=True,
        disable=not stderr.isatty(),
    )


def plain(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(plain(item) for item in value)
    if hasattr(value, "isoformat"):
        return localtime(value).isoformat(" ", "seconds")
    return "".join(char if char.isprintable() else " " for char in str(value))


def limit_text(value):
    return "unlimited" if value == 0 else "none" if value < 0 else str(value)


def state(on):
    return "on" if on else "off"


class Field(NamedTuple):
    label: str
    key: str
    text: Callable = plain
    of: str | None = None  # the key of the limit it counts against

    def shown(self, record):
        value = record.get(self.key)
        if value is None or value == []:
            return ""
        text = plain(self.text(value))
        return f"{text} of {limit_text(record[self.of])}" if self.of and record[self.of] else text


class Column(NamedTuple):
    """A column of a list on a terminal. ``text`` gets the record, ``style`` too."""

    label: str
    text: Callable
    right: bool = False
    wide: bool = False
    style: Callable = lambda record: ""

    def cell(self, record):
        text = plain(self.text(record))
        return Text(text, self.style(record) if text else "")


# Marked is what is off: the rest is on.
STATE = Column("State", lambda record: "" if record["active"] else "off", style=lambda _: "yellow")


def counted(key, limit):
    return Field(key, key, of=limit).shown


def in_batches(rows, *keys, descending=False):
    """``rows`` in the order of ``keys`` (the last one unique), BATCH at a time.

    Each batch starts after the last row, in the index: a million rows need the memory of a
    thousand, and no lock or open cursor in between.
    """
    rows = rows.order_by(*(f"-{key}" if descending else key for key in keys))
    batch = list(rows[:BATCH])
    while batch:
        yield from batch
        if len(batch) < BATCH:
            return
        last = [getattr(batch[-1], key) for key in keys]
        batch = list(rows.filter(beyond(keys, last, descending=descending))[:BATCH])


def as_json(record):
    return json.dumps(record, cls=DjangoJSONEncoder)


def print_lines(write, keys, records):
    for record in records:
        values = (state(record[key]) if key == "active" else record[key] for key in keys)
        write("\t".join(map(plain, values)))


def print_table(console, columns, records, noun, nouns):
    columns = [column for column in columns if console.width >= WIDE or not column.wide]
    room, widths, count, off = console.width, None, 0, 0
    records = iter(records)
    while batch := list(islice(records, BATCH)):
        lines = [[column.cell(record) for column in columns] for record in batch]
        first = max(line[0].cell_len for line in lines)
        if widths is None:
            heading = [Text(column.label) for column in columns]
            widths = _widths([heading, *lines], room - GAP * (len(columns) - 1))
        table = Table(box=box.SIMPLE_HEAD, show_header=not count, pad_edge=False, show_edge=False)
        for column, width in zip(columns, [max(first, widths[0]), *widths[1:]], strict=True):
            table.add_column(
                column.label,
                justify="right" if column.right else "left",
                overflow="ellipsis",
                no_wrap=True,
                width=width,
            )
        for line in lines:
            table.add_row(*line)
        # The terminal breaks what is wider; the name can still be copied in one piece.
        needed = max(first, widths[0]) + sum(widths[1:]) + GAP * (len(columns) - 1)
        console.width = max(room, needed)
        console.print(table)
        count += len(batch)
        off += sum(not record["active"] for record in batch)
    console.print(Text(_foot(count, off, noun, nouns), "dim"))


def _widths(lines, room):
    widths = [max(cell.cell_len for cell in column) for column in zip(*lines, strict=True)]
    widths[1:] = [min(width, max(room, NARROWEST)) for width in widths[1:]]
    while sum(widths) > room and max(widths[1:]) > NARROWEST:
        widest = max(range(1, len(widths)), key=widths.__getitem__)
        widths[widest] -= 1
    return widths


def _foot(count, off, noun, nouns):
    if not count:
        return f"No {nouns}."
    named = noun if count == 1 else nouns
    return f"{count:,} {named}, {off:,} off" if off else f"{count:,} {named}"


def print_record(write, fields, record):
    width = max(len(field.label) for field in fields) + 2
    for field in fields:
        if text := field.shown(record):
            write(f"{field.label + ':':<{width}}{text}")
