"""Values as databases hand them out: numbers, or, from a copy in SQLite, texts of a CSV file."""

MIB = 1024 * 1024


def yes(value):
    return str(value).strip().lower() in {"1", "t", "true", "y", "yes", "on"}


def number(value):
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
