"""Which mailboxes and aliases somebody writes while the last changes are brought over.

So what is left to bring while writers are refused is a few rows, however many there are.
"""

from mailadmin.adoption import copying
from mailadmin.adoption import shadow as copies
from mailadmin.adoption.place import NOTES_TABLE

# The large tables. The others are compared whole: rows there also go by a foreign key, which no trigger sees.
NOTED = ("mailbox", "alias")
MOST = 10_000  # keys of one table: more are compared whole
EVENTS = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}


def begin(source, shadow):
    """Note each key that is written from now on. A trigger waits for the transactions that write already."""
    notes = shadow.quoted(NOTES_TABLE)
    shadow.run(f"DROP TABLE IF EXISTS {notes}")
    shadow.run(
        f"CREATE TABLE {notes} (of_table varchar(64), kept varchar(255), PRIMARY KEY (of_table, kept))"
        " ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )
    for name in NOTED:
        known, key = source.tables[name], copying.KEYS[name][0]
        for event, rows in EVENTS.items():
            values = ", ".join(f"('{name}', {row}.`{key}`)" for row in rows)
            source.run(
                f"CREATE OR REPLACE TRIGGER `hold_note_{known}_{event.lower()}` AFTER {event} ON `{known}` FOR EACH ROW"
                f" INSERT IGNORE INTO {notes} (of_table, kept) VALUES {values}"
            )


def bring(source, shadow, names):
    """What was written since begin(), of the tables ``names``: nobody may write now."""
    noted = {name: _noted(source, shadow, name) for name in NOTED}
    copies.synchronise(source, shadow, names, noted)


def _noted(source, shadow, name):
    """The keys; None where all rows are to be compared."""
    found = source.rows(
        f"SELECT kept FROM {shadow.quoted(NOTES_TABLE)} WHERE of_table = %s LIMIT {MOST + 1}",
        [name],
    )
    # TRUNCATE runs no trigger.
    is_empty = not source.rows(f"SELECT 1 FROM {source.quoted(name)} LIMIT 1")
    return None if is_empty or len(found) > MOST else [key for (key,) in found]
