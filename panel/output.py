import json
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.timezone import localtime
from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from panel.paging import beyond

BATCH = 1_000


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


class Field(NamedTuple):
    label: str
    key: str
    text: Callable = plain
    right: bool = False
    of: str | None = None  # the key of the limit it counts against
    listed: bool = True  # a column of the list too, not only of one row's page

    def shown(self, record):
        value = record.get(self.key)
        if value is None or value == []:
            return ""
        text = plain(self.text(value))
        return f"{text} of {limit_text(record[self.of])}" if self.of and record[self.of] else text


def in_batches(rows, *keys):
    """``rows`` in the order of ``keys`` (the last one unique), BATCH at a time.

    Each batch starts after the last row, in the index: a million rows need the memory of a
    thousand, and no lock or open cursor in between.
    """
    rows = rows.order_by(*keys)
    batch = list(rows[:BATCH])
    while batch:
        yield from batch
        if len(batch) < BATCH:
            return
        last = [getattr(batch[-1], key) for key in keys]
        batch = list(rows.filter(beyond(keys, last, descending=False))[:BATCH])


def as_json(record):
    return json.dumps(record, cls=DjangoJSONEncoder)


def print_lines(write, fields, records):
    listed = [field for field in fields if field.listed]
    keys = [key for field in listed for key in (field.key, field.of) if key]
    for record in records:
        write("\t".join(plain(record[key]) for key in keys))


def print_table(console, fields, records):
    fields = [field for field in fields if field.listed]
    records = iter(records)
    heading, widths = True, [None] * len(fields)
    while batch := list(islice(records, BATCH)):
        cells = [[field.shown(record) for field in fields] for record in batch]
        if heading and len(batch) == BATCH:
            lines = [[field.label for field in fields], *cells]
            widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
        table = Table(box=box.SIMPLE_HEAD, show_header=heading, pad_edge=False, show_edge=False)
        for field, width in zip(fields, widths, strict=True):
            table.add_column(
                field.label,
                justify="right" if field.right else "left",
                overflow="fold",
                no_wrap=field is fields[0],  # the name can be copied in one piece
                width=width,
            )
        for line in cells:
            table.add_row(*map(Text, line))
        console.print(table)
        heading = False


def print_record(write, fields, record):
    width = max(len(field.label) for field in fields) + 2
    for field in fields:
        if text := field.shown(record):
            write(f"{field.label + ':':<{width}}{text}")
