"""What is sent through the shipped Postfix and OpenDKIM is signed, and verifies with the record that the panel shows."""

import smtplib
import subprocess

import dkim as verifier
import MySQLdb
import pytest

from domains import dkim
from domains.dkim_keys import DKIMKey, DKIMSigning, keys_of
from domains.models import Domain
from domains.services import create_alias_domain, set_domain_active
from tests.contract.world import PASSWORD
from tests.servers.clients import send, smtp
from tests.servers.processes import find, wait_until

OUTSIDE = "bob@elsewhere.test"


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("opendkim")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    for name in ("example.org", "other.example", "plain.example", "off.example", "twin.example"):
        domain = empty_world.domain(name)
        empty_world.mailbox(f"ann@{name}")
        if name != "plain.example":
            first, _second = dkim.create_keys(actor=None, domain=domain)
            dkim.sign_with(actor=None, domain=domain, selector=first.selector, force=True)
    return empty_world


def signing(domain):
    return next(key for key in keys_of(domain)[domain] if key.signs)


def post(server, header, *, login="ann@example.org", sender=None, recipient=OUTSIDE):
    """Send by port 587 with this From: and return what arrives outside."""
    number = len(server.outside.received)
    text = f"From: {header}\r\nTo: <{recipient}>\r\nSubject: hello\r\n\r\nHello\r\n"
    with smtp(server, server.submission_port, login=(login, PASSWORD)) as session:
        session.sendmail(login if sender is None else sender, [recipient], text)
    return arrived(server, number)


def arrived(server, number):
    wait_until(lambda: len(server.outside.received) > number, "the message outside")
    return server.outside.received[number].text.encode()


def signed_by(message):
    """The domain and selector whose signature the message has, or None."""
    head = message.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").decode()
    found = [line for line in head.split("\r\n") if line.startswith("DKIM-Signature:")]
    if not found:
        return None
    [line] = found
    tags = dict(tag.strip().partition("=")[::2] for tag in line.partition(":")[2].split(";"))
    return tags["d"], tags["s"]


def verifies(message):
    """Whether a receiver accepts the signature, with the records that the panel shows as the DNS."""
    records = {f"{key}.": key.record for key in DKIMKey.objects.with_roles()}

    def dns(name, timeout=5):
        return records.get(name.decode(), "").encode() or None

    return verifier.DKIM(message).verify(dnsfunc=dns)


def test_a_message_is_signed_with_the_key_of_its_domain(server):
    message = post(server, "Ann <ann@example.org>")

    assert signed_by(message) == ("example.org", signing("example.org").selector)
    assert verifies(message)
    assert not verifies(message.replace(b"hello", b"hullo"))
    assert not verifies(b"From: <eve@evil.test>\r\n" + message)


def test_no_key_no_signature(server):
    assert signed_by(post(server, "<ann@plain.example>", login="ann@plain.example")) is None


def test_a_change_of_the_key_counts_from_the_next_message_on(server, world):
    before = signing("other.example")
    next_one = next(key for key in keys_of("other.example")["other.example"] if not key.signs)
    first = post(server, "<ann@other.example>", login="ann@other.example")

    dkim.sign_with(actor=None, domain=before.domain_name, selector=next_one.selector, force=True)
    second = post(server, "<ann@other.example>", login="ann@other.example")

    assert [signed_by(one)[1] for one in (first, second)] == [before.selector, next_one.selector]
    assert verifies(first)
    assert verifies(second)


def test_a_domain_that_is_off_is_not_signed_for(server):
    domain = signing("off.example").domain_name
    set_domain_active(actor=None, domain=domain, active=False)

    assert signed_by(local(server, "ann@off.example")) is None


def local(server, sender):
    """Send as a program on this machine does, and return what arrives outside."""
    number = len(server.outside.received)
    subprocess.run(
        [find("sendmail"), "-C", server.postfix.conf, "-f", "", OUTSIDE],
        input=f"From: <{sender}>\nSubject: away\n\nI am away\n",
        text=True,
        check=True,
    )
    return arrived(server, number)


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


