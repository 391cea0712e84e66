import re
from contextlib import closing, suppress

from django.db import Error, OperationalError

SYNCED = "4"  # wsrep_local_state
INTERRUPTED = 1317
# Error numbers of MariaDB and MySQL: no server, host or socket (2xxx), no such user, database or
# right to connect, no room for one more.
CONNECTING = {
    *(2002, 2003, 2004, 2005, 2012, 2026, 2054, 2058, 2059, 2061),
    *(1040, 1044, 1045, 1049, 1129, 1130, 1203, 1226, 1251, 1698, 1862),
}
HOW_TO_ALLOW = (
    "Allow it as the server's root (docs/operations.md, “Binary log”)."
    " MariaDB: SET GLOBAL log_bin_trust_function_creators = 1, and the same line under [mariadbd]"
    " in a file of /etc/mysql/mariadb.conf.d/ (on every node of a cluster)."
    " MySQL: SET PERSIST log_bin_trust_function_creators = 1."
    " A managed server: set this parameter in its provider's console."
    " Nothing was written."
)


def may_create(connection):
    """Say whether the server lets this user create triggers and functions (error 1419)."""
    if connection.vendor != "mysql":
        return True
    with connection.cursor() as cursor:
        # Galera asks for SUPER as a binary log does, though log_bin is 0 there.
        names = "'log_bin', 'wsrep_on', 'log_bin_trust_function_creators'"
        cursor.execute(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
        on = {name for name, value in cursor.fetchall() if value == "ON"}
        if "log_bin_trust_function_creators" in on or not on:
            return True
        cursor.execute("SHOW GRANTS")
        everywhere = [grant for (grant,) in cursor.fetchall() if " ON *.* TO " in grant]
    return any(re.search(r"\b(ALL PRIVILEGES|SUPER)\b", grant) for grant in everywhere)


def trouble(connection):
    """Return why this server cannot save now, a word for monitoring; None if it can.

    A Galera node that fell behind or gives another its data is not asked, though it may answer.
    """
    with connection.cursor() as cursor:
        if connection.vendor != "mysql":
            cursor.execute("SELECT 1")
            return None
        cursor.execute("SELECT @@global.read_only")
        if str(cursor.fetchone()[0]) not in {"0", "OFF"}:
            return "read_only"
        cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep_local_state'")
        state = cursor.fetchone()  # none without a cluster
        return "not_synced" if state and state[1] != SYNCED else None


def nodes(connection):
    """Return the addresses (``host:port``) of all servers of this one's Galera cluster; none without a cluster."""
    if connection.vendor != "mysql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep_incoming_addresses'")
        found = cursor.fetchone()
    return sorted(filter(None, found[1].split(","))) if found else []


def ask_nodes(connection, question):
    """Return ``{node: question(connection to it)}``; None is the answer of one that cannot be reached.

    Each answers when it has all that was written before, on any of them.
    """
    answers = {}
    for node in nodes(connection):
        answers[node] = None
        host, _colon, port = node.rpartition(":")
        if not port.isdigit():  # AUTO: a server that does not know its own address
            continue
        other = connection.copy()
        other.settings_dict |= {"HOST": host.strip("[]"), "PORT": port}
        other.settings_dict["OPTIONS"] = {"connect_timeout": 5} | other.settings_dict["OPTIONS"]
        with suppress(Error), closing(other):
            with other.cursor() as cursor:
                cursor.execute("SET SESSION wsrep_sync_wait = 1")
            answers[node] = question(other)
    return answers


def as_shown(body):
    """Return the body of a trigger or function as MariaDB and MySQL both show it, for comparing.

    In information_schema MySQL writes one apostrophe for the two that stand for one in a text.
    """
    return body.replace("''", "'")


def has_unread_trigger(error):
    """Say whether ``error`` is MariaDB's of a trigger that it does not understand.

    A statement that is killed while MariaDB reads the triggers of a table leaves them half read in
    the memory of the server: to every statement that comes to them they have a syntax error, until the
    table is closed. Galera kills what is in the way of another node or of a change of the schema.
    """
    return error.args[:1] == (1064,) and " has an error in its body: " in str(error)


def read_triggers_anew(connection):
    """Let MariaDB read all triggers from its files, on all nodes; return False if one is really wrong.

    To be called outside a transaction. A table that somebody works with for seconds stays as it is.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EVENT_OBJECT_TABLE, ACTION_STATEMENT FROM information_schema.TRIGGERS"
            " WHERE TRIGGER_SCHEMA = DATABASE()"
        )
        triggers = cursor.fetchall()
        # In place of the body of one that is really wrong stands the whole statement.
        if any(text.startswith("CREATE ") for _table, text in triggers):
            return False
        names = ", ".join(sorted({f"`{table}`" for table, _text in triggers}))
        # InnoDB has nothing to repair, but its table is closed. FLUSH TABLES would need RELOAD.
        try:
            cursor.execute(f"SET STATEMENT lock_wait_timeout = 5 FOR REPAIR TABLE {names}")
        except OperationalError as error:
            if error.args[0] != INTERRUPTED:  # killed in its turn
                raise
        return True


def is_about_connecting(error):
    if getattr(error.__cause__, "sqlite_errorname", "").startswith(
        ("SQLITE_CANTOPEN", "SQLITE_NOTADB")
    ):
        return True
    number, words = [*error.args, None, ""][:2]
    # 2013 also stands for a connection that broke later.
    return number in CONNECTING or (number == 2013 and "initial communication packet" in words)
