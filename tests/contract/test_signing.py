import smtplib

import pytest

from domains import dkim
from domains.dkim_keys import DKIMSigning
from domains.models import Domain
from domains.services import create_alias_domain, set_domain_active
from tests.contract.signed import (
    OUTSIDE,
    arrived,
    away,
    domain_with_keys,
    hand_over,
    local,
    next_of,
    post,
    signed_by,
    signing,
    tell,
    verifies,
)
from tests.servers.clients import smtp
from tests.servers.processes import wait_until


@pytest.fixture(scope="module", params=["opendkim", "rspamd"])
def server(request, server_with):
    yield from server_with(request.param)


@pytest.fixture(scope="module", autouse=True)
def world(server, worlds):
    world = worlds()
    for name in ("example.org", "other.example", "off.example", "twin.example"):
        domain_with_keys(world, name)
    # The last one has a name that ends like that of a neighbour with a key.
    for name in ("plain.example", "notexample.org"):
        world.domain(name)
        world.mailbox(f"ann@{name}")
    tell(server)
    return world


def test_a_message_is_signed_with_the_key_of_its_domain(server):
    message = post(server, "Ann <ann@example.org>")

    assert signed_by(message) == ("example.org", signing("example.org").selector)
    assert verifies(message)
    assert not verifies(message.replace(b"hello", b"hullo"))
    assert not verifies(b"From: <eve@evil.test>\r\n" + message)


@pytest.mark.parametrize("name", ["plain.example", "notexample.org"])
def test_no_key_no_signature_nor_that_of_a_domain_whose_name_is_alike(name, server):
    assert signed_by(post(server, f"<ann@{name}>", login=f"ann@{name}")) is None


def test_a_change_of_the_key_counts_from_the_next_message_on(server):
    before, after = signing("other.example"), next_of("other.example")
    first = post(server, "<ann@other.example>", login="ann@other.example")

    dkim.sign_with(actor=None, domain=before.domain_name, selector=after.selector, force=True)
    tell(server)
    second = post(server, "<ann@other.example>", login="ann@other.example")

    assert [signed_by(one)[1] for one in (first, second)] == [before.selector, after.selector]
    assert verifies(first)
    assert verifies(second)


def test_a_domain_that_is_off_is_not_signed_for(server):
    set_domain_active(actor=None, domain=signing("off.example").domain_name, active=False)
    tell(server)

    assert signed_by(local(server, "ann@off.example")) is None


def test_what_programs_here_send_is_signed_such_as_a_vacation_message(server):
    message = local(server, "ann@example.org")

    assert signed_by(message)[0] == "example.org"
    assert verifies(message)


@pytest.mark.parametrize(
    "header",
    [
        "<ann@other.example>",
        '"ann@example.org" <ann@other.example>',
        "ann@example.org <ann@other.example>",
        "<ann@OTHER.example>",
        "Boss <ann@other.example>, Ann <ann@example.org>",
    ],
)
def test_nobody_gets_a_signature_of_a_domain_that_is_not_the_senders(header, server):
    """A login and a sender of example.org, and another customer's address above the message."""
    assert [signed_by(post(server, header, sender=sender)) for sender in (None, "")] == [None] * 2


def test_a_receipt_has_no_sender_and_is_signed_for_its_login(server):
    assert signed_by(post(server, "<ann@example.org>", sender=""))[0] == "example.org"


@pytest.mark.parametrize(
    "header",
    ['"eve@other.example" <ann@example.org>', "ann@example.org", "Ann\r\n <ann@Example.ORG>"],
)
def test_however_the_own_address_is_written(header, server):
    assert signed_by(post(server, header))[0] == "example.org"


def test_an_alias_domain_is_signed_with_its_own_key_or_not_at_all(server):
    domain = Domain.objects.get(pk="example.org")
    for name in ("twin.example", "plain.example"):
        create_alias_domain(
            actor=None, alias_domain=Domain.objects.get(pk=name), target_domain=domain
        )
    tell(server)
    results = [
        signed_by(post(server, f"<ann@{name}>", login=f"ann@{name}"))
        for name in ("twin.example", "plain.example")
    ]

    assert results == [("twin.example", signing("twin.example").selector), None]


def test_a_row_for_one_address_counts_before_the_domains(server):
    """As PostfixAdmin writes them."""
    other = next_of("example.org")
    row = DKIMSigning.objects.create(author="ann@example.org", dkim=other)
    tell(server)
    message = post(server, "<ann@example.org>")
    row.delete()
    tell(server)

    assert signed_by(message) == ("example.org", other.selector)
    assert verifies(message)
    assert signed_by(post(server, "<ann@example.org>"))[1] == signing("example.org").selector


def sent_from_outside(server):
    """Send as another machine; return whether a Postfix that was told to believe that took it."""
    with smtp(server, server.smtp_port) as session:
        # To the signer, whoever comes from 127.0.0.1 is a program on this machine.
        if session.docmd("XCLIENT", "NAME=mx.evil.test ADDR=192.0.2.99")[0] != 220:
            return False
        session.ehlo("mx.evil.test")
        text = "From: <ann@example.org>\r\nTo: <out@example.org>\r\nSubject: x\r\n\r\nx\r\n"
        session.sendmail("ann@example.org", ["out@example.org"], text)
    return True


def test_what_comes_from_outside_is_not_signed_whoever_it_claims_to_be(server, world):
    world.alias("out@example.org", OUTSIDE)
    number = len(server.outside.received)
    server.postfix.set(smtpd_authorized_xclient_hosts="127.0.0.1")
    server.postfix.reload()
    wait_until(lambda: sent_from_outside(server), "Postfix takes the name of another client")

    assert signed_by(arrived(server, number)) is None


def test_while_the_signer_is_away_nothing_leaves_unsigned_and_nothing_is_lost(server):
    number = len(server.outside.received)
    with away(server):
        with pytest.raises(smtplib.SMTPResponseException) as refusal:
            post(server, "<ann@example.org>")
        hand_over(server, "From: <ann@example.org>\n\nlater\n")
    server.postfix.flush()

    assert refusal.value.smtp_code in range(400, 500)
    assert signed_by(arrived(server, number))[0] == "example.org"
    assert len(server.outside.received) == number + 1
