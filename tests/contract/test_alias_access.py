import pytest

from aliases.access import CLOSED, EVERYBODY, INTERNAL, MEMBERS, MOVED
from aliases.models import Alias
from aliases.services import update_alias
from domains.sender_lists import MEMBER_LISTS
from mailadmin.tracing.trace import trace
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients

ANN, BOB, JOE = "ann@example.org", "bob@example.org", "joe@elsewhere.test"
LIST, DEEP = "team@example.org", "everybody@example.org"
INTERNAL_TEXT = "This address takes mail only from those who sign in here"
MEMBERS_TEXT = "This address takes mail from its members only"


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("recipient-access", "members")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    world = empty_world
    for name in ("example.org", "alias.example", "off.example"):
        world.domain(name)
    world.alias_domain("alias.example", "example.org")
    world.domain("branch.example", transport="smtp:[127.0.0.1]:9")
    world.domain("primary.example", backupmx=True)
    for address in (ANN, BOB, "eve@example.org", "bob@branch.example"):
        world.mailbox(address)
    world.alias(LIST, ANN, JOE)
    world.alias(DEEP, LIST, BOB)
    world.alias("@example.org", ANN)
    world.alias("team+open@example.org", ANN)
    return world


@pytest.fixture
def limit():
    """``limit(address, access, text)``; everybody may write to all of them afterwards."""

    def limit(address, access, text=""):
        alias = Alias.objects.get(pk=address)
        update_alias(actor=None, alias=alias, access=access, access_text=text)

    yield limit
    for address in (LIST, DEEP):
        limit(address, EVERYBODY)


def refusal(server, sender, recipient, *, signed_in=False, **options):
    login = (sender.partition("+")[0].partition("@")[0] + "@example.org", PASSWORD)
    found = clients.refusal(
        server, sender, recipient, login=login if signed_in else None, **options
    )
    return found and (found[0], found[1].partition(" rejected: ")[2])


def traced(recipient, sender):
    reply = trace(None, recipient.lower(), sender).reply
    return reply.code, reply.text.partition(" ")[2]


@pytest.mark.parametrize("address", [LIST, "Team@Example.ORG", "team+x@example.org"])
def test_one_that_is_internal_takes_mail_from_who_signs_in_alone(server, limit, address):
    limit(LIST, INTERNAL)

    for sender in (stranger(), JOE, ANN):  # whoever says to be Ann
        assert refusal(server, sender, address) == (554, INTERNAL_TEXT)
    assert refusal(server, "eve@example.org", address, signed_in=True) is None
    assert refusal(server, stranger(), address, source="127.0.0.2") is None
    assert traced(address, JOE) == (554, INTERNAL_TEXT)
    assert traced(address, "eve@example.org")[0] == 250


def test_it_is_internal_under_its_name_in_an_alias_domain_too(server, limit):
    limit(LIST, INTERNAL)

    assert refusal(server, JOE, "team@alias.example") == (554, INTERNAL_TEXT)
    assert refusal(server, BOB, "team@alias.example", signed_in=True) is None


def test_what_has_a_name_of_its_own_with_an_extension_is_another_address(server, limit):
    limit(LIST, INTERNAL)

    assert refusal(server, JOE, "team+open@example.org") is None
    assert traced("team+open@example.org", JOE)[0] == 250


def test_one_for_members_takes_mail_from_them_alone(server, limit):
    limit(LIST, MEMBERS)

    assert refusal(server, JOE, LIST) is None
    assert refusal(server, "Joe+tag@Elsewhere.TEST", LIST) is None
    assert refusal(server, ANN, LIST, signed_in=True) is None
    assert refusal(server, "ann@alias.example", LIST, signed_in=True) is None
    assert refusal(server, stranger(), LIST) == (554, MEMBERS_TEXT)
    assert refusal(server, "", LIST) == (554, MEMBERS_TEXT)
    assert refusal(server, BOB, LIST, signed_in=True) == (554, MEMBERS_TEXT)
    assert refusal(server, BOB, "team@alias.example", signed_in=True) == (554, MEMBERS_TEXT)


def test_a_member_here_must_have_signed_in(server, limit):
    limit(LIST, MEMBERS)

    assert refusal(server, ANN, LIST) == (554, INTERNAL_TEXT)
    assert refusal(server, "ann@alias.example", LIST) == (554, INTERNAL_TEXT)


@pytest.mark.parametrize("sender", ["bob@branch.example", "bob@primary.example"])
def test_a_member_in_a_domain_of_another_server_is_known_by_the_sender(server, limit, sender):
    """Nobody signs in here there: such mail comes on port 25."""
    limit(LIST, MEMBERS)
    alias = Alias.objects.get(pk=LIST)
    assert refusal(server, sender, LIST) == (554, MEMBERS_TEXT)

    update_alias(actor=None, alias=alias, targets=[ANN, JOE, sender])
    try:
        assert refusal(server, sender, LIST) is None
        assert traced(LIST, sender)[0] == 250
        assert refusal(server, ANN, LIST) == (554, INTERNAL_TEXT)
    finally:
        update_alias(actor=None, alias=alias, targets=[ANN, JOE])
        server.postfix.drop_queue()  # what waits for the other server


