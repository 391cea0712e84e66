"""The copy takes the original's place, and back: writers are refused for a moment, none is lost; readers notice nothing.

A lock would not do: RENAME waits for one table at a time, and writers that wait for another get in before it. A trigger
that refuses is created when the open transactions on its table have ended, so what was acknowledged is in the old table.
"""

import re
from contextlib import suppress

from django.db import Error, connection

from aliases import functions
from mailadmin.adoption import copying, noting
from mailadmin.adoption import shadow as copies
from mailadmin.adoption.copying import SESSION
from mailadmin.adoption.place import KEYS_TABLE, NOTES_TABLE, OWN_TABLE, in_database
from mailadmin.adoption.source import SHARED
from mailboxes import sieve, triggers

# Dovecot and the log go on all the while: what they wrote meanwhile is added afterwards.
HELD = tuple(name for name in SHARED if name not in {"quota2", "log"})
EVENTS = ("INSERT", "UPDATE", "DELETE")
BEING_MOVED = "being moved to another panel, try again in a minute"
BEFORE, NEXT = "before_", "next_"
NOTED = "quota2_noted"


class Refused(Exception):
    pass


def held(source):
    return [name for name in HELD if source.has(name)]


def is_switched(source, shadow):
    """Whether the tables have changed places, by what is there: a run may have been stopped right after it."""
    if not shadow.is_there:
        return False
    return any(name.startswith(BEFORE) for name in _tables(source) | shadow.tables())


def is_half(source, shadow):
    there = _tables(source)
    # After --undo a table of that name is a later PostfixAdmin's own.
    moved = [] if shadow.remembered("undone") else shadow.remembered("moved", [])
    return bool(_holding(source)) or any(name.startswith(NEXT) or name in moved for name in there)


def switch(source, shadow, say):
    for statement in SESSION:
        shadow.run(statement)
    shadow.remember("foreign keys", _foreign_keys(source))
    shadow.remember("character set", list(_character_set(source)))
    shadow.remember("names", source.tables)
    shadow.remember("switched", str(source.one("SELECT NOW()")))
    try:
        # Nobody waits for this: what is written from here on is noted, and the two tables are never held.
        noting.begin(source, shadow)
        _catch_up(source, shadow, say)
        copies.synchronise(source, shadow, [name for name in ("quota2", "log") if source.has(name)])
        _note(source, shadow, shadow.quoted("quota2"), shadow.quoted("log"))
        _hold(source, [source.tables[name] for name in held(source)])
        noting.bring(source, shadow, held(source))
        _rename(source, _make_ready(source, shadow))
    except Error as error:
        put_back(source, shadow)
        raise Refused(f"{error.args[-1]}: nothing was switched") from error
    finish_switch(source, shadow)


def finish_switch(source, shadow):
    """What is left once the tables have changed places: it may be done again where it was stopped."""
    source = source.adopted()
    _move_away(source, shadow)
    _add_what_came_late(
        source, shadow, *(shadow.quoted(f"{BEFORE}{name}") for name in ("quota2", "log"))
    )
    _character_set_to(source, "utf8mb4", "utf8mb4_bin")
    _foreign_keys_again(source, shadow, ours=True)
    sieve.create(source.connection)
    source.run("INSERT IGNORE INTO adoption (id, old_tables) VALUES (1, %s)", [shadow.name])


def finish(shadow):
    shadow.run("DELETE FROM adoption")
    shadow.drop()


def undo(source, shadow):
    for statement in SESSION:
        shadow.run(statement)
    copies.drop_views(shadow)
    source = source.adopted()
    names = [name for name in SHARED if f"{BEFORE}{name}" in shadow.tables()]
    if names:
        _panel_waits(source, True)
        _hold(source, [name for name in names if name in HELD])
        try:
            for table in copying.tables_back(source, shadow, names):
                for statement in table.back():
                    source.run(statement)
            _note(source, shadow, *(shadow.quoted(f"{BEFORE}{name}") for name in ("quota2", "log")))
            for table, name, *_rest in _foreign_keys(source):
                source.run(f"ALTER TABLE `{table}` DROP FOREIGN KEY `{name}`")
            _rename_tables(source, _pairs_back(shadow, names))
        except Error as error:
            _release(source)
            _panel_waits(source, False)
            with suppress(
                Error
            ):  # what stopped the first statement may stop this one; --undo may be run again
                _foreign_keys_again(source, shadow, ours=True)
            raise Refused(f"{error.args[-1]}: nothing was switched") from error
    _finish_undo(source, shadow)


def _pairs_back(shadow, names):
    """(from, to) of each RENAME: what is in place, the panel's table or the view for other
    programs, is put aside first."""
    renamed = _renamed(shadow)
    for name in names:
        known = renamed.get(name, name)
        yield f"`{known}`", f"`{NEXT}{known}`"
        yield shadow.quoted(f"{BEFORE}{name}"), f"`{known}`"


