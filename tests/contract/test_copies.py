import pytest

from domains.copies import FROM, TO
from domains.copy_services import add_copy
from domains.models import Domain
from mailadmin.tracing.trace import card_of
from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.processes import wait_until

JOE = "joe@outside.test"
ANN, BOB, EVE = "ann@example.org", "bob@example.org", "eve@example.org"
ARCHIVE = "archive@other.example"


@pytest.fixture(scope="module")
def copying(server_with, world):
    yield from server_with("copies-to", "copies-from")


@pytest.fixture(scope="module")
def world(empty_world):
    for name in ("example.org", "other.example", "off.example", "alt.example", "own.example"):
        empty_world.domain(name)
    for address in (ANN, BOB, EVE, ARCHIVE, "off@other.example", "ann@off.example"):
        empty_world.mailbox(address)
    empty_world.mailbox("info@own.example")
    empty_world.mailbox("archive@own.example")
    empty_world.alias("team@example.org", ANN, BOB)
    empty_world.alias_domain("alt.example", "example.org")
    for direction, address, goto in [
        (TO, "@example.org", ARCHIVE),
        (TO, ANN, BOB),
        (TO, "team@example.org", "boss@outside.test"),
        (TO, EVE, "off@other.example"),
        (FROM, BOB, ARCHIVE),
        (TO, "eve@alt.example", BOB),
        (TO, "@own.example", "archive@own.example"),
        (FROM, "@own.example", "archive@own.example"),
        (TO, "@off.example", ARCHIVE),
    ]:
        local_part, _at, domain = address.rpartition("@")
        domain = Domain.objects.get(pk=domain)
        add_copy(actor=None, domain=domain, direction=direction, local_part=local_part, goto=goto)
    empty_world.raw("mailbox", "off@other.example", active=False)
    empty_world.raw("domain", "off.example", active=False)
    return empty_world


def has(server, mailbox, subject):
    return subject in clients.subjects(server, mailbox, PASSWORD)


@pytest.mark.parametrize(
    ("key", "copy"),
    [
        (ANN, BOB),
        ("ann+tag@example.org", None),
        ("@example.org", ARCHIVE),
        ("team@example.org", "boss@outside.test"),
        (EVE, None),
        (BOB, None),
        ("@off.example", None),
        ("@outside.test", None),
    ],
)
def test_the_map_answers_what_is_stored_while_somebody_takes_it(copying, key, copy):
    assert copying.postfix.lookup("recipient_bcc", key) == copy


def test_mail_to_an_address_is_copied_to_its_own_target_alone(copying):
    subject = clients.send(copying, JOE, ANN)

    clients.wait_for(copying, ANN, PASSWORD, subject)
    clients.wait_for(copying, BOB, PASSWORD, subject)
    assert not has(copying, ARCHIVE, subject)


def test_mail_to_any_other_address_of_the_domain_is_copied_by_its_line(copying):
    subject = clients.send(copying, JOE, BOB)

    clients.wait_for(copying, BOB, PASSWORD, subject)
    clients.wait_for(copying, ARCHIVE, PASSWORD, subject)


def test_what_reaches_a_mailbox_by_an_alias_is_copied_by_the_alias_alone(copying):
    subject = clients.send(copying, JOE, "team@example.org")

    wait_until(lambda: [m for m in copying.outside.received if subject in m.text], "copy")
    clients.wait_for(copying, ANN, PASSWORD, subject)
    clients.wait_for(copying, BOB, PASSWORD, subject)
    copying.postfix.wait_until_delivered()
    assert clients.subjects(copying, BOB, PASSWORD).count(subject) == 1
    assert not has(copying, ARCHIVE, subject)


def test_where_the_mailbox_for_copies_is_off_the_domains_line_counts_and_nothing_bounces(copying):
    begin = len(copying.postfix.log.read_text())
    subject = clients.send(copying, JOE, EVE)

    clients.wait_for(copying, EVE, PASSWORD, subject)
    clients.wait_for(copying, ARCHIVE, PASSWORD, subject)
    assert "status=bounced" not in copying.postfix.log.read_text()[begin:]


def test_what_somebody_sends_is_copied(copying):
    subject = clients.send(copying, BOB, JOE, login=(BOB, PASSWORD))
    other = clients.send(copying, ANN, JOE, login=(ANN, PASSWORD))

    clients.wait_for(copying, ARCHIVE, PASSWORD, subject)
    wait_until(lambda: [m for m in copying.outside.received if other in m.text], "mail")
    copying.postfix.wait_until_delivered()
    assert not has(copying, ARCHIVE, other)


def test_an_alias_domain_has_lines_of_its_own(copying):
    first = clients.send(copying, JOE, "ann@alt.example")
    second = clients.send(copying, JOE, "eve@alt.example")

    clients.wait_for(copying, ANN, PASSWORD, first)
    clients.wait_for(copying, EVE, PASSWORD, second)
    clients.wait_for(copying, BOB, PASSWORD, second)
    copying.postfix.wait_until_delivered()
    assert not has(copying, BOB, first)
    assert not has(copying, ARCHIVE, first)


def times(server, mailbox, subject):
    server.postfix.wait_until_delivered()
    return clients.subjects(server, mailbox, PASSWORD).count(subject)


def test_the_mailbox_for_copies_gets_its_own_mail_once(copying):
    subject = clients.send(copying, JOE, "archive@own.example")

    clients.wait_for(copying, "archive@own.example", PASSWORD, subject)
    assert times(copying, "archive@own.example", subject) == 1


def test_mail_within_a_domain_that_is_copied_both_ways_is_copied_once(copying):
    login = ("info@own.example", PASSWORD)
    subject = clients.send(copying, "info@own.example", "info@own.example", login=login)

    clients.wait_for(copying, "archive@own.example", PASSWORD, subject)
    assert times(copying, "archive@own.example", subject) == 1
    assert times(copying, "info@own.example", subject) == 1


def test_who_gets_copies_and_is_named_besides_gets_the_mail_once(copying):
    subject = clients.send(copying, JOE, [ANN, BOB])

    clients.wait_for(copying, BOB, PASSWORD, subject)
    assert times(copying, BOB, subject) == 1


@pytest.mark.parametrize(
    "address",
    [ANN, "ann+tag@example.org", BOB, EVE, "team@example.org", ARCHIVE, "eve@alt.example"],
)
def test_pages_name_the_copy_that_postfix_makes(copying, address):
    keys = [address, address.replace("+tag", ""), "@" + address.partition("@")[2]]
    answers = (copying.postfix.lookup("recipient_bcc", key) for key in keys)

    assert card_of(None, address).copy == (next(filter(None, answers), ""))
