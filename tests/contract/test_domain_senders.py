import pytest

from domains.models import Domain, DomainSenderRule
from domains.sender_lists import LISTS
from domains.sender_services import set_domain_sender_rule, set_sender_rule
from domains.senders import DEFER, OK, REJECT
from tests.contract.world import PASSWORD
from tests.servers import clients

ANN, BOB = "ann@example.org", "bob@other.example"
RULES = [
    ("example.org", "bad.test", REJECT, ""),
    ("example.org", "friend@bad.test", OK, ""),
    ("example.org", "good.bad.test", OK, ""),
    ("example.org", "slow@half.test", DEFER, "Come back tomorrow"),
    ("example.org", "example.org", REJECT, "You are not one of us"),
    ("example.org", "worst.test", OK, ""),
    ("other.example", "bad.test", OK, ""),
    ("other.example", "half.test", REJECT, "5.7.1 Not from there"),
]


@pytest.fixture(scope="module", params=["", "backup-mx", "sender-access"])
def server(request, server_with, world):
    """Also where Postfix writes domains above with a dot, and with rules for all mail."""
    yield from server_with(*filter(None, ["domain-senders", request.param]))


@pytest.fixture(scope="module")
def world(empty_world):
    for name in ("example.org", "other.example", "sub.example.org", "alt.example", "none.example"):
        empty_world.domain(name)
    for address in (ANN, BOB, "ann@sub.example.org", "eve@none.example"):
        empty_world.mailbox(address)
    empty_world.alias_domain("alt.example", "example.org")
    for name in ("postmaster", "abuse"):
        empty_world.alias(f"{name}@example.org", ANN)
    for domain, sender, action, text in RULES:
        domain = Domain.objects.get(pk=domain)
        set_domain_sender_rule(actor=None, domain=domain, sender=sender, action=action, text=text)
    set_sender_rule(actor=None, sender="worst.test", action=REJECT, text="Never")


@pytest.mark.parametrize(
    ("sender", "recipient", "code", "said"),
    [
        ("joe@bad.test", ANN, 554, "Sender address rejected: Access denied"),
        ("JOE@BAD.test", "ANN+tag@EXAMPLE.org", 554, "Sender address rejected: Access denied"),
        ("joe@sub.bad.test", ANN, 554, "Sender address rejected: Access denied"),
        ("slow+tag@half.test", ANN, 450, "Sender address rejected: Come back tomorrow"),
        (ANN, ANN, 554, "Sender address rejected: You are not one of us"),
        ("joe@half.test", BOB, 554, "Sender address rejected: Not from there"),
    ],
)
def test_a_sender_is_refused_as_the_recipients_domain_says(server, sender, recipient, code, said):
    found = clients.refusal(server, sender, recipient)

    assert found is not None
    assert (found[0], found[1].partition(": ")[2]) == (code, said)


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [
        ("friend@bad.test", ANN),
        ("joe@good.bad.test", ANN),
        ("joe@deep.good.bad.test", ANN),
        ("joe@notbad.test", ANN),
        ("fast@half.test", ANN),
        ("", ANN),
        ("joe@bad.test", BOB),
        (ANN, BOB),
        ("joe@bad.test", "ann@sub.example.org"),
        ("joe@bad.test", "ann@alt.example"),
        ("joe@bad.test", "eve@none.example"),
        ("joe@half.test", "eve@none.example"),
    ],
)
def test_others_and_mail_to_other_domains_are_let_in(server, sender, recipient):
    assert clients.refusal(server, sender, recipient) is None


def test_of_one_message_each_recipient_is_judged_by_its_own_domain(server):
    with clients.smtp(server, server.smtp_port) as session:
        session.ehlo()
        session.mail("joe@bad.test")
        answers = [session.rcpt(address)[0] for address in (BOB, ANN, "eve@none.example", ANN)]
        session.rset()

    assert answers == [250, 554, 250, 554]