def _panel_waits(source, upgrading):
    # this panel's own pages then say that the database is being upgraded, and save nothing
    source.run("UPDATE routing_lock SET upgrading = %s, taken = taken + 1", [upgrading])


def _finish_undo(source, shadow):
    _release(source)
    triggers.drop(source.connection)  # ours: they went aside with their tables
    there = _tables(source)
    moved = [name for name in shadow.remembered("moved", []) if name in there]
    beside = [name for name in there if name.startswith(NEXT)]
    renamed = _renamed(shadow)
    if beside or moved:
        late = [f"`{name}`" if name in renamed else f"`{NEXT}{name}`" for name in ("quota2", "log")]
        into = [f"`{renamed.get(name, name)}`" for name in ("quota2", "log")]
        _add_what_came_late(source, shadow, *late, into=into)
    _drop_views(source, shadow)
    _rename_tables(
        source,
        [(f"`{name}`", shadow.quoted(name)) for name in moved]
        + [(f"`{name}`", shadow.quoted(name.removeprefix(NEXT))) for name in beside],
    )
    functions.drop(source.connection)
    sieve.drop(source.connection)
    _foreign_keys_again(source, shadow)
    _character_set_to(source, *shadow.remembered("character set"))


def _renamed(shadow):
    names = shadow.remembered("names", {})
    return {name: known for name, known in names.items() if name in SHARED and known != name}


def _drop_views(source, shadow):
    for known in _renamed(shadow).values():
        source.run(f"DROP VIEW IF EXISTS `{NEXT}{known}`")


def _hold(source, tables):
    for table in tables:
        for event in EVENTS:
            source.run(
                f"CREATE OR REPLACE TRIGGER `hold_{table}_{event.lower()}` BEFORE {event} ON `{table}` FOR EACH ROW"
                f" SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{BEING_MOVED}'"
            )


def _release(source):
    for (name,) in _holding(source):
        source.run(f"DROP TRIGGER IF EXISTS `{name}`")


def _holding(source):
    return source.rows(
        "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS"
        " WHERE TRIGGER_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE 'hold\\_%'"
    )


def _catch_up(source, shadow, say):
    remembered = shadow.remembered("checksums") or {}
    now = copies.checksums(source, held(source))
    changed = [name for name in now if now[name] != remembered.get(name)]
    if changed:
        say(f"Written since the copy: {', '.join(changed)}")
        copies.synchronise(source, shadow, changed)
        shadow.remember("checksums", now)


def _make_ready(source, shadow):
    copies.bare(source, shadow)
    there = shadow.tables() - {OWN_TABLE, KEYS_TABLE, NOTES_TABLE, NOTED}
    shared = [name for name in SHARED if name in there and source.has(name)]
    beside = [name for name in shared if name not in source.renamed]
    moves = [
        (shadow.quoted(name), f"`{NEXT}{name}`" if name in beside else f"`{name}`")
        for name in sorted(there)
    ]
    shadow.remember("moved", sorted(there - set(beside)))
    _rename_tables(source, moves)
    functions.create(source.connection)
    with source.connection.cursor() as cursor:
        for text in triggers.statements("mysql").values():
            cursor.execute(_beside(text, beside))
    for name, known in source.renamed.items():
        source.run(copies.view_of(source, name, f"`{NEXT}{known}`", f"`{name}`"))
    for table, name, *_rest in shadow.remembered("foreign keys"):
        source.run(f"ALTER TABLE `{table}` DROP FOREIGN KEY `{name}`")
    return shared


def _beside(text, shared):
    return re.sub(
        r"(?<= ON )(\w+)(?= FOR EACH ROW)",
        lambda found: NEXT + found[1] if found[1] in shared else found[1],
        text,
        count=1,
    )


def _rename(source, names):
    pairs = []
    for name in names:
        known = source.tables[name]
        pairs += [(f"`{known}`", f"`{BEFORE}{name}`"), (f"`{NEXT}{known}`", f"`{known}`")]
    _rename_tables(source, pairs)


def _rename_tables(source, pairs):
    if pairs := list(pairs):
        moved = ", ".join(f"{old} TO {new}" for old, new in pairs)
        source.run(f"RENAME TABLE {moved}")


def _move_away(source, shadow):
    _release(source)
    there = _tables(source)
    _rename_tables(
        source,
        [(f"`{name}`", shadow.quoted(name)) for name in sorted(there) if name.startswith(BEFORE)],
    )


def _tables(source):
    found = source.rows(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'"
    )
    return {name for (name,) in found}


def _note(source, shadow, quota, log):
    copy = shadow.quoted(NOTED)
    shadow.run(f"DROP TABLE IF EXISTS {copy}")
    shadow.run(
        f"CREATE TABLE {copy} (username varchar(255) PRIMARY KEY, bytes bigint, messages int)"
    )
    shadow.run(
        f"INSERT INTO {copy} (username, bytes, messages)"
        f" SELECT {copying.key_of('username')}, bytes, messages FROM {quota}"
    )
    [[last]] = source.rows(f"SELECT COALESCE(MAX(id), 0) FROM {log}")
    shadow.remember("last log", last)


