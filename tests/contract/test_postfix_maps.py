import pytest

from aliases.models import Alias
from tests.contract.tables import fill

MAPS = [
    *["alias", "domains", "mailbox", "relay_domains", "relay_recipients", "sender_login"],
    *["transport", "relay_hosts", "relay_login", "recipient_bcc", "sender_bcc"],
    *["sender_access", "sender_lists", "domain_senders", "recipient_access", "members"],
]


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    fill(empty_world)
    empty_world.mailbox("reader@example.org")
    return empty_world


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org", "example.org"),
        ("alias.example", "alias.example"),
        ("off.example", None),
        ("backup.example", None),
        ("elsewhere.test", None),
        ("all", None),
    ],
)
def test_domains_answers_what_is_delivered_here(postfix, key, answer):
    assert postfix.lookup("domains", key) == answer


def test_the_row_all_of_postfixadmin_is_no_domain(postfix, mail_server):
    mail_server.execute(
        "INSERT INTO domain (domain, description, transport) VALUES ('ALL', '', '')"
    )

    assert postfix.lookup("domains", "ALL") is None


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("ann@example.org", "ann@example.org"),
        ("ANN@example.ORG", "ann@example.org"),
        ("sales@example.org", "ann@example.org,bob@example.org"),
        ("out@example.org", "someone@elsewhere.test"),
        ("away@example.org", "away@elsewhere.test"),
        ("away-copy@example.org", "away-copy@example.org,away@elsewhere.test"),
        ("nobody@example.org", None),
        ("someone@elsewhere.test", None),
        ("example.org", None),
        ("ann", None),
    ],
)
def test_alias_answers_aliases_and_mailboxes(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


# postmap does what the daemons do: the whole key, then without the extension, then @domain.
@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("@catch.example", "cat@catch.example"),
        ("dog@catch.example", "dog@catch.example"),
        ("@example.org", None),
        ("@catch-alias.example", "cat@catch.example"),
        ("@elsewhere.test", None),
    ],
)
def test_a_mailbox_comes_before_the_catch_all(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


def test_a_mailbox_without_a_row_of_its_own_comes_before_the_catch_all(postfix, world):

    Alias.objects.filter(pk="dog@catch.example").delete()
    try:
        assert postfix.lookup("alias", "dog@catch.example") == "dog@catch.example"
    finally:
        Alias.objects.create(
            address="dog@catch.example", goto="dog@catch.example", domain_id="catch.example"
        )


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("ann@alias.example", "ann@example.org"),
        ("sales@alias.example", "ann@example.org,bob@example.org"),
        ("away@alias.example", "away@elsewhere.test"),
        ("nobody@alias.example", None),
        ("dog@catch-alias.example", "ann@example.org"),
        ("cat@catch-alias.example", "cat@catch.example"),
        ("ann@sleeping-alias.example", None),
        ("half@alias.example", "ann@example.org"),
        ("leak@alias.example", None),
        ("asleep@alias.example", None),
    ],
)
def test_an_alias_domain_leads_to_the_same_name_in_its_target(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


# postmap asks the key as it is; that the daemons strip the extension is in test_delivery.
@pytest.mark.parametrize("key", ["ann+list@example.org", "cat+list@catch-alias.example"])
def test_a_plus_address_is_left_to_postfix_to_strip(postfix, key):
    assert postfix.lookup("alias", key) is None


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("closed@example.org", None),
        ("asleep@example.org", None),
        ("gone@catch.example", None),
        ("closed@alias.example", None),
        ("eve@off.example", None),
        ("all@off.example", None),
        ("eve@off-alias.example", None),
        ("all@off-alias.example", None),
        ("leak@example.org", None),
        ("half@example.org", "ann@example.org"),
        # Its forwarding is stopped, its own mail is not lost.
        ("forward@example.org", "forward@example.org"),
    ],
)
def test_what_is_inactive_stops_every_route(postfix, key, answer):
    assert postfix.lookup("alias", key) == answer


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("ann@example.org", True),
        ("closed@example.org", False),
        ("sales@example.org", False),
        ("ann@alias.example", False),
        ("@example.org", False),
        ("example.org", False),
    ],
)
def test_mailbox_knows_who_exists(postfix, key, found):
    assert postfix.lookup("mailbox", key) == ("example.org/ann/" if found else None)