def test_an_alias_domain_is_signed_with_its_own_key_or_not_at_all(server, world):
    domain = Domain.objects.get(pk="example.org")
    for name in ("twin.example", "plain.example"):
        create_alias_domain(
            actor=None, alias_domain=Domain.objects.get(pk=name), target_domain=domain
        )
    results = [
        signed_by(post(server, f"<ann@{name}>", login=f"ann@{name}"))
        for name in ("twin.example", "plain.example")
    ]

    assert results == [("twin.example", signing("twin.example").selector), None]


def test_a_row_for_one_address_counts_before_the_domains(server):
    """As PostfixAdmin writes them."""
    other = next(key for key in keys_of("example.org")["example.org"] if not key.signs)
    row = DKIMSigning.objects.create(author="ann@example.org", dkim=other)
    message = post(server, "<ann@example.org>")
    row.delete()

    assert signed_by(message) == ("example.org", other.selector)
    assert verifies(message)


def test_what_comes_from_outside_is_not_signed_whoever_it_claims_to_be(server, world):
    world.alias("out@example.org", OUTSIDE)
    number = len(server.outside.received)
    send(server, "ann@example.org", "out@example.org")

    assert signed_by(arrived(server, number)) is None


def test_while_the_signer_is_away_nothing_leaves_unsigned_and_nothing_is_lost(server):
    number = len(server.outside.received)
    server.opendkim.stop()
    try:
        with pytest.raises(smtplib.SMTPResponseException) as refusal:
            post(server, "<ann@example.org>")
        subprocess.run(
            [find("sendmail"), "-C", server.postfix.conf, "-f", "", OUTSIDE],
            input="From: <ann@example.org>\n\nlater\n",
            text=True,
            check=True,
        )
    finally:
        server.opendkim.start()
    server.postfix.flush()

    assert refusal.value.smtp_code in range(400, 500)
    assert signed_by(arrived(server, number))[0] == "example.org"
    assert len(server.outside.received) == number + 1


def test_while_the_database_is_away_senders_are_asked_to_come_back(server):
    number = len(server.outside.received)
    with smtp(server, server.submission_port, login=("ann@example.org", PASSWORD)) as session:
        session.mail("ann@example.org")
        session.rcpt(OUTSIDE)
        server.gate.shut()
        try:
            code, _text = session.data("From: <ann@example.org>\r\n\r\nHello\r\n")
        except smtplib.SMTPResponseException as error:
            code = error.smtp_code
        finally:
            server.gate.open()
    server.postfix.reload()  # as systemd/mariadb.service.d does
    assert code in range(400, 500)
    assert len(server.outside.received) == number

    def sent():
        try:
            return post(server, "<ann@example.org>")
        except smtplib.SMTPException:
            return None

    message = wait_until(sent, "a signed message after the database is back", seconds=60)
    assert signed_by(message)[0] == "example.org"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT private_key FROM dkim",
        "SELECT * FROM dkim_signing",
        "SELECT username FROM mailbox",
        "SELECT domain FROM domain",
        "DELETE FROM dkim_signer_keys",
        "UPDATE dkim_signer_authors SET dkim_id = 1",
    ],
)
def test_the_signer_reads_the_two_views_and_nothing_else(statement, server):
    with pytest.raises(MySQLdb.Error) as refusal:
        server.execute(statement, connection=server.connect_as_signer())
    assert refusal.value.args[0] in {1142, 1143, 1044}


def test_it_sees_only_keys_that_sign_for_domains_that_are_on(server):
    rows = server.execute(
        "SELECT domain_name, selector FROM dkim_signer_keys", connection=server.connect_as_signer()
    )
    domains = ("example.org", "other.example", "twin.example")

    assert sorted(rows) == sorted((name, signing(name).selector) for name in domains)
