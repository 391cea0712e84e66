"""What a service does to a row: inserted, set, checked, and as the log tells it."""

from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

LISTS = {"admins", "domains", "goto", "target_domain"}  # fields of the log that may hold thousands


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
    """Raise all that was collected, if anything: ``{field: [ValidationError]}``."""
    if errors:
        raise ValidationError(errors)


def taken(row):
    return ValidationError(_("%(name)s exists already."), "taken", {"name": row})


def insert(row):
    """Save a new row; ``taken`` at its key where another transaction was faster."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError({row._meta.pk.name: taken(row)}) from error


def changed_fields(row, values):
    """Set ``values`` on ``row`` and return ``{field: [old, new]}`` of those that differ."""
    changes = {}
    for field, new in values.items():
        old = getattr(row, field)
        if old != new:
            changes[field] = [old, new]
            setattr(row, field, new)
    return changes


def validate_changed(row, changes):
    """Check the columns ``changes`` of a stored row, and the rules over several of them.

    What another program wrote in the others stops no change: least of all deactivating it.
    """
    if not changes:
        return
    fields = row._meta.concrete_fields
    row.full_clean(exclude={f.name for f in fields if not {f.name, f.attname} & changes.keys()})


def is_unchanged(row, *fields):
    """Say whether ``fields`` are as they were: what is wrong there stops no other change."""
    values = {name: getattr(row, name) for name in fields}
    return not row._state.adding and type(row).objects.filter(pk=row.pk, **values).exists()


def created(row, *fields):
    """Return ``{field: [None, value]}`` of a new row for the log, without what was left empty."""
    return {name: [None, value] for name in fields if (value := getattr(row, name)) != ""}


def removed(row, *fields):
    """Return ``{field: [value, None]}`` of a row that goes, without what is empty."""
    return {name: [value, None] for name in fields if (value := getattr(row, name)) != ""}
