"""How PostfixAdmin's rows are asked: each check is one query of examples, as text, that only reads.

In a query ``<mailbox>`` is the table of that name, ``k(x)`` the key as it will be stored: in small letters, without blanks
around it, compared byte by byte, whatever the column's character set is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mailadmin.findings.found import SHOWN, Finding

KEYS = {"domain": "domain", "admin": "username", "mailbox": "username", "alias": "address"}
BIG_JOINS = (
    "SET SESSION join_cache_level = 4, join_buffer_size = 67108864, join_buffer_space_limit = 536870912,"
    " optimizer_switch = 'join_cache_hashed=on,join_cache_bka=on,outer_join_with_cache=on'"
)


@dataclass(frozen=True)
class Check:
    """``needs``: the tables, or (table, column), without which there is nothing to ask."""

    name: str
    severity: str
    title: str
    does: str
    question: str | Callable
    needs: tuple = ()


def key_of(column):
    return f"LOWER(TRIM(CONVERT({column} USING utf8mb4))) COLLATE utf8mb4_bin"


def answers(source, checks):
    """Yield a Finding for each check that finds rows."""
    if source.connection.mysql_is_mariadb:
        source.rows(BIG_JOINS)
    for check in checks:
        if not all(
            source.has(*([need] if isinstance(need, str) else need)) for need in check.needs
        ):
            continue
        question = check.question if isinstance(check.question, str) else check.question(source)
        if not question:
            continue
        query = as_sql(source, question)
        if count := source.one(f"SELECT COUNT(*) FROM ({query}) found"):
            examples = [
                str(row[0]) for row in source.rows(f"SELECT * FROM ({query}) found LIMIT {SHOWN}")
            ]
            yield Finding(check.name, check.severity, check.title, check.does, count, examples)


def as_sql(source, question):
    text = re.sub(r"\bk\(([\w.]+)\)", lambda found: f"({key_of(found[1])})", question)
    return re.sub(r"<([a-z_]+)>", lambda found: source.quoted(found[1]), text)


def each_key(condition):
    """``condition`` asked of ``KEY``, the key of each table."""

    def question(source):
        return " UNION ALL ".join(
            f"SELECT CONCAT('{table} ', {key}) FROM <{table}> WHERE {condition.replace('KEY', key)}"
            for table, key in KEYS.items()
        )

    return question


def in_both(condition):
    """``condition`` asked of the administrators and of the mailboxes."""
    return " UNION ALL ".join(
        f"SELECT CONCAT('{table} ', username) FROM <{table}> WHERE {condition}"
        for table in ("admin", "mailbox")
    )
