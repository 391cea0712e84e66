import re

import pytest

from domains.models import Domain
from domains.services import set_domain_active
from tests.contract.world import PASSWORD
from tests.servers.clients import imap, refusal, send, wait_for
from tests.servers.mail import HOSTNAME
from tests.servers.processes import wait_until

STRANGER, OUTSIDE = "joe@outside.test", "bob@elsewhere.test"


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("srs")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    for name in ("example.org", "off.example"):
        empty_world.domain(name)
        empty_world.mailbox(f"ann@{name}")
    empty_world.alias("out@example.org", OUTSIDE)
    empty_world.alias("both@example.org", OUTSIDE, "ann@example.org")
    return empty_world


def arrives_outside(server, act):
    number = len(server.outside.received)
    act()
    wait_until(lambda: len(server.outside.received) > number, "the message outside")
    return server.outside.received[number]


def test_what_a_stranger_sends_leaves_with_a_sender_of_this_host(server):
    message = arrives_outside(server, lambda: send(server, STRANGER, "out@example.org"))

    assert re.fullmatch(rf"SRS0=[\w+/]{{4}}=\w\w=outside\.test=joe@{HOSTNAME}", message.sender)
    assert f"From: <{STRANGER}>" in message.text
    assert message.recipients == [OUTSIDE]


def test_what_is_delivered_here_keeps_its_sender_even_beside_a_forwarding(server):
    for recipient in ("ann@example.org", "both@example.org"):
        subject = send(server, STRANGER, recipient)
        wait_for(server, "ann@example.org", PASSWORD, subject)
        with imap(server, "ann@example.org", PASSWORD) as session:
            session.select("INBOX", readonly=True)
            _ok, [found] = session.search(None, "SUBJECT", f'"{subject}"')
            _ok, answer = session.fetch(found.split()[0], "(BODY[HEADER.FIELDS (RETURN-PATH)])")
        assert answer[0][1].strip() == f"Return-Path: <{STRANGER}>".encode()


@pytest.mark.parametrize("recipient", [OUTSIDE, "out@example.org"])
def test_our_own_senders_stay_as_they_are(recipient, server):
    message = arrives_outside(
        server,
        lambda: send(server, "ann@example.org", recipient, login=("ann@example.org", PASSWORD)),
    )

    assert message.sender == "ann@example.org"


def test_a_new_domain_is_ours_at_once(server, world):
    world.domain("new.example")
    world.mailbox("eve@new.example")
    message = arrives_outside(
        server,
        lambda: send(server, "eve@new.example", OUTSIDE, login=("eve@new.example", PASSWORD)),
    )

    assert message.sender == "eve@new.example"


def test_a_bounce_finds_its_way_back(server):
    there = arrives_outside(server, lambda: send(server, STRANGER, "out@example.org"))
    back = arrives_outside(server, lambda: send(server, "", there.sender))

    assert (back.sender, back.recipients) == ("", [STRANGER])


@pytest.mark.parametrize(
    "address",
    [
        f"SRS0=xxxx=ZZ=outside.test=joe@{HOSTNAME}",
        f"SRS0=abcd=E5=victim.test=eve@{HOSTNAME}",
        f"SRS0@{HOSTNAME}",
    ],
)
def test_nobody_relays_with_an_address_that_was_made_up(address, server):
    number = len(server.outside.received)
    refused = refusal(server, STRANGER, address)

    assert refused is not None
    assert refused[0] in range(500, 600)
    assert len(server.outside.received) == number


def test_a_sender_of_a_domain_that_is_off_is_a_strangers(server):
    set_domain_active(actor=None, domain=Domain.objects.get(pk="off.example"), active=False)
    message = arrives_outside(server, lambda: send(server, "ann@off.example", "out@example.org"))

    assert message.sender.startswith("SRS0=")


def test_an_empty_sender_stays_empty(server):
    assert arrives_outside(server, lambda: send(server, "", "out@example.org")).sender == ""


def test_while_postsrsd_is_away_mail_waits_and_nothing_is_bounced(server):
    number = len(server.outside.received)
    server.postsrsd.stop()
    try:
        refused = refusal(server, STRANGER, "out@example.org")
    finally:
        server.postsrsd.start()

    assert refused is not None
    assert refused[0] in range(400, 500)
    assert len(server.outside.received) == number
    wait_until(
        lambda: refusal(server, STRANGER, "out@example.org") is None,
        "mail is taken again",
        seconds=60,
    )
    wait_until(lambda: len(server.outside.received) > number, "the message outside")
    assert server.outside.received[number].sender.startswith("SRS0=")
