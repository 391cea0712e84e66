import pytest

from domains.sender_services import set_sender_rule
from domains.senders import DEFER, OK, REJECT
from tests.contract.world import PASSWORD
from tests.servers import clients

ANN = "ann@example.org"
RULES = [
    ("bad.test", REJECT, ""),
    ("friend@bad.test", OK, ""),
    ("good.bad.test", OK, ""),
    ("worst.good.bad.test", REJECT, "5.7.1 Not from there"),
    ("slow@half.test", DEFER, "Come back tomorrow"),
    ("example.org", REJECT, "You are not one of us"),
    ("let-in.test", OK, ""),
]


@pytest.fixture(scope="module", params=["sender-access", "backup-mx"])
def server(request, server_with, world):
    """With the domains above written without a dot, which is Postfix's default, and with one."""
    yield from server_with(*dict.fromkeys([request.param, "sender-access"]))


@pytest.fixture(scope="module")
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox(ANN)
    for name in ("postmaster", "abuse"):
        empty_world.alias(f"{name}@example.org", ANN)
    for sender, action, text in RULES:
        set_sender_rule(actor=None, sender=sender, action=action, text=text)


@pytest.mark.parametrize(
    ("sender", "code", "said"),
    [
        ("joe@bad.test", 554, "Sender address rejected: Access denied"),
        ("JOE@BAD.test", 554, "Sender address rejected: Access denied"),
        ("joe@sub.bad.test", 554, "Sender address rejected: Access denied"),
        ("joe@worst.good.bad.test", 554, "Sender address rejected: Not from there"),
        ("slow@half.test", 450, "Sender address rejected: Come back tomorrow"),
        ("slow+tag@half.test", 450, "Sender address rejected: Come back tomorrow"),
        (ANN, 554, "Sender address rejected: You are not one of us"),
    ],
)
def test_a_sender_is_refused_as_the_most_exact_rule_says(server, sender, code, said):
    found = clients.refusal(server, sender, ANN)

    assert found is not None
    assert (found[0], found[1].partition(": ")[2]) == (code, said)


@pytest.mark.parametrize(
    "sender",
    [
        *["friend@bad.test", "joe@good.bad.test", "joe@deep.good.bad.test", "fast@half.test"],
        *["joe@notbad.test", "joe@let-in.test", ""],
    ],
)
def test_others_are_let_in(server, sender):
    assert clients.refusal(server, sender, ANN) is None


@pytest.mark.parametrize("name", ["postmaster", "abuse", "Postmaster"])
def test_whoever_is_refused_reaches_postmaster_and_abuse(server, name):
    assert clients.refusal(server, "joe@bad.test", f"{name}@example.org") is None


def test_who_is_let_in_relays_nowhere_and_reaches_no_unknown_address(server):
    for sender in ("joe@let-in.test", "friend@bad.test"):
        assert clients.refusal(server, sender, "eve@elsewhere.test")[1].endswith(
            "Relay access denied"
        )
        assert clients.refusal(server, sender, "postmaster@elsewhere.test")[0] == 554
        assert clients.refusal(server, sender, "nobody@example.org")[0] == 550


@pytest.mark.parametrize("port", ["submission_port", "submissions_port"])
def test_who_signs_in_to_send_is_not_asked(server, port):
    port = getattr(server, port)

    assert clients.refusal(server, ANN, ANN, login=(ANN, PASSWORD), port=port) is None


def test_programs_on_this_server_are_not_asked(server):
    assert clients.refusal(server, "joe@bad.test", ANN, source="127.0.0.2") is None
