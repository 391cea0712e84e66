"""Querysets that Django builds only once: building one takes several times as long as its answer."""

from copy import copy
from functools import lru_cache, wraps

from django.db import connection


def prepared(build):
    """Make ``build(*values)``, which returns a queryset, return the list of its rows instead.

    It is called with placeholders, once for each number of values; ``values`` are texts or
    whole numbers, and nothing else may decide what is asked for.
    """

    @lru_cache(maxsize=100)
    def compiled(_vendor, texts):
        marks = [f"\x1a{place}" if text else -(10**9) - place for place, text in enumerate(texts)]
        rows = build(*marks)
        compiler = rows.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        places = {mark: place for place, mark in enumerate(marks)}
        if not places.keys() <= set(params):
            raise ValueError(f"{build.__name__} does not ask for each of its values as it stands.")
        return rows, compiler, sql, [(param, places.get(param)) for param in params]

    @wraps(build)
    def asked(*values):
        rows, compiler, sql, params = compiled(
            connection.vendor, tuple(isinstance(value, str) for value in values)
        )
        filled = tuple(param if place is None else values[place] for param, place in params)
        compiler, query = copy(compiler), copy(rows.query)
        compiler.connection = connection
        compiler.as_sql = lambda *_args, **_kwargs: (sql, filled)
        query.get_compiler = lambda *_args, **_kwargs: compiler
        found = type(rows)(rows.model, query)
        found._iterable_class = rows._iterable_class
        return list(found)

    return asked