def _add_what_came_late(source, shadow, quota, log, into=("quota2", "log")):
    """Adds what was written to these two tables between the last look and the change of places:
    Dovecot's figures, perhaps entries of the log."""
    if NOTED in shadow.tables():
        copy, key = shadow.quoted(NOTED), copying.key_of("b.username")
        shadow.run("START TRANSACTION")
        shadow.run(
            f"INSERT INTO {into[0]} (username, bytes, messages) SELECT {key}, b.bytes - COALESCE(c.bytes, 0),"
            f" b.messages - COALESCE(c.messages, 0) FROM {quota} b LEFT JOIN {copy} c ON c.username = {key}"
            " WHERE c.username IS NULL OR b.bytes <> c.bytes OR b.messages <> c.messages"
            f" ON DUPLICATE KEY UPDATE bytes = {into[0]}.bytes + VALUES(bytes),"
            f" messages = {into[0]}.messages + VALUES(messages)"
        )
        # Whoever is stopped here adds nothing twice.
        shadow.run(
            f"REPLACE INTO {copy} (username, bytes, messages) SELECT {key}, b.bytes, b.messages FROM {quota} b"
        )
        shadow.run("COMMIT")
        shadow.run(f"DROP TABLE {copy}")
    shadow.run("START TRANSACTION")
    shadow.run(
        f"INSERT INTO {into[1]} (timestamp, username, domain, action, data)"
        f" SELECT timestamp, username, domain, action, data FROM {log} WHERE id > %s",
        [shadow.remembered("last log")],
    )
    [[newest]] = source.rows(f"SELECT COALESCE(MAX(id), 0) FROM {log}")
    shadow.remember("last log", newest)
    shadow.run("COMMIT")


def _foreign_keys(source):
    """[table, name, definition, column, its definition, its index] of each that refers to the shared tables from elsewhere."""
    found = []
    for table, name, column in source.referring_columns():
        [[_table, text]] = source.rows(f"SHOW CREATE TABLE `{table}`")
        key = re.search(rf"CONSTRAINT `{re.escape(name)}` (.*?),?$", text, re.MULTILINE)
        definition = re.search(rf"^  `{re.escape(column)}` (.*?),?$", text, re.MULTILINE)
        index = _index_of(source, table, column)
        found.append([table, name, key[1], column, definition[1], index])
    return found


def _foreign_keys_again(source, shadow, *, ours=False):
    there = {
        name
        for (name,) in source.rows(
            "SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS"
            " WHERE CONSTRAINT_SCHEMA = DATABASE()"
        )
    }
    known = {real: name for name, real in shadow.remembered("names", {}).items()}
    for table, name, key, column, definition, index in shadow.remembered("foreign keys", []):
        if name in there:
            continue
        if ours:
            key = re.sub(
                r"(?<=REFERENCES `)[^`]+", lambda found: known.get(found[0], found[0]), key
            )
            kind, _blank, rest = re.sub(
                r" CHARACTER SET \w+| COLLATE \w+", "", definition
            ).partition(" ")
            letters = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if "char" in kind else ""
            definition = f"{kind} {letters} {rest}"
        source.run(f"ALTER TABLE `{table}` MODIFY `{column}` {definition}")
        source.run(f"ALTER TABLE `{table}` ADD CONSTRAINT `{name}` {key}")
        # The server renames an index that it had made for the first key.
        now = _index_of(source, table, column)
        if index and now != index:
            source.run(f"ALTER TABLE `{table}` RENAME INDEX `{now}` TO `{index}`")


def _index_of(source, table, column):
    [[_table, text]] = source.rows(f"SHOW CREATE TABLE `{table}`")
    found = re.search(rf"KEY `(\w+)` \(`{re.escape(column)}`", text)
    return found and found[1]


def _character_set(source):
    return source.rows(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA"
        " WHERE SCHEMA_NAME = DATABASE()"
    )[0]


def _character_set_to(source, charset, collation):
    quoted = source.connection.ops.quote_name(source.connection.settings_dict["NAME"])
    source.run(f"ALTER DATABASE {quoted} CHARACTER SET {charset} COLLATE {collation}")


def put_back(source, shadow):
    _release(source)
    _drop_views(source, shadow)
    there = _tables(source)
    beside = sorted(name for name in there if name.startswith(NEXT))
    moved = [name for name in shadow.remembered("moved", []) if name in there]
    with suppress(Error):
        triggers.drop(source.connection)
        functions.drop(source.connection)
        sieve.drop(source.connection)
    _rename_tables(
        source,
        [(f"`{name}`", shadow.quoted(name.removeprefix(NEXT))) for name in beside]
        + [(f"`{name}`", shadow.quoted(name)) for name in moved],
    )
    _foreign_keys_again(source, shadow)
    if beside or moved:
        with in_database(shadow.name):
            functions.create(connection)
            triggers.create(connection, anew=True)
