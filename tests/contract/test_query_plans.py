import contextlib
import re

import pytest

from aliases import functions
from tests.contract.test_postfix_maps import MAPS
from tests.contract.world import numbers

ROWS = 1000
DIRECT = {"const", "eq_ref", "ref", "system", None}  # None: nothing to read at all
KEYS = [
    "u7@d7.example",
    "a7@d7.example",
    "two@d7.example",
    "u7@ad7.example",
    "a7@ad7.example",
    "leak@d7.example",
    "leak@ad7.example",
    "lost@d7.example",
    "far@d7.example",
    "u7@whole.example",
    "u7+list@whole.example",
    "@whole.example",
    "nobody@d7.example",
    "nobody@ad7.example",
    "@d7.example",
    "@ad7.example",
    "u8@off.example",
    "someone@elsewhere.test",
]


@pytest.fixture(scope="module", autouse=True)
def many_rows(empty_world, mail_server):
    world = empty_world
    for number in range(100):
        world.domain(f"d{number}.example")
    world.domain("ad7.example")
    world.alias_domain("ad7.example", "d7.example")
    world.domain("off.example")
    world.alias("two@d7.example", "u7@d7.example", "u8@d8.example")
    world.alias("leak@d7.example", "x@off.example", "u7@d7.example")
    world.alias("lost@d7.example", "gone+list@d8.example", "nobody@ad7.example")
    world.alias("far@d7.example", "lost@d7.example", "two@d7.example", "x@ad7.example")
    world.domain("whole.example")
    world.alias("@whole.example", "x@ad7.example", "two@d7.example")
    for number in range(30):
        world.domain(f"off{number}.example", active=False)
    world.raw("domain", "off.example", active=False)
    source = f"FROM {numbers(ROWS)}"
    name, domain = (
        "CONCAT('u', seq, '@d', seq % 100, '.example')",
        "CONCAT('d', seq % 100, '.example')",
    )
    for statement in [
        f"INSERT INTO alias (address, goto, domain) SELECT {name}, {name}, {domain} {source}",
        f"INSERT INTO alias (address, goto, domain) SELECT CONCAT('a', {name}), {name}, {domain} {source}",
        "INSERT INTO mailbox (username, password, name, maildir, local_part, domain)"
        f" SELECT {name}, '', '', {name}, CONCAT('u', seq), {domain} {source}",
        "INSERT INTO relay_host (domain, next_hop, secret) SELECT domain, '[x]:587', '00' FROM domain",
        "INSERT INTO mail_copy (domain, direction, address, goto) SELECT domain, d.direction, address, address"
        " FROM alias, (SELECT 'to' AS direction UNION SELECT 'from') d",
        "INSERT INTO sender_rule (sender, action) SELECT address, 'REJECT' FROM alias",
        "INSERT INTO domain_sender_rule (domain, list_number, sender, action)"
        f" SELECT {domain}, seq % 100, {name}, 'REJECT' {source}",
        "INSERT INTO mailbox_app_password (username, password_hash, protocols)"
        " SELECT username, SHA2(CONCAT(username, seq), 256), 'imap' FROM mailbox,"
        f" {numbers(3)}",
        "INSERT INTO vacation (email, subject, body) SELECT username, 'Away', 'x' FROM mailbox",
        "ANALYZE TABLE vacation, mailbox_app_password, domain_sender_rule, sender_rule, domain, mail_copy, alias, mailbox, alias_domain, alias_target, relay_host",
    ]:
        mail_server.execute(statement)


def plan(connection, query):
    """Return [(table, type)] of EXPLAIN."""
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN FORMAT=TRADITIONAL {query}")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [(row["table"], row["type"]) for row in rows]


def scans(steps):
    return [step for step in steps if step[1] not in DIRECT]


def expand(query, key, service=""):
    user, _at, domain = key.rpartition("@")
    for variable, value in {"%s": service or key, "%u": key if service else user}.items():
        query = query.replace(variable, value)
    return query.replace("%n", user).replace("%d", domain)


