"""What the shipped queries need of MariaDB, for the demo, which runs on SQLite. Postfix and Dovecot read MariaDB alone."""

from django.db import connection


def spelled(query):
    """``query`` in SQLite's spelling, if that is the database: two functions of all of them are no calls there."""
    if connection.vendor != "sqlite":
        return query
    query = query.replace("TRIM(LEADING '.' FROM '%s')", "LTRIM('%s', '.')")
    return query.replace("RIGHT(", '"RIGHT"(')


def prepare(connection):
    if connection.vendor != "sqlite":
        return
    connection.ensure_connection()
    for name, function in FUNCTIONS.items():
        connection.connection.create_function(name, -1, function, deterministic=True)


def _if(condition, then, otherwise):
    return then if condition else otherwise


def _concat(*parts):
    return None if None in parts else "".join(map(str, parts))


def _greatest(*values):
    return None if None in values else max(values)


def _substring_index(text, mark, count):
    if text is None:
        return None
    return text.split(mark)[0 if count == 1 else -1]


def _find_in_set(text, listed):
    if None in (text, listed):
        return None
    parts = listed.split(",")
    return parts.index(text) + 1 if text in parts else 0


def _locate(part, text):
    return None if None in (part, text) else text.find(part) + 1


def _right(text, length):
    return None if None in (text, length) else text[-length:] if length else ""


def _char_length(text):
    return None if text is None else len(text)


FUNCTIONS = {
    "IF": _if,
    "CONCAT": _concat,
    "GREATEST": _greatest,
    "SUBSTRING_INDEX": _substring_index,
    "FIND_IN_SET": _find_in_set,
    "LOCATE": _locate,
    "RIGHT": _right,
    "CHAR_LENGTH": _char_length,
}
