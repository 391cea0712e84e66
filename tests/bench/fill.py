"""``python -m tests.bench.fill SIZE``: fill the database of DATABASE_URL unless it is, and describe it.

Prints one line of JSON: how long it took, the samples that pages.py names, the keys for look-ups.
"""

import json
import sys
import time
from dataclasses import asdict

import django
from django.db import connection

KEYS = 20_000  # look-ups of each map


def main(size):
    from tests.bench import data, pages

    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM full_mailbox")  # what is filled last
        filled = cursor.fetchone()[0] > 0
    steps = {}
    start = time.monotonic()
    if filled:
        data.tidy(connection)
    else:
        last = [start, None]

        def report(step):
            now = time.monotonic()
            if last[1]:
                steps[last[1]] = round(now - last[0], 1)
            last[:] = [now, step]

        data.fill(connection, size, report)
        report(None)
    found = {
        "seconds": round(time.monotonic() - start, 1),
        "steps": steps,
        "rows": {table: _rows(table) for table in ("domain", "mailbox", "alias", "log", "admin")},
        "samples": asdict(pages.sample(connection, size)),
        "keys": {name: _keys(query) for name, query in data.LOOKUPS.items()},
    }
    print(json.dumps(found, default=str))


def _rows(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table}")
        return cursor.fetchone()[0]


def _keys(query):
    """KEYS answers of ``query``, spread over the table, in no order, some of them repeated if few."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({query}) AS found ORDER BY CRC32(found.name) LIMIT {KEYS}")
        keys = [name for (name,) in cursor.fetchall()]
    return (keys * (KEYS // len(keys) + 1))[:KEYS]


if __name__ == "__main__":
    django.setup()
    main(int(sys.argv[1]))
