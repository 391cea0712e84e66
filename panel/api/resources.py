from collections.abc import Callable
from dataclasses import dataclass, field

from django.http import Http404

from panel.api.answers import refuse_changed, shown
from panel.api.schemas import check_key, patched, values_of
from panel.api.writing import Done, at, done


def as_sent(values, row):
    return values


@dataclass(frozen=True, kw_only=True)
class Resource:
    """The operations on one row of a kind. Its key is what its path has: one name, or several.

    ``find(actor, *key)`` returns the row among those that the actor may change, or None; where none can be, it raises Http404. ``see``
    is the same among those that the actor may read. ``record(row)`` is what is told of it. ``create(request, *key, values)`` and
    ``change(request, row, values)`` call the service and return the row as it is then. ``delete(request, row)`` may return what a dry
    run tells besides. ``columns(values, row)`` are members of ``body`` by the names of the service; ``pointers`` lead back. ``keys``
    are the members that name the row, in the order of the path. ``lock`` is what the service takes first.
    """

    find: Callable
    record: Callable
    lock: Callable
    see: Callable | None = None
    create: Callable | None = None
    change: Callable | None = None
    delete: Callable | None = None
    columns: Callable = as_sent
    body: type | None = None
    keys: tuple = ()
    pointers: dict = field(default_factory=dict)

    def named(self, actor, *key, find=None):
        row = (find or self.find)(actor, *key)
        if row is None:
            raise Http404
        return row

    def get(self, request, *key):
        return shown(request, self.record(self.named(request.auth, *key, find=self.see)))

    def put(self, request, body, *key, kept=()):
        """``kept`` are members that stay as they are where the body leaves them out."""
        for member, name in zip(self.keys, key, strict=False):
            check_key(body, member, name)

        def act():
            row, values = self.find(request.auth, *key), values_of(body)
            refuse_changed(request, None if row is None else self.record(row))
            if row is not None:
                left_out = {*kept} - body.model_fields_set
                values = {k: value for k, value in values.items() if k not in left_out}
            with at(**self.pointers):
                values = self.columns(values, row)
                if row is not None:
                    return Done(200, self.record(self.change(request, row, values)))
                if self.create is None:
                    raise Http404
                return Done(201, self.record(self.create(request, *key, values)))

        return done(request, act, lock=self.lock)

    def patch(self, request, body, *key):
        def act(row):
            values = patched(self.body, body, lambda: self.record(row))
            values = self.columns(values, row)
            return Done(200, self.record(self.change(request, row, values)))

        return self.do(request, *key, act=act)

    def remove(self, request, *key, asked=()):
        def act(row):
            return Done(204, also=self.delete(request, row) or {})

        return self.do(request, *key, act=act, asked=asked)

    def do(self, request, *key, act, asked=(), pointers=None):
        """``act(row)`` returns a Done. For verbs, whose body may have ``pointers`` of its own."""

        def found():
            row = self.named(request.auth, *key)
            refuse_changed(request, self.record(row))
            with at(**(self.pointers if pointers is None else pointers)):
                return act(row)

        return done(request, found, asked=asked, lock=self.lock)
