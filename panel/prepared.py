"""Querysets that Django builds only once: building one takes several times as long as its answer."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, wraps

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models.query import (
    FlatValuesListIterable,
    NamedValuesListIterable,
    RawQuerySet,
    ValuesListIterable,
    create_namedtuple_class,
    get_related_populators,
)
from django.db.models.sql import DeleteQuery

SHAPES = 100  # statements that are kept of one queryset


def prepared(build):
    """Make ``build(*values)``, which returns a queryset, return the list of its rows instead.

    It is called with placeholders, once for each number of values; ``values`` are texts or
    whole numbers, and nothing else may decide what is asked for: a bound that changes is one of them, or is kept
    as it first was. Rows of ``values_list()`` cost a third of a model's. The queryset may be a raw one, too.
    """

    @lru_cache(maxsize=SHAPES)
    def statement(texts):
        rows = build(*_marks(texts))
        found = _compiled(rows, texts)
        if found is None:
            return None
        sql, params, compiler = found
        _refuse_unasked(build, texts, params)
        return sql, params, _reader(rows, compiler) if compiler else _raw(rows)

    return _asking(build, statement)


def prepared_union(build):
    """As ``prepared``, of a ``build(*values)`` that returns querysets of the same columns: their rows, one after the other.

    One statement instead of several; each queryset keeps its own order and limit.
    """

    @lru_cache(maxsize=SHAPES)
    def statement(texts):
        parts = [(rows, _compiled(rows, texts)) for rows in build(*_marks(texts))]
        parts = [(rows, found) for rows, found in parts if found]
        if not parts:
            return None
        # A table for each part takes MariaDB as long as its rows; SQLite knows no other way.
        begin = "" if connection.features.supports_parentheses_in_compound else "SELECT * FROM "
        sql = " UNION ALL ".join(f"{begin}({found[0]})" for _rows, found in parts)
        params = [param for _rows, found in parts for param in found[1]]
        rows, found = parts[0]
        return sql, params, _reader(rows, found[2])

    return _asking(build, statement)


def _asking(build, statement):
    @wraps(build)
    def asked(*values):
        found = statement(_texts(values))
        if found is None:
            return []
        sql, params, read = found
        return read(sql, _filled(params, values))

    return asked


def prepared_counts(build):
    """Make ``build(*values)``, which returns querysets, return how many rows each has, in one statement.

    A sliced queryset is counted to its end.
    """

    @lru_cache(maxsize=SHAPES)
    def statement(texts):
        counts, params = [], []
        for number, rows in enumerate(build(*_marks(texts))):
            found = _compiled(rows.values_list("pk", flat=True), texts)
            counts.append(f"(SELECT COUNT(*) FROM ({found[0]}) rows{number})" if found else "0")  # noqa: S608
            params += found[1] if found else ()
        return f"SELECT {', '.join(counts)}", params

    @wraps(build)
    def asked(*values):
        sql, params = statement(_texts(values))
        return _fetch(sql, _filled(params, values))[0]

    return asked


def prepared_deletion(build):
    """Make ``build(*values)``, which returns querysets, delete the rows of each, one after the other.

    Of what refers to them nothing is looked for: it is among them, or the database refuses.
    """

    @lru_cache(maxsize=SHAPES)
    def statements(texts):
        found = []
        for rows in build(*_marks(texts)):
            rows.query.__class__ = DeleteQuery
            sql, params, _compiler = _compiled(rows, texts)
            _refuse_unasked(build, texts, params)
            found.append((sql, params))
        return found

    @wraps(build)
    def asked(*values):
        with connection.cursor() as cursor:
            for sql, params in statements(_texts(values)):
                cursor.execute(sql, _filled(params, values))

    return asked


def in_scope(prepare):
    """Let ``prepare`` (``prepared``, ``prepared_union``, ``prepared_counts``) take a ``build(account, *values)``.

    An administrator's role and the number of the domains choose the statement, their names are values of it: of those that are
    seen and, where they are fewer, of those that are managed.
    Settings count as they were when it was put together.
    """

    def decorated(build):
        @lru_cache(maxsize=SHAPES)
        def of(is_superadmin, number, narrowed):
            @wraps(build)
            def rows(*values):
                seen, rest = values[:number], values[number:]
                if narrowed is None:
                    return build(Scope(is_superadmin, seen, seen), *rest)
                return build(Scope(is_superadmin, seen, rest[:narrowed]), *rest[narrowed:])

            if narrowed is not None:
                rows.either = number + narrowed
            return prepare(rows)

        @wraps(build)
        def asked(account, *values):
            if not account.is_active or account.is_mailbox_user:
                raise ValueError(f"{build.__name__} is asked for administrators alone.")
            names, managed = account.scope_domains, account.managed_names
            if managed == names:
                return of(account.is_superadmin, len(names), None)(*names, *values)
            return of(False, len(names), len(managed))(*names, *managed, *values)

        return asked

    return decorated


@dataclass(frozen=True)
class Scope:
    """Stands for any active administrator of one role, for what ScopedQuerySet asks of an account."""

    is_superadmin: bool
    scope_domains: tuple
    managed_names: tuple

    is_active = True
    is_mailbox_user = False

    @property
    def is_domain_admin(self):
        return not self.is_superadmin

    @property
    def domain_names(self):
        return self.scope_domains


def columns_of(rows):
    """The columns of ``rows``, a queryset, for a statement of SQL that joins its table; and what makes a row of them."""
    _sql, _params, compiler = _compiled(rows, ())
    made = _rows_of(rows, compiler)
    columns = ", ".join(sql for _column, (sql, _params), _alias in compiler.select)
    return columns, lambda values: made([values])[0]


def padded(names):
    """Repeat the last of ``names``, for IN (…), up to the next power of two: a statement is kept for each number."""
    names = list(names)
    return names + names[-1:] * ((1 << (len(names) - 1).bit_length()) - len(names))


def _texts(values):
    return tuple([isinstance(value, str) for value in values])


def _filled(params, values):
    return tuple([param if place is None else values[place] for param, place in params])


def _fetch(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _marks(texts):
    return [f"\x1a{place}" if text else -(10**9) - place for place, text in enumerate(texts)]


def _compiled(rows, texts):
    """Return (SQL, [(parameter, place of the value that it stands for, or None)], compiler), or None for no rows."""
    places = {mark: place for place, mark in enumerate(_marks(texts))}
    compiler = None
    if isinstance(rows, RawQuerySet):
        sql, params = rows.raw_query, rows.params
    else:
        compiler = rows.query.get_compiler(connection=connection)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:  # nobody's domains
            return None
    if any(_is_of_these_days(param) for param in params if param not in places):
        raise ValueError("A moment would be kept as it first was: let it be a value.")
    return sql, [(param, places.get(param)) for param in params], compiler


def _refuse_unasked(build, texts, params):
    # The names of those domains that are seen, or of those that are managed: not of both.
    if set(range(getattr(build, "either", 0), len(texts))) - {place for _param, place in params}:
        raise ValueError(f"{build.__name__} does not ask for each of its values as it stands.")


def _is_of_these_days(param):
    return (
        re.match(r"\d{4}-\d\d-\d\d", str(param))
        and abs(datetime.now(UTC).year - int(str(param)[:4])) <= 2
    )


def _raw(rows):
    return lambda sql, params: list(rows.model.objects.raw(sql, params))


def _reader(rows, compiler):
    made = _rows_of(rows, compiler)
    return lambda sql, params: made(_fetch(sql, params))


def _rows_of(rows, compiler):
    converters = compiler.get_converters([expression for expression, *_ in compiler.select])
    make = _maker(rows, compiler)

    def made(fetched):
        if converters and fetched:
            fetched = _converted(fetched, converters)
        return [make(row) for row in fetched]

    return made


def _converted(fetched, converters):
    """As Django does, but a column at a time, which takes half as long."""
    columns = [*zip(*fetched, strict=True)]
    for place, (functions, expression) in converters.items():
        for convert in functions:
            columns[place] = [convert(value, expression, connection) for value in columns[place]]
    return zip(*columns, strict=True)


def _maker(rows, compiler):
    kind = rows._iterable_class
    if kind is FlatValuesListIterable:
        return lambda row: row[0]
    if kind is ValuesListIterable:
        return tuple
    if kind is NamedValuesListIterable:
        names = rows._fields or compiler.query.values_select
        return create_namedtuple_class(*names)._make
    info = compiler.klass_info  # as Django's ModelIterable does
    first, last = info["select_fields"][0], info["select_fields"][-1] + 1
    names = [column.target.attname for column, *_ in compiler.select[first:last]]
    modes = [rows._fetch_mode] if hasattr(rows, "_fetch_mode") else []  # from Django 6.1 on
    related = get_related_populators(info, compiler.select, rows.db, *modes)
    annotations = list(compiler.annotation_col_map.items())

    def model(row):
        made = info["model"].from_db(rows.db, names, row[first:last])
        for populator in related:
            populator.populate(row, made)
        for name, place in annotations:
            setattr(made, name, row[place])
        return made

    return model