@pytest.mark.parametrize("name", ["postmaster", "abuse", "Postmaster"])
def test_whoever_is_refused_reaches_postmaster_and_abuse(server, name):
    assert clients.refusal(server, "joe@bad.test", f"{name}@example.org") is None


def test_who_is_let_in_relays_nowhere_and_reaches_no_unknown_address(server):
    for sender in ("friend@bad.test", "joe@good.bad.test"):
        refused = clients.refusal(server, sender, "eve@elsewhere.test")
        assert refused[1].endswith("Relay access denied")
        assert clients.refusal(server, sender, "nobody@example.org")[0] == 550


def test_what_the_server_refuses_no_domain_lets_in(server):
    refused = clients.refusal(server, "joe@worst.test", ANN)

    if "sender-access" in server.blocks:
        assert refused[1].endswith("Sender address rejected: Never")
    else:
        assert refused is None


@pytest.mark.parametrize("port", ["submission_port", "submissions_port"])
def test_who_signs_in_to_send_is_not_asked(server, port):
    """Though mail with this sender is refused where nobody signs in."""
    port = getattr(server, port)

    assert clients.refusal(server, ANN, ANN, login=(ANN, PASSWORD), port=port) is None


def test_programs_on_this_server_are_not_asked(server):
    assert clients.refusal(server, "joe@bad.test", ANN, source="127.0.0.2") is None


def test_a_new_list_and_a_removed_one_count_at_once(server):
    none = Domain.objects.get(pk="none.example")
    set_domain_sender_rule(actor=None, domain=none, sender="bad.test", action=REJECT)
    assert clients.refusal(server, "joe@bad.test", "eve@none.example")[0] == 554

    DomainSenderRule.objects.filter(domain="none.example").delete()
    assert clients.refusal(server, "joe@bad.test", "eve@none.example") is None


def test_the_last_list_of_all_is_asked_too(server):
    DomainSenderRule.objects.create(
        domain="none.example", list_number=LISTS, sender="bad.test", action=REJECT
    )
    try:
        assert clients.refusal(server, "joe@bad.test", "eve@none.example")[0] == 554
        assert clients.refusal(server, "joe@good.test", "eve@none.example") is None
    finally:
        DomainSenderRule.objects.filter(domain="none.example").delete()


def test_postfix_warns_of_nothing(server):
    assert "warning" not in server.postfix.log.read_text()


@pytest.mark.parametrize(
    ("map_name", "key", "answer"),
    [
        ("sender_lists", ANN, "senders_1"),
        ("sender_lists", "ANN@example.ORG", "senders_1"),
        ("sender_lists", BOB, "senders_2"),
        ("sender_lists", "example.org", None),
        ("sender_lists", "ann@", None),
        ("sender_lists", "eve@none.example", None),
        ("domain_senders", "1 x@bad.test", "REJECT"),
        ("domain_senders", "1 x@a.b.c.d.e.f.bad.test", "REJECT"),
        ("domain_senders", "1 x+friend@bad.test", "REJECT"),
        ("domain_senders", "1 friend+x@bad.test", "DUNNO"),
        ("domain_senders", "1 x@xbad.test", None),
        ("domain_senders", "1 x@test", None),
        ("domain_senders", "2 x@bad.test", "DUNNO"),
        ("domain_senders", "3 x@bad.test", None),
        ("domain_senders", "x@bad.test", None),
        ("domain_senders", "1 slow@half.test", "DEFER Come back tomorrow"),
        ("domain_senders", '1 "a b"@bad.test', "REJECT"),
        ("domain_senders", "1 <>", None),
        ("domain_senders", "1 ' OR '1'='1", None),
        ("domain_senders", "1' OR 1=1 -- x@bad.test", "REJECT"),
    ],
)
def test_the_maps_answer_for_one_domain_and_one_list(server, map_name, key, answer):
    assert server.postfix.lookup(map_name, key) == answer
