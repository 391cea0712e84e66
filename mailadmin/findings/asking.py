"""How rows are asked: each check is one query of examples, as text, that only reads.

In a query ``<mailbox>`` is the table of that name, ``<targets>`` each target of each alias that is on, and ``k(x)`` a key as the
panel stores it: in small letters, without blanks around it, compared byte by byte, whatever the column's character set is.
An example is a row's columns with blanks between them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from mailadmin.findings.found import SHOWN, Finding

KEYS = {"domain": "domain", "admin": "username", "mailbox": "username", "alias": "address"}
BIG_JOINS = (
    "SET SESSION join_cache_level = 4, join_buffer_size = 67108864, join_buffer_space_limit = 536870912,"
    " optimizer_switch = 'join_cache_hashed=on,join_cache_bka=on,outer_join_with_cache=on,derived_merge=off'"
)
AS_BEFORE = (
    "SET SESSION join_cache_level = DEFAULT, join_buffer_size = DEFAULT, join_buffer_space_limit = DEFAULT,"
    " optimizer_switch = DEFAULT"
)


@dataclass(frozen=True)
class Check:
    """``needs``: the tables, or (table, column), without which there is nothing to ask.

    ``why`` it matters: of those that are asked of the panel's own tables too. ``row`` is the table of the key that the question's
    first column has there; "*", where the first column names the table and the second is the key.
    """

    name: str
    severity: str
    title: str
    does: str
    question: str | Callable
    needs: tuple = ()
    row: str = ""
    why: str = ""


def answers(source, checks):
    if source.connection.mysql_is_mariadb:
        source.rows(BIG_JOINS)
    for check in checks:
        query = as_sql(source, check)
        if not query:
            continue
        if count := source.one(f"SELECT COUNT(*) FROM ({query}) found"):
            rows = source.rows(f"SELECT * FROM ({query}) found LIMIT {SHOWN}")
            yield Finding(
                check.name,
                check.severity,
                str(check.title),
                check.does,
                count,
                list(map(text, rows)),
            )
    if source.connection.mysql_is_mariadb:
        source.rows(AS_BEFORE)


def text(row):
    return " ".join(map(str, row))


def as_sql(source, check):
    """The query, or "" where there is nothing to ask; or the rows themselves, which no query could tell."""
    if not all(source.has(*([need] if isinstance(need, str) else need)) for need in check.needs):
        return ""
    asked = check.question if isinstance(check.question, str) else check.question(source)
    if not isinstance(asked, str):
        return asked
    if not source.is_ours:
        asked = _by_key(source, asked)
    asked = asked.replace("<targets>", "<alias_target>" if source.is_ours else TARGETS)
    key = "{}" if source.is_ours else f"({key_of('{}')})"
    asked = re.sub(r"\bk\(([\w.]+)\)", lambda found: key.format(found[1]), asked)
    return re.sub(r"<([a-z_0-9]+)>", lambda found: source.quoted(found[1]), asked)


def key_of(column):
    return f"LOWER(TRIM(CONVERT({column} USING utf8mb4))) COLLATE utf8mb4_bin"


_DELIMITER = settings.RECIPIENT_DELIMITER
_LOCAL = "SUBSTRING_INDEX(k(t.target), '@', 1)"
_DOMAIN = "SUBSTRING_INDEX(k(t.target), '@', -1)"
# As the panel's triggers keep them in alias_target. What stands before a delimiter has at least one character.
TARGETS = (
    f"(SELECT k(a.address) AS alias, k(t.target) AS target, {_DOMAIN} AS domain, 1 AS unmatched,"
    f" CONCAT(LEFT({_LOCAL}, 1), SUBSTRING_INDEX(SUBSTRING({_LOCAL}, 2), '{_DELIMITER}', 1), '@', {_DOMAIN}) AS bare"
    " FROM <alias> a JOIN JSON_TABLE("
    "CONCAT('[', REPLACE(JSON_QUOTE(CONVERT(a.goto USING utf8mb4)), ',', '\",\"'), ']'), '$[*]'"
    " COLUMNS (target TEXT PATH '$')) t WHERE k(a.goto) <> k(a.address))"
)


def _by_key(source, question):
    # A hash join takes none but columns, and any other compares each row with each.
    def with_column(found):
        left, table, name, key = found.groups()
        named = {key, *re.findall(rf"\b{name}\.(\w+)", question)} & source.columns[table].keys()
        columns = ", ".join(f"j.{column}" for column in sorted(named))
        join = "LEFT JOIN" if left else "STRAIGHT_JOIN"  # that column is on the right
        return f"{join} (SELECT {columns}, k(j.{key}) AS joined_by FROM <{table}> j) {name} ON {name}.joined_by = "

    return re.sub(r"(LEFT )?JOIN <(\w+)> (\w+) ON k\(\3\.(\w+)\) = ", with_column, question)


def each_key(condition):
    def question(source):
        return " UNION ALL ".join(
            f"SELECT '{table}' AS of_table, {key} AS named FROM <{table}> WHERE {condition.replace('KEY', key)}"
            for table, key in KEYS.items()
        )

    return question


def in_both(condition):
    return " UNION ALL ".join(
        f"SELECT '{table}' AS of_table, username AS named FROM <{table}> WHERE {condition}"
        for table in ("admin", "mailbox")
    )
