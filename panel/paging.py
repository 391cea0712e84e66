from functools import cache
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q, Value
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property

from panel.prepared import in_scope, padded, prepared, prepared_counts

PAGE_SIZES = (25, 50, 75)
TOGETHER = 256  # rows that are read at once where all are wanted
COUNT_BOUND = 1_000


class KeysetMixin:
    """Page through an index instead of counting rows.

    ``orderings`` maps the ``sort`` parameter to the tuple of columns of an index (the last one
    unique); ``-`` in front reverses it. ``after`` and ``before`` hold the columns' values at a page's edge;
    ``jump`` starts at a key, in the orders ``jumpable``. ``shown`` are the columns that a
    page shows and pages by, ``pk`` first. What is asked for without a filter is prepared: besides the account, only
    ``filters`` and the ordering may decide in ``filter_rows()``. ``at`` is how many rows stand before the page, for
    its foot; after a jump nobody knows.
    """

    orderings = {"address": ("pk",)}
    default_ordering = "address"
    jumpable = ("address", "name")
    shown = ()
    words = ()  # that a list is searched by, instead of the beginning of its keys
    page_size = 50

    @cached_property
    def ordering(self):
        name = self.request.GET.get("sort", "")
        if name.removeprefix("-") not in self.sortable():
            name = self.default_ordering
        return name

    def sortable(self):
        return self.orderings.keys()

    @cached_property
    def size(self):
        try:
            size = int(self.request.GET.get("size", ""))
        except ValueError:
            size = self.actor.page_size
        return size if size in PAGE_SIZES else self.page_size

    def columns(self):
        return self.orderings[self.ordering.removeprefix("-")]

    def jump_values(self, text):
        return (text + self.end,)

    @property
    def end(self):
        return "\U0010ffff" if self.ordering.startswith("-") else ""

    def paginate(self, rows):
        columns = self.columns()
        descending = self.ordering.startswith("-")
        query = self.request.GET
        values, backwards, inclusive = (), False, False
        if len(query.getlist("after")) == len(columns):
            values = query.getlist("after")
        elif len(query.getlist("before")) == len(columns):
            values, backwards = query.getlist("before"), True
        elif query.get("jump", "").strip():
            values, inclusive = self.jump_values(query["jump"].strip().lower()), True
        down = descending != backwards
        try:
            keys = self.keys(rows, columns, down, values, inclusive=inclusive)
        except (
            ValidationError,
            ValueError,
            OverflowError,
        ):  # a position that no page of ours contains
            values, backwards = (), False
            keys = self.keys(rows, columns, descending)
        at = self.rows_before() if values else 0
        page = self.rows_of(keys[: self.size])
        more = len(keys) > self.size
        if backwards:
            page.reverse()
        has_next, has_previous = (bool(values), more) if backwards else (more, bool(values))
        return {
            "object_list": page,
            "next_url": self.edge_url("after", page[-1], at) if page and has_next else None,
            "previous_url": self.edge_url("before", page[0], at) if page and has_previous else None,
            "first_url": self.url_with(after=None, before=None, jump=None) if values else None,
            "at": at,
            "count": self.count(rows),
            "count_bound": None if self.counted() else COUNT_BOUND,
            "page_sizes": PAGE_SIZES,
            "size": self.size,
            "sort": self.ordering,
            "sortable": self.sortable(),
            "jump": self.ordering.removeprefix("-") in self.jumpable,
        }

    def count(self, rows):
        return bounded_count(rows) if self.narrowed() else _count_of(type(self))(self.actor)[0]

    def counted(self):
        """Whether ``count()`` is a kept number and has no bound."""
        return False

    def rows_before(self):
        at = self.request.GET.get("at", "")
        return int(at) if at.isascii() and at.isdigit() and len(at) < 10 else None

    def narrowed(self):
        return any(self.filters.values())

    def keys(self, rows, columns, descending, values=(), *, inclusive=False):
        if self.narrowed():
            return list(page_of(rows, columns, values, self.size, descending, inclusive))
        fields = [self.field(column) for column in columns] if values else ()
        stored = [f.get_db_prep_value(v, connection) for f, v in zip(fields, values, strict=True)]
        keys = _keys_of(type(self), self.ordering, self.size, descending, inclusive)
        return keys(self.actor, *stored)

    def field(self, column):
        model = self.model
        *way, name = column.split("__")
        for step in way:
            model = model._meta.get_field(step).related_model
        return model._meta.pk if name == "pk" else model._meta.get_field(name)

    def rows_of(self, keys):
        """The rows of ``keys``, in their order.

        A second statement: asked for whole rows at once, MariaDB walks from the domain's start.
        """
        found = {row.pk: row for row in _rows_with(type(self))(*keys)} if keys else {}
        return [found[key] for key in keys if key in found]

    def every_row(self):
        """Yield all rows that the list would show, in its order; no cursor is open in between."""
        self.size = TOGETHER
        rows = self.filter_rows(self.get_queryset())
        columns, descending, edge = self.columns(), self.ordering.startswith("-"), ()
        while keys := self.keys(rows, columns, descending, edge):
            found = {row.pk: row for row in self.rows_of(padded(keys[:TOGETHER]))}
            yield from found.values()
            if len(keys) <= TOGETHER or not found:
                return
            edge = self.edge_of(next(reversed(found.values())))

    @classmethod
    def whole_rows(cls):
        rows = cls.annotated(cls.model.objects.all())
        return rows.values_list(*cls.shown, named=True) if cls.shown else rows

    @staticmethod
    def annotated(rows):
        return rows

    def edge_url(self, parameter, row, at=None):
        """``at``: the rows before the page that shows ``row``."""
        if at is not None:
            at = str(at + self.size if parameter == "after" else max(0, at - self.size))
        edge = {"after": None, "before": None, "jump": None, parameter: self.edge_of(row)}
        return self.url_with(**edge, at=at)

    def edge_of(self, row):
        values = []
        for column in self.columns():
            value = row.pk if column in {"pk", self.model._meta.pk.name} else getattr(row, column)
            values.append(value.isoformat() if hasattr(value, "isoformat") else str(value))
        return values

    def begun_url(self, *without):
        url = self.url_with(**dict.fromkeys(("after", "before", "jump", *without)))
        return url if url == "?" else f"{url}&"

    def resized_url(self):
        return self.request.path + self.url_with(after=None, before=None, jump=None, size=None)

    def url_with(self, **changes):
        query = {key: self.request.GET.getlist(key) for key in self.request.GET if key != "at"}
        query |= changes
        return "?" + urlencode({k: v for k, v in query.items() if v and v != [""]}, doseq=True)


