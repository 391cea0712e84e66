"""Lists as files for a spreadsheet, sent while they are read."""

import csv

from django.http import StreamingHttpResponse

# A spreadsheet takes a cell that begins so for a formula, and may run it.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Echo:
    def write(self, text):
        return text


def csv_response(name, headings, rows):
    writer = csv.writer(Echo())

    def lines():
        yield "\ufeff"  # or Excel reads it in the encoding of its country
        yield writer.writerow([as_text(heading) for heading in headings])
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
