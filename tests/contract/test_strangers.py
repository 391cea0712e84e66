import socket
import ssl

import pytest

from tests.contract.world import PASSWORD
from tests.servers import clients

ANN = ("ann@example.org", PASSWORD)


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox(ANN[0])
    return empty_world


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r\n\x00.\r\n"]
)
def test_one_message_is_never_taken_for_two(mail_server, end):
    subject, text = clients.message("joe@outside.test", ANN[0])
    hidden_subject, hidden = clients.message("boss@bank.test", ANN[0])
    smuggled = (
        text.encode()
        + end
        + f"MAIL FROM:<boss@bank.test>\r\nRCPT TO:<{ANN[0]}>\r\nDATA\r\n{hidden}".encode()
    )
    with clients.smtp(mail_server, mail_server.smtp_port) as session:
        session.mail("joe@outside.test")
        session.rcpt(ANN[0])
        session.docmd("DATA")
        session.send(smuggled + b"\r\n.\r\n")
        assert session.getreply()[0] == 250
        # Were there a second message, its answers would stand in front of this one.
        assert session.docmd("XYZ")[0] in (500, 502)

    clients.wait_for(mail_server, *ANN, subject)
    assert hidden_subject not in clients.subjects(mail_server, *ANN)


def old_tls(server):
    context = ssl.create_default_context(cafile=server.certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def spoken(server, port, context):
    """Return the version of TLS that ``port`` and this client agree on, or None."""
    with socket.create_connection(("localhost", getattr(server, port)), timeout=60) as plain:
        if port in ("smtp_port", "submission_port"):
            dialogue = plain.makefile("rwb", buffering=0)
            dialogue.readline()
            for line in (b"EHLO client.example.net\r\n", b"STARTTLS\r\n"):
                dialogue.write(line)
                while dialogue.readline()[3:4] == b"-":
                    pass
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as encrypted:
                return encrypted.version()
        except ssl.SSLError:
            return None


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
@pytest.mark.parametrize(
    "port", ["submission_port", "submissions_port", "imaps_port", "pop3s_port"]
)
def test_passwords_go_through_tls_1_2_or_later(mail_server, port):
    assert spoken(mail_server, port, old_tls(mail_server)) is None
    assert spoken(mail_server, port, clients.trusting(mail_server)) == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_an_old_server_s_mail_is_taken_with_old_tls_rather_than_with_none(mail_server):
    assert spoken(mail_server, "smtp_port", old_tls(mail_server)) == "TLSv1.1"


def test_the_log_says_whether_mail_came_encrypted(mail_server):
    log_before = len(mail_server.postfix.log.read_text())

    with clients.smtp(mail_server, mail_server.smtp_port, starttls=True):
        pass

    mail_server.postfix.wait_for_log(r"TLS connection established from .*TLSv1\.3", log_before)
