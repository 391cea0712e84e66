from datetime import UTC, datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

UNKNOWN_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)  # PostfixAdmin's value for "not known"


class ByteForByteMixin:
    """A text column compared byte for byte.

    With MariaDB's default collation ``ü1@example.org`` finds ``u1@example.org``: mail for one person
    would reach another.
    """

    def db_parameters(self, connection):
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters


class KeyField(ByteForByteMixin, models.CharField):
    """An address, a domain or a login name: at most 255 characters, stored in lower case."""

    def __init__(self, *args, max_length=255, **kwargs):
        super().__init__(*args, max_length=max_length, **kwargs)


class WordField(models.CharField):
    """A word that people look for: on MariaDB and MySQL without capitals and accents."""

    def db_parameters(self, connection):
        parameters = super().db_parameters(connection)
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_unicode_ci"
        return parameters


class RecipientsField(models.IntegerField):
    """So many recipients an hour; None: as many as the server lets everybody write to."""

    MOST = 1_000_000
    default_validators = [MinValueValidator(1), MaxValueValidator(MOST)]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs | {"null": True, "blank": True})


class SecondsField(models.DateTimeField):
    def db_type(self, connection):
        return "datetime" if connection.vendor == "mysql" else super().db_type(connection)

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        return value.replace(microsecond=0) if value else value


class ShortTextField(ByteForByteMixin, models.TextField):
    """A ``text`` column: at most 65,535 bytes, which the writer must check."""

    def db_type(self, connection):
        return "text" if connection.vendor == "mysql" else super().db_type(connection)