# The alias map calls a procedure, whose statements are looked at below.
@pytest.mark.parametrize("name", [*(name for name in MAPS if name != "alias"), "login", "database"])
def test_a_postfix_map_reads_by_key_only(mail_server, name):
    query = mail_server.postfix.query(name)
    keys = [*KEYS, "d7.example"] if name in ("domains", "relay_domains") else KEYS

    plans = {key: plan(mail_server.connect_as_postfix(), expand(query, key)) for key in keys}

    assert {key: steps for key, steps in plans.items() if scans(steps)} == {}


def selects():
    found = []
    for (_kind, name), text in functions.statements().items():
        for part in text[text.index("BEGIN") :].split(";"):
            select = re.search(r"(?s)(\bSELECT\b|\bWITH\b).*", part)
            if select and "FROM" in part and "SET SESSION" not in part:
                select = re.sub(r"(?s)\bINTO\b.*?(?=\bFROM\b)", "", select[0]).strip()
                select = select.removesuffix(")") if part.strip().startswith("RETURN (") else select
                found.append((name, select))
    return found


@pytest.mark.parametrize(("name", "query"), selects())
def test_the_functions_that_the_alias_map_calls_read_by_key_only(mail_server, name, query):
    plans = {}
    for key in KEYS:
        local_part, _at, domain = key.rpartition("@")
        text = re.sub(r"\b(lookup_key|target_key|alias_address)\b", f"'{key}'", query)
        text = re.sub(r"\bkey_domain\b", f"'{domain}'", text)
        text = re.sub(r"\bname_at\b", f"'{local_part}@'", text)
        text = re.sub(r"\bfindable\b", "TRUE", text)
        text = re.sub(r"(?<![.\w])goto\b", "'x'", text)
        steps = plan(mail_server.connect_as_postfix(), text)
        plans[key] = [step for step in steps if not _of_the_walk(step[0] or "")]

    assert {key: scans(steps) for key, steps in plans.items() if scans(steps)} == {}


def test_the_routines_have_five_selects():
    assert [name for name, _text in selects()] == [
        "mailadmin_lookup",
        "mailadmin_lookup",
        "mailadmin_lookup",
        "mailadmin_deliverable_targets",
        "mailadmin_deliverable_targets",
    ]


def _of_the_walk(table):
    """The few rows that the walk itself has found, in memory: ``<derived…>``, or ``h`` on MySQL."""
    return table.startswith("<") or table == "h"


@pytest.mark.parametrize(
    "name",
    [("password_query", "mailadmin-sql-app"), ("password_query",), ("user_query",)],
    ids=["app password", "password", "user"],
)
@pytest.mark.parametrize("service", ["imap", "smtp", "lmtp", "quota-status"])
def test_a_dovecot_query_reads_by_key_only(mail_server, name, service):
    query = mail_server.dovecot.query(*name)

    plans = {
        key: plan(mail_server.connect_as_dovecot(), expand(query, key, service)) for key in KEYS
    }

    assert {key: steps for key, steps in plans.items() if scans(steps)} == {}


def test_the_list_of_all_mailboxes_reads_the_active_ones(mail_server):
    """For `doveadm -A`; nothing asks it while mail flows."""
    steps = plan(mail_server.connect_as_dovecot(), mail_server.dovecot.query("iterate_query"))

    assert scans(steps) == []


def test_a_scan_would_be_seen_here(mail_server):
    steps = plan(mail_server.connect_as_postfix(), "SELECT address FROM alias WHERE goto = 'x'")

    assert scans(steps) == [("alias", "ALL")]


@pytest.mark.parametrize("column", ["script_name = 'vacation'", "id = 'x'"])
def test_the_view_of_away_messages_reads_by_key_only(mail_server, column):
    for name in ("u7@d7.example", "nobody@d7.example"):
        query = f"SELECT id, script FROM sieve_vacation WHERE username = '{name}' AND {column}"
        assert scans(plan(mail_server.connect(), query)) == []