def test_members_of_a_list_in_the_list_are_members(server, limit):
    limit(DEEP, MEMBERS)

    for sender in (ANN, BOB):
        assert refusal(server, sender, DEEP, signed_in=True) is None
    assert refusal(server, JOE, DEEP) is None
    assert refusal(server, "eve@example.org", DEEP, signed_in=True) == (554, MEMBERS_TEXT)


@pytest.mark.parametrize(
    "sender", [JOE, ANN, BOB, "ann@alias.example", "joe+x@elsewhere.test", "who@elsewhere.test", ""]
)
@pytest.mark.parametrize("address", [LIST, DEEP, "team@alias.example"])
def test_the_trace_says_of_members_what_postfix_does(server, limit, address, sender):
    limit(LIST, MEMBERS)
    limit(DEEP, MEMBERS)
    ours = sender.endswith(("example.org", "alias.example"))

    found = refusal(server, sender, address, signed_in=ours) or (250, "Ok")

    assert traced(address, sender) == found


def test_a_member_who_leaves_is_none_at_once(server, limit):
    limit(LIST, MEMBERS)
    alias = Alias.objects.get(pk=LIST)
    update_alias(actor=None, alias=alias, targets=[ANN])
    try:
        assert refusal(server, JOE, LIST) == (554, MEMBERS_TEXT)
    finally:
        update_alias(actor=None, alias=alias, targets=[ANN, JOE])


def test_the_last_number_of_all_is_asked_too(server, limit):
    limit(LIST, MEMBERS)
    Alias.objects.filter(pk=LIST).update(access_list=MEMBER_LISTS)

    assert refusal(server, stranger(), LIST) == (554, MEMBERS_TEXT)
    assert refusal(server, JOE, LIST) is None


@pytest.mark.parametrize("address", [LIST, "team+x@example.org", "team@alias.example"])
def test_a_closed_one_refuses_everybody_with_its_text_although_there_is_a_catch_all(
    server, limit, address
):
    limit(LIST, CLOSED, "Write to us by post, 100% of you")

    said = (550, "Write to us by post, 100% of you")
    assert refusal(server, stranger(), address) == said
    assert refusal(server, ANN, address, signed_in=True) == said
    assert traced(address, JOE) == said


def test_one_that_has_moved_tells_the_new_address(server, limit):
    limit(LIST, MOVED, "new@elsewhere.test")

    said = (551, "This address has moved to new@elsewhere.test")
    assert refusal(server, stranger(), LIST) == said
    assert traced(LIST, JOE) == said


@pytest.mark.parametrize("access", [INTERNAL, MEMBERS, CLOSED])
def test_what_another_alias_sends_there_is_delivered_and_nothing_is_returned(server, limit, access):
    limit(LIST, access)

    subject = clients.send(server, stranger(), DEEP)

    clients.wait_for(server, ANN, PASSWORD, subject)
    server.postfix.wait_until_delivered()
    assert "status=bounced" not in server.postfix.log.read_text()


def test_a_full_mailbox_behind_an_internal_one_is_refused_to_who_signs_in_too(server, limit, world):
    """What is permitted is asked no further, so the class asks for the room first."""
    limit(LIST, INTERNAL)
    alias = Alias.objects.get(pk=LIST)
    update_alias(actor=None, alias=alias, targets=[ANN])
    world.raw("mailbox", ANN, quota=1)
    clients_said = refusal(server, BOB, LIST, signed_in=True)
    try:
        assert clients_said[0] == 552
    finally:
        world.raw("mailbox", ANN, quota=0)
        update_alias(actor=None, alias=alias, targets=[ANN, JOE])


def test_one_that_is_off_is_as_one_that_is_off(server, limit):
    limit(LIST, CLOSED)
    alias = Alias.objects.get(pk=LIST)
    update_alias(actor=None, alias=alias, active=False)
    try:
        assert refusal(server, stranger(), LIST) is None  # the catch-all
    finally:
        update_alias(actor=None, alias=alias, active=True)


def test_everybody_again_counts_at_once(server, limit):
    limit(LIST, CLOSED)
    limit(LIST, EVERYBODY)

    assert refusal(server, stranger(), LIST) is None


@pytest.mark.parametrize("access", [EVERYBODY, INTERNAL, MEMBERS, CLOSED, MOVED])
def test_with_the_database_away_mail_waits(server, limit, access):
    limit(LIST, access, "new@elsewhere.test" if access == MOVED else "")
    server.gate.shut()
    try:
        code, _text = refusal(server, stranger(), LIST)
    finally:
        server.gate.open()
        server.dovecot.stop()  # it holds connections of before
        server.dovecot.start()
        server.postfix.reload()

    assert code // 100 == 4


def test_postfix_warns_of_nothing_but_the_database(server):
    warnings = [line for line in server.postfix.log.read_text().splitlines() if "warning:" in line]
    mysql = ("mysql", "table lookup problem", "lookup error", "lookup failure", "unavailable")
    assert [line for line in warnings if not any(word in line for word in mysql)] == []
