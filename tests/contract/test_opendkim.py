import smtplib

import MySQLdb
import pytest

from domains import dkim
from domains.dkim_keys import ED25519, DKIMSigning
from domains.services import set_domain_active
from tests.contract.signed import (
    OUTSIDE,
    domain_with_keys,
    post,
    signed_by,
    signing,
    verifies,
)
from tests.contract.world import PASSWORD
from tests.servers.clients import smtp
from tests.servers.processes import wait_until


@pytest.fixture(scope="module")
def server(server_with):
    yield from server_with("opendkim")


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    for name in ("example.org", "other.example", "off.example"):
        domain_with_keys(empty_world, name)
    set_domain_active(actor=None, domain=signing("off.example").domain_name, active=False)


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


def test_an_ed25519_key_which_it_does_not_take_leaves_it_signing_with_the_other(server, settings):
    """One that was made while rspamd signed."""
    settings.DKIM_SIGNER = "rspamd"
    domain = signing("example.org").domain_name
    key, _next = dkim.create_keys(actor=None, domain=domain, kind=ED25519)
    dkim.sign_with(actor=None, domain=domain, selector=key.selector, force=True)
    message = post(server, "<ann@example.org>")

    assert DKIMSigning.objects.filter(author="example.org", dkim=key).exists()
    assert signed_by(message) == ("example.org", signing("example.org").selector)
    assert verifies(message)


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
    domains = ("example.org", "other.example")

    assert sorted(rows) == sorted((name, signing(name).selector) for name in domains)
