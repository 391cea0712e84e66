"""The panel's own tables, as adoption/source.py is PostfixAdmin's: on MariaDB, and on SQLite, which lacks some functions."""

from django.apps import apps
from django.db import connection

FUNCTIONS = {
    "CONCAT": (-1, lambda *texts: None if None in texts else "".join(map(str, texts))),
    "CHAR_LENGTH": (1, len),
    "SUBSTRING_INDEX": (3, lambda text, mark, count: substring_index(text, mark, count)),
}


class OwnTables:
    """``columns`` are those of the tables that PostfixAdmin has too: {table: {column: (type,)}}."""

    is_ours = True

    def __init__(self):
        models = {model._meta.db_table: model for model in apps.get_models()}
        self.columns = {
            table: {
                field.column: (field.db_type(connection),) for field in model._meta.concrete_fields
            }
            for table, model in models.items()
        }
        if connection.vendor == "sqlite":
            connection.ensure_connection()
            for name, (arguments, function) in FUNCTIONS.items():
                connection.connection.create_function(name, arguments, function, deterministic=True)

    def has(self, table, column=None):
        return table in self.columns and (column is None or column in self.columns[table])

    def quoted(self, table):
        return connection.ops.quote_name(table)

    def rows(self, query):
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()


def substring_index(text, mark, count):
    pieces = text.split(mark)
    return mark.join(pieces[:count] if count > 0 else pieces[count:])
