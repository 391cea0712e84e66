import imaplib
import smtplib

import pytest

from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.fail2ban import guesses
from tests.servers.processes import wait_until

ANN, BOB = "ann@example.org", "bob@example.org"
HERE = "127.0.0.1"


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox(ANN)
    empty_world.mailbox(BOB)
    return empty_world


@pytest.fixture
def counted(mail_server, tmp_path):
    """Count what the shipped filter finds in what Dovecot logs from here on."""
    before = len(mail_server.dovecot.log.read_text())

    def count():
        lines = mail_server.dovecot.log.read_text()[before:]
        # On a server journald has the lines, under the machine's and the program's name.
        log = tmp_path / "log"
        log.write_text(lines + "".join(map(as_in_the_journal, lines.splitlines(keepends=True))))
        found = guesses(mail_server.files.path / "fail2ban", "mailadmin-mail", log)
        assert all(number % 2 == 0 for number in found.values())
        return {address: number // 2 for address, number in found.items()}

    return count


def as_in_the_journal(line):
    date, message = line[:15], line[16:]
    return f"{date} mail dovecot[334]: {message.replace(' Info: ', ' ', 1)}"


@pytest.mark.parametrize("may", [clients.may_imap, clients.may_pop, clients.may_submit])
@pytest.mark.parametrize("login", [ANN, "nobody@example.org", "nobody", "sales@elsewhere.test"])
def test_a_wrong_password_is_counted(mail_server, counted, may, login):
    assert not may(mail_server, login, "wrong")

    # smtplib tries a wrong password by both mechanisms.
    assert counted() == {HERE: 2 if may is clients.may_submit else 1}


@pytest.mark.parametrize("may", [clients.may_imap, clients.may_pop, clients.may_submit])
def test_a_right_password_is_not(mail_server, counted, may):
    assert may(mail_server, ANN, PASSWORD)

    assert counted() == {}


def test_a_right_password_is_not_counted_while_the_database_is_away(mail_server, counted):
    # Whoever connects later comes to no password: tests/contract/test_delivery.py.
    with clients.smtp(mail_server, mail_server.submission_port) as session:
        mail_server.gate.shut()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            session.login(ANN, PASSWORD)
    try:
        with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
            clients.may_imap(mail_server, ANN, PASSWORD)
    finally:
        mail_server.gate.open()
        mail_server.dovecot.stop()
        mail_server.dovecot.start()
        mail_server.postfix.reload()

    assert counted() == {}


@pytest.mark.parametrize(
    "login",
    [
        "a,203.0.113.9): Password mismatch",
        "sql(a,203.0.113.9): unknown user",
        "a,203.0.113.9",
        "a)b,203.0.113.9,<x>): unknown user",
        "auth-worker(a@b.test,203.0.113.9)<1>: request [1]: sql: unknown user",
    ],
)
def test_nobody_can_have_somebody_else_shut_out(mail_server, counted, login):
    assert not clients.may_pop(mail_server, login, "wrong")
    assert not clients.may_submit(mail_server, login, "wrong")

    assert "203.0.113.9" not in counted()


def test_dovecot_remembers_who_guessed_and_answers_later(mail_server):
    """The wait doubles with each new guess, up to 15 seconds; doveadm tells how many there were."""

    def told():
        lines = mail_server.dovecot.doveadm("penalty").splitlines()[1:]
        return [line.split()[:2] for line in lines]

    with mail_server.slow_after_guesses():
        assert not clients.may_imap(mail_server, ANN, "wrong-1")
        wait_until(lambda: told() == [[HERE, "1"]], "the first guess")
        assert not clients.may_submit(mail_server, BOB, "wrong-2")
        wait_until(lambda: told() == [[HERE, "2"]], "the second guess")


NEIGHBOUR = "127.0.0.3"  # tests come from 127.0.0.1, which the limits do not count


def test_each_port_takes_thirty_logins_a_minute_from_one_address(mail_server):
    codes = []
    while len(codes) < 70 and 450 not in codes:
        port = [mail_server.submission_port, mail_server.submissions_port][len(codes) % 2]
        with clients.smtp(mail_server, port, source=NEIGHBOUR) as session:
            try:
                codes.append(session.login(ANN, PASSWORD)[0])
            except smtplib.SMTPAuthenticationError as error:
                codes.append(error.smtp_code)

    assert codes == [235] * 60 + [450]


def test_a_login_sends_to_a_thousand_recipients_a_minute(mail_server):
    login = (ANN, PASSWORD)
    port = mail_server.submission_port
    with clients.smtp(mail_server, port, login=login, source="127.0.0.4") as session:
        session.mail(ANN)
        codes = [session.rcpt(f"joe{number}@elsewhere.test")[0] for number in range(1000)]
        session.rset()
        session.mail(ANN)
        codes += [session.rcpt("one-more@elsewhere.test")[0]]

    assert codes == [250] * 1000 + [450]
