"""How many SQL statements one recipient costs Postfix.

Counted is everything Postfix's SQL user sends, from the connection of the client to the hand-over
to Dovecot (or the refusal): smtpd, cleanup and the queue manager together, for a recipient
and a foreign sender that none of these processes has seen before.

One of these belongs to the message and not to a recipient: at MAIL FROM smtpd asks whether the
sender's domain is ours, once, however many recipients follow. It is named "sender" here.
Dovecot's own statements are another user's, and counted for themselves.
"""

import re
import uuid
from collections import Counter

import pytest

from tests.contract.world import PASSWORD
from tests.servers import clients

# Something only this map's query contains.
SIGNS = {
    "alias": "mailadmin_lookup",
    "domains": "SELECT domain FROM domain",
    "mailbox": "SELECT maildir",
    "sender_login": "SELECT CASE",
    "login": "SELECT IF(COUNT(*)",
    "database": "SELECT 'DUNNO'",
}


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    world = empty_world
    world.domain("example.org")
    world.mailbox("first@example.org")
    world.mailbox("ann@example.org")
    world.mailbox("bob@example.org")
    world.mailbox("cleo@example.org")
    world.mailbox("dora@example.org")
    world.alias("sales@example.org", "cleo@example.org")
    world.domain("alias.example")
    world.alias_domain("alias.example", "example.org")
    world.domain("catch.example")
    world.mailbox("cat@catch.example")
    world.alias("@catch.example", "cat@catch.example")
    return world


@pytest.fixture(scope="module")
def warm(mail_server, world):
    """Everything has its connection; what is counted later has not been asked for."""
    subject = clients.send(mail_server, "x@first.test", "first@example.org")
    clients.wait_for(mail_server, "first@example.org", PASSWORD, subject)


def cost(mail_server, sender, recipients, delivered_to=None, **options):
    """Return {map: statements} for one message, or for its refusal."""
    with mail_server.statements_of(mail_server.postfix_sql_user) as statements:
        if delivered_to:
            subject = clients.send(mail_server, sender, recipients, **options)
            # This asks the database too, but as Dovecot's user.
            clients.wait_for(mail_server, delivered_to, PASSWORD, subject)
        else:
            assert clients.refusal(mail_server, sender, recipients, **options)
    named = Counter()
    for statement in statements:
        if "NAME_CONST(" in statement:
            continue  # within a function: not sent by Postfix
        [name] = [name for name, sign in SIGNS.items() if sign in statement]
        of_sender = name == "domains" and f"'{sender.partition('@')[2]}'" in statement
        named["sender" if of_sender else name] += 1
    return dict(named)


def stranger():
    return f"joe@{uuid.uuid4().hex}.test"


@pytest.mark.parametrize(
    ("recipient", "delivered_to", "statements"),
    [
        # RCPT asks domains and alias, cleanup alias, the queue manager domains.
        ("ann@example.org", "ann@example.org", {"domains": 2, "alias": 2}),
        # RCPT asks domains, alias, alias for the catch-all, mailbox.
        ("nobody@example.org", None, {"domains": 1, "alias": 2, "mailbox": 1}),
        ("nobody@alias.example", None, {"domains": 1, "alias": 2, "mailbox": 1}),
        ("someone@elsewhere.test", None, {"domains": 1}),
        ("bob@alias.example", "bob@example.org", {"domains": 2, "alias": 3}),
        ("sales@example.org", "cleo@example.org", {"domains": 2, "alias": 3}),
        ("dora+list@example.org", "dora@example.org", {"domains": 2, "alias": 4}),
        ("any@catch.example", "cat@catch.example", {"domains": 2, "alias": 5}),
    ],
)
def test_statements_for_one_recipient(mail_server, warm, recipient, delivered_to, statements):
    found = cost(mail_server, stranger(), recipient, delivered_to)

    assert found == {"sender": 1, **statements}


def test_a_mailbox_and_an_unknown_user_cost_at_most_four(mail_server, warm, world):
    for name in ("hugo", "ida", "jim"):
        world.mailbox(f"{name}@example.org")
    known = [f"{name}@example.org" for name in ("hugo", "ida", "jim")]

    one = cost(mail_server, stranger(), "kim@example.org")
    three = cost(mail_server, stranger(), known, known[-1])

    assert sum(one.values()) - one["sender"] == 4
    assert three.pop("sender") == 1
    assert sum(three.values()) <= 3 * 4


def test_sending_after_a_login(mail_server, warm, world):
    """Whether the database is there, whose address it is, and the sender's domain.

    Whether the login may still send is asked for the sender, the recipient and once more before the message.
    """
    world.domain("sender.example")
    world.mailbox("me@sender.example")
    world.mailbox("finn@example.org")
    login = ("me@sender.example", PASSWORD)

    found = cost(mail_server, login[0], "finn@example.org", "finn@example.org", login=login)

    assert found == {
        "sender": 1,
        "database": 1,
        "sender_login": 1,
        "login": 3,
        "domains": 2,
        "alias": 2,
    }


def test_what_dovecot_asks_for_one_delivery(mail_server, warm, world):
    """One user_query for the room (before Postfix takes the message), one for the delivery."""
    world.mailbox("gina@example.org")
    before = mail_server.dovecot.log.read_text()
    with mail_server.statements_of(mail_server.dovecot_sql_user) as statements:
        clients.send(mail_server, stranger(), "gina@example.org")
        mail_server.dovecot.wait_for_log(r"lmtp\(gina@example.org\).*saved mail")
    queries = [s for s in statements if re.search(r"FROM mailbox .*gina@example.org", s)]

    assert len(queries) == 2
    assert "gina" not in before