@pytest.mark.parametrize(
    ("key", "owners"),
    [
        ("ann@example.org", "ann@example.org"),
        ("sales@example.org", "ann@example.org,bob@example.org"),
        ("ann@alias.example", "ann@example.org"),
        ("sales@alias.example", "ann@example.org,bob@example.org"),
        # Who gets a copy of somebody's mail may not send as them.
        ("away@example.org", "away@example.org"),
        ("away@alias.example", "away@example.org"),
        ("closed@example.org", None),
        ("closed@alias.example", None),
        ("asleep@example.org", None),
        # Who receives a catch-all may not send as every name in it.
        ("anything@catch.example", None),
        ("@catch.example", None),
        # The alias domain has a row of its own for this name.
        ("dog@catch-alias.example", "ann@example.org"),
        ("all@off.example", None),
        ("eve@off-alias.example", None),
        ("ann@elsewhere.test", None),
    ],
)
def test_sender_login_names_those_who_receive_an_address(postfix, key, owners):
    assert postfix.lookup("sender_login", key) == owners


@pytest.mark.parametrize("transport", ["", "virtual", "virtual:"])
def test_what_is_delivered_here_has_no_transport(postfix, world, transport):
    world.raw("domain", "example.org", transport=transport)
    try:
        assert postfix.lookup("transport", "ann@example.org") is None
    finally:
        world.raw("domain", "example.org", transport="virtual")


REFUSAL = "554 5.7.1 This login may not send mail"


@pytest.mark.parametrize(
    ("login", "answer"),
    [
        ("ann@example.org", "DUNNO"),
        ("away@example.org", "DUNNO"),
        ("reader@example.org", REFUSAL),
        ("closed@example.org", REFUSAL),
        ("eve@off.example", REFUSAL),
        ("sales@example.org", REFUSAL),
        ("ann@alias.example", REFUSAL),
        ("nobody@example.org", REFUSAL),
    ],
)
def test_login_refuses_who_may_not_send(postfix, world, login, answer):
    world.raw("mailbox", "reader@example.org", smtp_active=False)
    try:
        assert postfix.lookup("login", login) == answer
    finally:
        world.raw("mailbox", "reader@example.org", smtp_active=True)


@pytest.mark.parametrize("address", ["reader@example.org", "reader@alias.example"])
def test_nobody_sends_as_a_mailbox_that_may_not_send(postfix, world, address):
    assert postfix.lookup("sender_login", address) == "reader@example.org"
    world.raw("mailbox", "reader@example.org", smtp_active=False)
    try:
        assert postfix.lookup("sender_login", address) is None
    finally:
        world.raw("mailbox", "reader@example.org", smtp_active=True)


@pytest.mark.parametrize(
    ("key", "answer"),
    [("backup.example", "backup.example"), ("example.org", None), ("elsewhere.test", None)],
)
def test_relay_domains_are_those_we_are_a_backup_for(postfix, key, answer):
    assert postfix.lookup("relay_domains", key) == answer


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("x@smart.example", "smtp:[192.0.2.7]:2525"),
        ("smart.example", None),
        ("ann@example.org", None),
        ("x@off.example", None),
    ],
)
def test_transport_names_what_is_handed_on(postfix, key, answer):
    assert postfix.lookup("transport", key) == answer


HOSTILE = [
    "поль@example.org",
    "ünn@example.org",
    "ann@exämple.org",
    "😀@example.org",
    "ann@example.org\u0301",
    "o'brien@example.org",
    "' OR '1'='1@example.org",
    "ann@example.org' OR 'a'='a",
    "ann\\@example.org",
    "\\'; DROP TABLE alias; -- @example.org",
    '"ann b"@example.org',
    "ann@x@alias.example",
    "%s@example.org",
    "%u%d%%@example.org",
    *(
        "a" * length + f"@{domain}"
        for length in (239, 5000)
        for domain in ("example.org", "alias.example", "whole.example", "whole-alias.example")
    ),
    "o'brien@whole.example",
    "ann\\@whole-alias.example",
    "ünn@whole.example",
    "+@whole.example",
    "+list@whole-alias.example",
    "++@whole.example",
    "@",
    "@@example.org",
    "ann@",
    "/*@example.org",
    b"\xff\xfe@example.org".decode(errors="surrogateescape"),
    b"ann@\xffexample.org".decode(errors="surrogateescape"),
]


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("utf8", ["yes", "no"])
def test_odd_keys_are_not_found_and_never_an_error(postfix, name, utf8):
    postfix.set(smtputf8_enable=utf8)
    try:
        assert [postfix.lookup(name, key) for key in HOSTILE] == [None] * len(HOSTILE)
    finally:
        postfix.set(smtputf8_enable="no")  # as shipped


@pytest.mark.parametrize("utf8", ["yes", "no"])
def test_an_odd_login_may_not_send(postfix, utf8):
    """Bytes that are no UTF-8 never reach the database; Dovecot lets in stored names only."""
    logins = [key for key in HOSTILE if key.isprintable() and key.isascii()]
    postfix.set(smtputf8_enable=utf8)
    try:
        answers = [postfix.lookup("login", login) for login in logins]
    finally:
        postfix.set(smtputf8_enable="no")

    assert answers == [REFUSAL] * len(logins)
