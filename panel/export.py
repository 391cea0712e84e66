import csv
import json
from datetime import UTC, datetime

from django.http import StreamingHttpResponse
from django.utils import timezone

# A spreadsheet takes a cell that begins so for a formula, and may run it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class TableMixin:
    """A list of KeysetMixin that also gives all rows of its filter, in its order: ``?as=csv`` or ``?as=jsonl``.

    ``table_columns`` are {name: the page's word}, ``line(row)`` has a row's values: text, numbers, yes or no, times
    with a zone, lists of texts, None.
    """

    table_name = None
    table_columns = {}

    def get(self, request, *args, **kwargs):
        format = request.GET.get("as")
        if format not in FORMATS:
            return super().get(request, *args, **kwargs)
        if "pk" in self.kwargs:
            self.object = self.get_object()
        return table(format, self.table_name, self.table_columns, map(self.line, self.every_row()))

    def line(self, row):
        raise NotImplementedError


def moment(seconds):
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def table(format, name, columns, rows):
    """All ``rows`` as a file, a row at a time. ``format`` is one of FORMATS."""
    content_type, lines = FORMATS[format]
    response = StreamingHttpResponse(lines(columns, rows), content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{format}"'
    return response


def csv_lines(columns, rows):
    writer = csv.writer(Echo())
    words = [as_text(heading) for heading in columns.values()]  # in the language of the request

    def lines():
        yield "\ufeff"  # or Excel reads it in the encoding of its country
        yield writer.writerow(words)
        for row in rows:
            yield writer.writerow([as_text(value) for value in row])

    return lines()


def json_lines(columns, rows):
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        yield json.dumps(values, ensure_ascii=False, default=as_json) + "\n"


FORMATS = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "jsonl": ("application/jsonl; charset=utf-8", json_lines),
}


class Echo:
    def write(self, text):
        return text


def as_text(value):
    """A value for a cell: yes is 1, no is 0, a time that of the account, and what would be a formula is a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(" ")[:19]
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def as_json(value):
    return timezone.localtime(value).isoformat() if isinstance(value, datetime) else str(value)
