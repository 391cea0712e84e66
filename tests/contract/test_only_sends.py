import pytest

from aliases.answers import REFUSED, answer
from mailadmin.tracing.trace import trace
from mailboxes.forwarding import set_forwarding
from mailboxes.models import Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import update_mailbox
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients

ROBOT, ANN = "robot@example.org", "ann@example.org"
TEXT = "This address only sends mail and receives none"


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("recipient-access")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    world = empty_world
    for name in ("example.org", "alias.example"):
        world.domain(name)
    world.alias_domain("alias.example", "example.org")
    world.mailbox(ANN)
    world.mailbox(ROBOT)
    world.alias("@example.org", ANN)
    world.alias("both@example.org", ROBOT, ANN)
    return world


@pytest.fixture
def robot(world):
    mailbox = Mailbox.objects.get(pk=ROBOT)
    yield update_mailbox(actor=None, mailbox=mailbox, receives=False)
    update_mailbox(actor=None, mailbox=mailbox, receives=True, active=True)


def refusal(server, recipient, **options):
    sender = options.pop("sender", None) or stranger()
    return clients.refusal(server, sender, recipient, **options)


@pytest.mark.parametrize(
    "address", [ROBOT, "Robot@Example.ORG", "robot+tag@example.org", "robot@alias.example"]
)
def test_mail_to_one_that_only_sends_is_refused_with_a_text_although_there_is_a_catch_all(
    server, robot, address
):
    code, text = refusal(server, address)

    assert (code, text) == (550, f"5.2.1 <{address}>: Recipient address rejected: {TEXT}")
    address = address.lower()
    assert trace(None, address, stranger()).reply[1:3] == (550, f"5.2.1 {TEXT}")
    assert answer(None, address).kind == REFUSED


def test_who_signs_in_here_is_told_the_same_and_the_mailbox_itself_sends(server, robot):
    assert refusal(server, ROBOT, sender=ANN, login=(ANN, PASSWORD))[0] == 550
    subject = clients.send(server, ROBOT, ANN, login=(ROBOT, PASSWORD))
    clients.wait_for(server, ANN, PASSWORD, subject)


def test_what_an_alias_sends_there_is_delivered_and_nothing_is_returned(server, robot):
    subject = clients.send(server, stranger(), "both@example.org")

    for address in (ANN, ROBOT):
        clients.wait_for(server, address, PASSWORD, subject)
    server.postfix.wait_until_delivered()
    assert "status=bounced" not in server.postfix.log.read_text()


def test_its_forwarding_forwards_nothing(server, robot):
    set_forwarding(actor=None, mailbox=robot, targets=ANN, keep_copy=False)
    try:
        assert refusal(server, ROBOT)[0] == 550
    finally:
        set_forwarding(actor=None, mailbox=robot, targets="", keep_copy=True)


def test_other_addresses_receive_and_this_one_again_once_it_may(server, robot):
    assert refusal(server, ANN) is None
    assert refusal(server, "whoever@example.org") is None
    assert refusal(server, "whoever@alias.example") is None

    update_mailbox(actor=None, mailbox=robot, receives=True)

    assert refusal(server, ROBOT) is None


def test_an_alias_of_that_name_in_the_alias_domain_comes_first(server, world, robot):
    alias = world.alias("robot@alias.example", ANN)
    try:
        assert refusal(server, "robot@alias.example") is None
    finally:
        alias.delete()


def test_one_that_is_off_is_as_one_that_is_off(server, robot):
    update_mailbox(actor=None, mailbox=robot, active=False)

    assert refusal(server, ROBOT) is None  # the catch-all


def test_with_the_database_away_mail_waits(server, robot):
    server.gate.shut()
    try:
        code, _text = refusal(server, ROBOT)
    finally:
        server.gate.open()
        server.postfix.reload()

    assert code // 100 == 4


@pytest.mark.parametrize("new", ["robot2@example.org", "robot@alias.example"])
def test_neither_name_takes_mail_after_a_rename(server, world, robot, new):
    name, _at, domain = new.partition("@")
    old = world.mailbox(f"old-{name}@example.org")
    old = update_mailbox(actor=None, mailbox=old, receives=False)
    rename_mailbox(actor=None, mailbox=old, local_part=f"new-{name}")

    text = f"5.2.1 <old-{name}@{domain}>: Recipient address rejected: This address is closed"
    assert refusal(server, f"old-{name}@{domain}") == (550, text)
    assert refusal(server, f"new-{name}@{domain}")[1].endswith(TEXT)
