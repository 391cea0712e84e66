"""Whatever other programs write, in whatever order: the derived tables say what a full count says.

The statements are those PostfixAdmin and Dovecot send; nothing here goes through our models.
"""

import re
import unicodedata

import pytest
from django.db import connection, transaction
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailboxes import triggers
from panel.addresses import split_address, split_targets, without_extension
from tests.mailboxes.other_programs import OtherPrograms

DOMAINS = ["a.example", "b.example", "c.example"]
NAMES = ["joe", "joe+tag", "ann", "+x+y", ""]  # "" is the catch-all
ADDRESSES = [f"{name}@{domain}" for domain in DOMAINS for name in NAMES]
OWN = [address for address in ADDRESSES if not address.startswith(("@", "+"))]
TARGETS = [
    *ADDRESSES,
    "Joe@A.example",
    "x@elsewhere.example",
    "@b.example",
    "root",
    "ann+z@b.example",
    "gone@c.example",
    '"gone"@c.example',
    "Ann gone@c.example",
]
TARGETS += ["ü@c.example", "u@c.example"]

domains = st.sampled_from(DOMAINS)
addresses = st.sampled_from(ADDRESSES)
gotos = st.builds(
    lambda targets, separator: separator.join(targets),
    st.lists(st.sampled_from(TARGETS), min_size=1, max_size=4),
    st.sampled_from([",", ", ", ",\n", " ,,", ",\t", ";"]),
)
quotas = st.sampled_from([-1, 0, 100, 1_024_000, 50_000_000])
limits = st.sampled_from([-1, 0, 1, 3, 40])
flags = st.booleans()
texts = st.sampled_from(["", "Ann Lee", "José-Maria d'Arc, 2nd", "sales_team (north)", "x" * 80])
admins = st.sampled_from(["it@panel.example", "ole.tangen@a.example"])
transports = st.sampled_from(["virtual", "", "smtp:[192.0.2.7]:25"])

operations = st.one_of(
    st.tuples(st.just("add_domain"), domains, limits, limits, limits, flags),
    st.tuples(st.just("edit_domain"), domains, limits, limits, limits, flags),
    st.tuples(st.just("hand_on"), domains, transports),
    st.tuples(st.just("delete_domain"), domains),
    st.tuples(st.just("add_alias"), addresses, gotos),
    st.tuples(st.just("add_alias"), addresses, gotos),
    st.tuples(st.just("edit_alias"), addresses, gotos),
    st.tuples(st.just("toggle_alias"), addresses, flags),
    st.tuples(st.just("delete_alias"), addresses),
    st.tuples(st.just("add_mailbox"), st.sampled_from(OWN), quotas, flags),
    st.tuples(st.just("add_mailbox"), st.sampled_from(OWN), quotas, flags),
    st.tuples(st.just("edit_mailbox"), st.sampled_from(OWN), quotas, flags),
    st.tuples(st.just("delete_mailbox"), st.sampled_from(OWN), flags),
    st.tuples(st.just("move_mailbox"), st.sampled_from(OWN), st.sampled_from(OWN), flags),
    st.tuples(st.just("move_alias"), addresses, addresses),
    st.tuples(st.just("rename_domain"), domains, domains),
    st.tuples(
        st.just("use"), st.sampled_from(OWN), st.sampled_from([-5, 0, 79, 80, 1_000_000, 10**9])
    ),
    st.tuples(st.just("forget_use"), st.sampled_from(OWN)),
    st.tuples(st.just("link"), domains, domains),
    st.tuples(st.just("edit_link"), domains, flags),
    st.tuples(st.just("unlink"), domains),
    st.tuples(st.just("name_mailbox"), st.sampled_from(OWN), texts),
    st.tuples(st.just("describe_alias"), addresses, texts),
    st.tuples(st.just("describe_domain"), domains, texts),
    st.tuples(st.just("appoint"), admins, domains),
    st.tuples(st.just("move_admin"), admins, domains, domains),
    st.tuples(st.just("dismiss"), admins, domains),
)
# Three domains to begin with: an operation without its domain does nothing.
histories = st.lists(operations, max_size=25).map(
    lambda found: [("add_domain", domain, 0, 0, 40, False) for domain in DOMAINS] + found
)


def rows(cursor, statement):
    cursor.execute(statement)
    return [tuple(row) for row in cursor.fetchall()]


