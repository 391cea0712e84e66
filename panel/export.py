import csv
from datetime import datetime

from django.http import StreamingHttpResponse
from django.utils import timezone

# A spreadsheet takes a cell that begins so for a formula, and may run it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class TableMixin:
    """A list of KeysetMixin that also gives all rows of its filter, in its order, as a table: ``?as=csv``.

    ``headings`` are the page's words, ``line(row)`` has a row's values.
    """

    table_name = None
    headings = ()

    def get(self, request, *args, **kwargs):
        if request.GET.get("as") != "csv":
            return super().get(request, *args, **kwargs)
        if "pk" in self.kwargs:
            self.object = self.get_object()
        return csv_response(self.table_name, self.headings, map(self.line, self.every_row()))

    def line(self, row):
        raise NotImplementedError


def moment(seconds):
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds, timezone.get_current_timezone()).isoformat(" ")[:19]


class Echo:
    def write(self, text):
        return text


def csv_response(name, headings, rows):
    writer = csv.writer(Echo())
    words = [as_text(heading) for heading in headings]  # in the language of the request

    def lines():
        yield "\ufeff"  # or Excel reads it in the encoding of its country
        yield writer.writerow(words)
        for row in rows:
            yield writer.writerow([as_text(value) for value in row])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def as_text(value):
    """A value for a cell: yes is 1, no is 0, and what would be a formula is a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
