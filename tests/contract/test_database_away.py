import contextlib
import imaplib
import smtplib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailboxes.models import QuotaUsage
from tests.contract.world import PASSWORD, stranger
from tests.servers import clients
from tests.servers.processes import wait_until

ANN = ("ann@example.org", PASSWORD)
BOB = ("bob@example.org", PASSWORD)


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    for address, _password in (ANN, BOB):
        empty_world.mailbox(address)
    return empty_world


def taken(mail_server, recipient):
    """Offer a message; return its subject, or None if it is refused."""
    with contextlib.suppress(smtplib.SMTPRecipientsRefused):
        return clients.send(mail_server, stranger(), recipient)


def test_mail_waits_while_the_database_is_away(mail_server):
    """Nothing is bounced and nothing lost: not what is queued, not what comes meanwhile."""
    postfix = mail_server.postfix
    wait_until(lambda: not postfix.queue_ids(), "empty queue")
    log_before = len(postfix.log.read_text())
    mail_server.dovecot.stop()
    # Two, because the queue manager remembers where the last recipient went.
    queued = {who: clients.send(mail_server, stranger(), who[0]) for who in (ANN, BOB)}
    postfix.wait_for_log(r"status=deferred", after=log_before)

    mail_server.gate.shut()
    postfix.flush()
    postfix.wait_for_log(r"address resolver failure", after=log_before)
    for recipient in [ANN[0], "nobody@example.org"]:
        refused = clients.refusal(mail_server, stranger(), recipient)
        assert 400 <= refused[0] < 500
    assert len(postfix.queue_ids()) == 2

    mail_server.gate.open()
    mail_server.dovecot.start()
    postfix.reload()  # what deploy/README.md says to do then
    # A process that outlives the reload leaves the database alone for a minute.
    for who, subject in queued.items():
        clients.wait_for(mail_server, *who, subject, seconds=150)
    wait_until(lambda: not postfix.queue_ids(), "empty queue")
    later = wait_until(lambda: taken(mail_server, ANN[0]), "mail is taken again", 150)
    clients.wait_for(mail_server, *ANN, later, seconds=150)
    assert "status=bounced" not in postfix.log.read_text()[log_before:]


def test_a_right_password_is_not_said_to_be_wrong_while_the_database_is_away(mail_server):
    ports = [mail_server.submission_port, mail_server.submissions_port]
    mail_server.gate.shut()
    codes = []
    for port in ports:
        with (
            pytest.raises(smtplib.SMTPConnectError) as refused,
            clients.smtp(mail_server, port, login=ANN),
        ):
            pass
        codes.append(refused.value.smtp_code)
    with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
        clients.may_imap(mail_server, *ANN)
    mail_server.gate.open()
    mail_server.dovecot.stop()
    mail_server.dovecot.start()
    mail_server.postfix.reload()

    assert codes == [451, 451]
    for port in ports:
        with clients.smtp(mail_server, port, login=ANN):
            pass


def test_dovecot_defers_mail_it_is_handed_while_the_database_is_away(mail_server):
    """Postfix already knew the recipient; Dovecot must say 4xx and not "no such user".

    Without the guard in user_query it says 550 once, to the first that come after the outage.
    """
    door = mail_server.postfix.queue / "private" / "dovecot-lmtp"
    assert lmtp_answer(door, ANN[0]) == 250
    mail_server.gate.shut()
    with ThreadPoolExecutor() as meanwhile:
        answers = []
        for _ in range(3):
            answers.append(meanwhile.submit(lmtp_answer, door, ANN[0], seconds=8))
            time.sleep(0.3)
        mail_server.gate.open()
        codes = [answer.result() for answer in answers]
    wait_until(lambda: codes.append(lmtp_answer(door, ANN[0])) or codes[-1] == 250, "Dovecot")

    assert set(codes) <= {250, 451, None}
    assert lmtp_answer(door, "nobody@example.org") == 550
    mail_server.postfix.reload()

    def next_delivery_is_counted():
        # The write that finds the old connection gone is not repeated; the next one is the whole sum.
        try:
            subject = clients.send(mail_server, stranger(), BOB[0])
        except smtplib.SMTPRecipientsRefused as refused:  # by a process of before the reload
            if refused.recipients[BOB[0]][0] != 451:
                raise
            return False
        clients.wait_for(mail_server, *BOB, subject)
        time.sleep(0.2)
        stored = QuotaUsage.objects.filter(pk=BOB[0]).values_list("messages", flat=True)
        return list(stored) == [len(clients.subjects(mail_server, *BOB))]

    wait_until(next_delivery_is_counted, "quota2")


@pytest.fixture(scope="module", autouse=True)
def fresh_connections_afterwards(mail_server):
    """Any of Dovecot's processes may hold a connection of before the outage and lose one write."""
    yield
    mail_server.dovecot.stop()
    mail_server.dovecot.start()


def lmtp_answer(path, recipient, seconds=120):
    """Return the code with which Dovecot takes or refuses ``recipient``; None: it lets us wait."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(str(path))
        dialogue = connection.makefile("rwb", buffering=0)
        dialogue.readline()
        try:
            for line in ("LHLO test", "MAIL FROM:<>", f"RCPT TO:<{recipient}>"):
                dialogue.write(f"{line}\r\n".encode())
                while (answer := dialogue.readline())[3:4] == b"-":
                    pass
        except TimeoutError:
            return None
        return int(answer[:3])
