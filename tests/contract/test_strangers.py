"""What a stranger tries on the open ports: smuggling, old TLS, guessing, and too much at once."""

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