@cache
def _rows_with(view):
    @prepared
    def rows(*keys):
        return view.whole_rows().filter(pk__in=keys)

    return rows


@cache
def _count_of(view):
    @in_scope(prepared_counts)
    def count(actor):
        made = _opened(view, actor, view.default_ordering)
        return [made.filter_rows(made.get_queryset())[: COUNT_BOUND + 1]]

    return count


@cache
def _keys_of(view, ordering, size, descending, inclusive):
    @in_scope(prepared)
    def keys(actor, *edge):
        # The database gets texts as they stand, moments among them: a Value, which no column looks at.
        edge = [Value(text) if isinstance(text, str) else text for text in edge]
        made = _opened(view, actor, ordering)
        rows = made.filter_rows(made.get_queryset())
        return page_of(rows, made.columns(), edge, size, descending, inclusive)

    return keys


def _opened(view, actor, ordering):
    made = view(request=HttpRequest())
    made.request.GET = QueryDict(f"sort={ordering}")
    made.actor = actor
    return made


def beyond(columns, values, *, descending, inclusive=False):
    """Return the Q of rows after ``values`` in the order of ``columns``.

    Written as ``a >= x AND (a > x OR (a = x AND b > y))``: the first part gives the database a
    range of the index, the second the exact edge.
    """
    operator = "lt" if descending else "gt"
    condition = Q(**{f"{columns[-1]}__{operator}{'e' if inclusive else ''}": values[-1]})
    for column, value in zip(columns[-2::-1], values[-2::-1], strict=True):
        condition = Q(**{f"{column}__{operator}": value}) | (Q(**{column: value}) & condition)
        condition &= Q(**{f"{column}__{operator}e": value})
    return condition


def page_of(rows, columns, values, size, descending, inclusive=False):
    if values:
        rows = rows.filter(beyond(columns, values, descending=descending, inclusive=inclusive))
    order = (f"-{column}" if descending else column for column in columns)
    return rows.order_by(*order).values_list("pk", flat=True)[: size + 1]


def bounded_count(rows, bound=COUNT_BOUND):
    return rows.order_by()[: bound + 1].count()