def counted(cursor):
    domain = rows(cursor, "SELECT domain, aliases, mailboxes, quota FROM domain")
    ours = {name for name, _aliases, _mailboxes, _quota in domain}
    alias = rows(cursor, "SELECT address, goto, domain FROM alias")
    mailbox = rows(cursor, "SELECT username, domain, quota FROM mailbox")
    used = dict(rows(cursor, "SELECT username, bytes FROM quota2"))
    answered = {address for address, _goto, _domain in alias}
    users = {username for username, _domain, _quota in mailbox}

    usage = set()
    for name, alias_limit, mailbox_limit, quota in domain:
        mailboxes = sum(1 for _username, of, _quota in mailbox if of == name)
        alias_rows = sum(1 for _address, _goto, of in alias if of == name)
        allotted = sum(max(size, 0) for _username, of, size in mailbox if of == name)
        shares = [0]
        shares += [mailboxes * 100 // mailbox_limit] if mailbox_limit > 0 else []
        # Division cuts towards zero, as in SQL: mailboxes may be more than alias rows.
        shares += [int((alias_rows - mailboxes) * 100 / alias_limit)] if alias_limit > 0 else []
        shares += [allotted // 1_000_000 * 100 // quota] if quota > 0 else []
        usage.add((name, mailboxes, alias_rows, allotted, max(shares)))

    targets = set()
    for address, goto, owner in alias:
        if goto == address:
            continue
        # SQLite, which no Postfix asks, leaves two addresses with a blank between them together.
        items = split_targets(goto) if connection.vendor == "mysql" else re.split("[,;\n\r]", goto)
        for target in {item.strip().lower() for item in items} - {""}:
            bare, of = without_extension(target), split_address(target)[1]
            plain = not target.startswith("@") and re.fullmatch("[a-z0-9@._+=&$'-]+", target)
            unmatched = bool(plain) and of in ours and not {target, bare} & (answered | users)
            targets.add((address, owner, target, bare, of, unmatched))

    words = {(name, "domain", word, name) for name in ours for word in words_of(name)}
    for name, text in rows(cursor, "SELECT domain, description FROM domain"):
        words |= {(name, "domain", word, name) for word in words_of(text)}
    for name, admin in rows(cursor, "SELECT domain, username FROM domain_admins"):
        words |= {(name, "domain", word, name) for word in words_of(admin) if name in ours}
    for (admin,) in rows(cursor, "SELECT username FROM admin"):
        words |= {(admin, "admin", word, "") for word in words_of(admin)}
    for username, name, of in rows(cursor, "SELECT username, name, domain FROM mailbox"):
        text = f"{split_address(username)[0]} {name}"
        words |= {(username, "mailbox", word, of) for word in words_of(text)}
    for address, goto, text, of in rows(
        cursor, "SELECT address, goto, description, domain FROM alias"
    ):
        kind = "forwarding" if address in users else "alias"
        text = "" if address in users else f"{split_address(address)[0]} {text}"
        text += f" {goto}" if goto != address else ""
        words |= {(address, kind, word, of) for word in words_of(text)}

    full = {
        (username, of, used[username] * 100 // quota)
        for username, of, quota in mailbox
        if quota > 0 and used.get(username, 0) * 100 >= quota * 80
    }
    return {
        "domain_usage": usage,
        "alias_target": targets,
        "full_mailbox": full,
        "is_self_alias": answered & users,
        "word": words,
    }


def words_of(text):
    return {as_compared(word[:64]) for word in re.findall(r"[^\W_]+", text.lower())}


def as_compared(word):
    """To MariaDB's collation ``ü`` is ``u``, so that one of the two is enough."""
    if connection.vendor != "mysql":
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.lower())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def kept(cursor):
    found = {
        "domain_usage": rows(
            cursor, "SELECT domain, mailboxes, alias_rows, allotted, fullness FROM domain_usage"
        ),
        "alias_target": rows(
            cursor, "SELECT alias, owner, target, bare, domain, unmatched FROM alias_target"
        ),
        "full_mailbox": rows(cursor, "SELECT username, domain, percent FROM full_mailbox"),
        "is_self_alias": [
            a for (a,) in rows(cursor, "SELECT address FROM alias WHERE is_self_alias")
        ],
        "word": [
            (key, kind, as_compared(word), domain)
            for key, kind, word, domain in rows(
                cursor, "SELECT row_key, kind, word, domain FROM word"
            )
        ],
    }
    for table, lines in found.items():
        assert len(lines) == len(set(lines)), f"{table} has a row twice"
    return {table: set(lines) for table, lines in found.items()}


@pytest.mark.django_db
def test_the_targets_of_an_alias_that_is_renamed_by_hand_go_along(example_org, add_alias):
    add_alias("old@example.org", "a@elsewhere.example", "b@elsewhere.example")

    with connection.cursor() as cursor:
        cursor.execute("UPDATE alias SET address = 'new@example.org'")
        kept = rows(cursor, "SELECT DISTINCT alias FROM alias_target")

    assert kept == [("new@example.org",)]


@pytest.mark.django_db
@settings(max_examples=250)
@given(history=histories)
@example(
    history=[
        ("add_domain", "a.example", 0, 0, 40, False),
        ("add_alias", "joe@a.example", "ü@c.example,u@c.example"),
    ]
)
def test_the_derived_tables_are_true_after_any_history(history):
    with transaction.atomic(), connection.cursor() as cursor:
        others = OtherPrograms(cursor)
        for name, *values in history:
            getattr(others, name)(*values)

        truth = counted(cursor)
        assert kept(cursor) == truth

        triggers.rebuild(connection)
        triggers.rebuild_words(connection)
        assert kept(cursor) == truth
        transaction.set_rollback(True)


@pytest.mark.django_db
@settings(max_examples=30)
@given(history=histories)
def test_a_rebuild_repairs_rows_older_than_the_triggers(history):
    with transaction.atomic(), connection.cursor() as cursor:
        others = OtherPrograms(cursor)
        for name, *values in history:
            getattr(others, name)(*values)
        truth = counted(cursor)
        others.run(
            "UPDATE domain_usage SET mailboxes = 7, alias_rows = 7, allotted = 7, fullness = 7"
        )
        others.run("DELETE FROM alias_target WHERE alias LIKE 'joe%%'")
        others.run("UPDATE alias SET is_self_alias = NOT is_self_alias")
        others.run("DELETE FROM full_mailbox")
        others.run("DELETE FROM word WHERE word LIKE 'j%%'")
        others.run(
            "INSERT INTO word (row_key, kind, word, domain)"
            " VALUES ('gone@a.example', 'mailbox', 'ann', 'a.example')"
        )

        triggers.rebuild(connection)
        triggers.rebuild_words(connection)

        assert kept(cursor) == truth
        transaction.set_rollback(True)
