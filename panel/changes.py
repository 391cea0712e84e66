from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import AutoField, GeneratedField
from django.utils.translation import gettext as _

LISTS = {
    "admins",
    "domains",
    "goto",
    "resold",
    "roles",
    "target_domain",
}  # fields of the log that may hold thousands


@contextmanager
def collected(errors, field=None):
    """Add the block's ValidationError to ``errors``, at ``field`` unless it names fields itself."""
    try:
        yield
    except ValidationError as error:
        if field and not hasattr(error, "error_dict"):
            error = ValidationError({field: error.error_list})
        error.update_error_dict(errors)


def refuse(errors):
    if errors:
        raise ValidationError(errors)


def refuse_rows(refused):
    lines = [(name, line) for name, error in refused for line in error.messages]
    if lines:
        raise ValidationError(
            [
                ValidationError(_("%(row)s: %(reason)s"), "refused", {"row": name, "reason": line})
                for name, line in lines
            ]
        )


def taken(row):
    return ValidationError(_("%(name)s exists already."), "taken", {"name": row})


def insert(row):
    """Save a new row. Raises ``taken`` at its key if another transaction was faster."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if not type(row).objects.filter(pk=row.pk).exists():  # another constraint
            raise
        raise ValidationError({row._meta.pk.name: taken(row)}) from error


def insert_many(rows):
    """Save new rows of one model, without reading their keys back.

    ``bulk_create()`` prepares each value of each row, which takes longer than the database does.
    """
    fields = [
        field
        for field in rows[0]._meta.concrete_fields
        if not isinstance(field, AutoField | GeneratedField)
    ]
    values = [_prepared(field, [getattr(row, field.attname) for row in rows]) for field in fields]
    quote = connection.ops.quote_name
    table, columns = quote(rows[0]._meta.db_table), [quote(field.column) for field in fields]
    marks = ", ".join(["%s"] * len(columns))
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(sql, list(zip(*values, strict=True)))
    for row in rows:
        row._state.adding = False


def _prepared(field, values):
    if all(value == values[0] for value in values):  # as most columns of many new rows are
        return [field.get_db_prep_save(values[0], connection)] * len(values)
    return [field.get_db_prep_save(value, connection) for value in values]


def changed_fields(row, values):
    changes = {}
    for field, new in values.items():
        old = getattr(row, field)
        if old != new:
            changes[field] = [old, new]
            setattr(row, field, new)
    return changes


def validate_changed(row, changes):
    """Check the columns ``changes`` of a stored row, and the rules over several of them.

    A wrong value of another program in another column blocks no change, least of all deactivating.
    """
    if not changes:
        return
    fields = row._meta.concrete_fields
    row.full_clean(exclude={f.name for f in fields if not {f.name, f.attname} & changes.keys()})


def is_unchanged(row, *fields):
    values = {name: getattr(row, name) for name in fields}
    return not row._state.adding and type(row).objects.filter(pk=row.pk, **values).exists()


def created(row, *fields):
    return {name: [None, value] for name in fields if (value := getattr(row, name)) != ""}


def removed(row, *fields):
    return {name: [value, None] for name in fields if (value := getattr(row, name)) != ""}
