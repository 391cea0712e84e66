from django.http import HttpRequest, QueryDict

from domains import words
from panel.paging import beyond
from panel.tasks import Entry

PLACE = ("sort", "size", "after", "before", "jump")  # of a query: where one is in the list
BATCH = 1_000  # rows
ROUNDS = 50  # of one call, for words that many rows have of which few match


class Matching:
    """The rows of the list ``view``, as ``actor`` opened it with the query ``listed``, that may be
    changed and are not newer than ``since``.

    ``lead``: the words in the order of the first step (a list), since another word may become the
    rarest as rows go.
    """

    def __init__(self, view, actor, listed, since, lead=None):
        self.list = view(request=HttpRequest())
        query = QueryDict(listed, mutable=True)
        for name in PLACE:
            query.pop(name, None)
        query["sort"] = (
            self.list.default_ordering
        )  # by keys: what else a list begins with may change meanwhile
        self.list.request.GET = query
        self.list.actor, self.list.kwargs, self.list.scope = actor, {}, "manageable_by"
        self.since = since
        if lead:
            self.list.lead = words.Leading(tuple(lead[0]), frozenset(lead[1]))

    def lead(self):
        if not self.list.words:
            return None
        return [list(self.list.lead.words), sorted(self.list.lead.named)]

    def rows(self):
        return self.list.filter_rows(self.list.get_queryset()).filter(created__lte=self.since)

    def there(self, keys):
        return set(self.rows().filter(pk__in=keys).values_list("pk", flat=True))

    def includes(self, key):
        position = []
        while position is not None:
            entries, position = self.after(position, BATCH)
            if any(entry.key == key for entry in entries):
                return True
        return False

    def after(self, position, size):
        """Return at most ``size`` entries beyond ``position``, and where to go on, or None at the end."""
        if self.list.words:
            return self._with_words(position, size)
        columns, rows = self.list.columns(), self.rows()
        if position:
            rows = rows.filter(beyond(columns, position, descending=False))
        found = rows.order_by(*columns).values_list(*columns)[:size]
        entries = [Entry(values[-1], list(values)) for values in found]
        return entries, entries[-1].position if len(entries) == size else None

    def _with_words(self, position, size):
        names = words.names_in_scope(self.list.actor, self.list.domain_asked)
        if names is None:
            return [], None
        entries = []
        for _round in range(ROUNDS):
            wanted = size - len(entries)
            found, rest = words.page(
                *(self.list.word_kinds, self.list.lead, names, wanted),
                position=position,
                state=self.list.state_wanted(),
            )
            there = self.there([row.row_key for row in found]) if found else ()
            places = [(row.row_key, list(words.position_of(row, names))) for row in found]
            entries += [Entry(key, place) for key, place in places if key in there]
            position = places[-1][1] if len(found) == wanted else rest and list(rest)
            if position is None or len(entries) == size:
                break
        return entries, position
