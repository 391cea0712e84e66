"""Lists: pages by key, as those of the panel (panel/paging.py), and all rows as JSON lines."""

from urllib.parse import urlencode

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _

from panel.api.answers import answered, as_json
from panel.api.problems import Problem
from panel.api.queries import check_query
from panel.paging import beyond, page_of

USUAL, MOST = 100, 1_000
TOGETHER = 500  # rows of a stream that are read at once
LINES = "application/x-ndjson"


class Rows:
    """What a list is made of. ``keys`` are the rows in scope, filtered; ``columns`` those of an index, the last one unique.

    ``edge(after)`` are the columns' values of the row whose key is ``after``, ``whole`` the rows as ``record`` takes them.
    """

    def __init__(self, keys, columns, record, *, whole, edge=lambda after: (after,)):
        self.rows, self.columns, self.record = keys, columns, record
        self.whole, self.edge = whole, edge

    def keys(self, after, number):
        """So many keys, and one more if there are more."""
        values = self.edge(after) if after else ()
        return list(page_of(self.rows, self.columns, values, number, descending=False))

    def records(self, keys):
        found = {row.pk: row for row in self.whole.filter(pk__in=keys)} if keys else {}
        return [self.record(found[key]) for key in keys if key in found]


class ReadWithKeys(Rows):
    """Of short lists: their rows are read with the keys, in one statement."""

    def __init__(self, rows, columns, record, *, edge=lambda after: (after,)):
        super().__init__(rows, columns, record, whole=rows, edge=edge)
        self.read = {}

    def keys(self, after, number):
        rows = self.rows.order_by(*self.columns)
        if after:
            rows = rows.filter(beyond(self.columns, self.edge(after), descending=False))
        self.read = {row.pk: row for row in rows[: number + 1]}
        return list(self.read)

    def records(self, keys):
        return [self.record(self.read[key]) for key in keys]


def listed(request, rows, *, asked=()):
    """A page of ``rows``, or all of them as JSON lines for a client that accepts those. ``asked`` are the list's filters."""
    check_query(request, ("after", "limit", *asked))
    after = request.GET.get("after", "")
    if LINES in request.headers.get("Accept", ""):
        return StreamingHttpResponse(_lines(rows, after), content_type=LINES)
    limit = limit_of(request)
    keys = rows.keys(after, limit)
    following = keys[limit - 1] if len(keys) > limit else None
    return paged(request, rows.records(keys[:limit]), following)


def paged(request, records, following):
    """``following`` is the key after which the next page begins, None on the last one."""
    url = None
    if following is not None:
        query = {name: request.GET[name] for name in request.GET} | {"after": following}
        url = request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
    headers = {"Link": f'<{url}>; rel="next"'} if url else {}
    return answered({"items": records, "next": url}, **headers)


def _lines(rows, after):
    while keys := rows.keys(after, TOGETHER):
        yield "".join(f"{as_json(record)}\n" for record in rows.records(keys[:TOGETHER]))
        if len(keys) <= TOGETHER:
            return
        after = keys[TOGETHER - 1]


def limit_of(request):
    text = request.GET.get("limit", str(USUAL))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST):
        raise Problem(422, _("limit is a number from 1 to %(n)d.") % {"n": MOST})
    return int(text)


def yes_or_no(request, name):
    """True, False, or None where the query has no such filter."""
    value = request.GET.get(name)
    if value not in {None, "true", "false"}:
        raise Problem(422, _("%(name)s is true or false.") % {"name": name})
    return None if value is None else value == "true"


def number_in(text):
    """A key that the database counts, of a path; 0, which no row has, of anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def number_edge(after):
    return (number_in(after),)


def numbered(rows, text):
    return rows.filter(pk=number_in(text)).first()


def wrong_place():
    return Problem(422, _("No list has a page that begins there."))
