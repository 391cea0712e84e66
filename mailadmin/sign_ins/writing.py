# ruff: noqa: S608 -- every value is a parameter
"""The statements of a batch of reports, on MariaDB and SQLite. Rows are written in the order of their keys, so that two servers do not deadlock."""

from django.db import connection, transaction

from mailboxes.models import LastLogin, Mailbox, SignIn

TOGETHER = 500  # rows of one statement
KEY = ("username", "day", "protocol", "address", "success", "reason", "app_password")


@transaction.atomic
def write(rows):
    """``rows``: {KEY: [seconds since 1970 of the last one, number]}, of mailboxes and of "" for all other names."""
    _upsert(
        SignIn._meta.db_table,
        (*KEY, "at", "number"),
        [(*key, at, number) for key, (at, number) in rows.items()],
        key=KEY,
        changes={"number": "{old} + {new}", "at": "{greatest}({old}, {new})"},
    )
    last, used = {}, {}
    for key, (at, _number) in rows.items():
        row = dict(zip(KEY, key, strict=True))
        if row["success"] and row["username"]:
            _newest(last, (row["username"], row["protocol"]), at, row["address"])
            if row["app_password"]:
                place = row["address"], row["protocol"]
                _newest(used, (row["app_password"], row["username"]), at, *place)
    _upsert(
        LastLogin._meta.db_table,
        ("username", "protocol", "at", "address"),
        [(*key, *values) for key, values in last.items()],
        key=("username", "protocol"),
        # In this order: MariaDB changes one after the other.
        changes={
            "address": "CASE WHEN {new_at} >= {old_at} THEN {new} ELSE {old} END",
            "at": "{greatest}({old}, {new})",
        },
    )
    _note_use(used)


def mailboxes_of(logins):
    """Those of ``logins`` that mailboxes have."""
    logins, found = sorted(logins), set()
    for start in range(0, len(logins), TOGETHER):
        rows = Mailbox.objects.filter(pk__in=logins[start : start + TOGETHER]).order_by()
        found.update(rows.values_list("pk", flat=True))
    return found


def _newest(found, key, at, *values):
    if key not in found or found[key][0] <= at:
        found[key] = (at, *values)


def _note_use(used):
    with connection.cursor() as cursor:
        for (pk, username), (at, address, protocol) in sorted(used.items()):
            cursor.execute(
                "UPDATE mailbox_app_password SET used = %s, used_address = %s, used_protocol = %s"
                " WHERE id = %s AND username = %s AND (used IS NULL OR used <= %s)",
                [at, address, protocol, pk, username, at],
            )


def _upsert(table, columns, rows, *, key, changes):
    if connection.vendor == "mysql":
        twin, new, greatest = "ON DUPLICATE KEY UPDATE", "VALUES({})", "GREATEST"
    else:
        twin, new, greatest = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET", "excluded.{}", "MAX"
    texts = []
    for column, change in changes.items():
        old = {"old": f"{table}.{column}", "old_at": f"{table}.at", "greatest": greatest}
        text = change.format(**old, new=new.format(column), new_at=new.format("at"))
        texts.append(f"{column} = {text}")
    marks = f"({', '.join(['%s'] * len(columns))})"
    rows = sorted(rows)
    for start in range(0, len(rows), TOGETHER):
        some = rows[start : start + TOGETHER]
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([marks] * len(some))}"
                f" {twin} {', '.join(texts)}",
                [value for row in some for value in row],
            )
