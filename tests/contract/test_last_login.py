import time

import pytest

from mailboxes.models import LastLogin
from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.processes import wait_until

ANN, BOB = "ann@example.org", "o'neil@example.org"


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    for address in (ANN, BOB):
        empty_world.mailbox(address)


@pytest.fixture
def no_sign_ins():
    LastLogin.objects.all().delete()


def signed_in(address, *protocols):
    """Wait until there are rows of all ``protocols``; return their moments."""

    def found():
        rows = LastLogin.objects.filter(username=address).values_list("protocol", "at")
        return dict(rows) if {name for name, _at in rows} == set(protocols) else None

    return wait_until(found, f"last_login of {address}")


def test_a_sign_in_writes_one_row_for_each_protocol(mail_server, no_sign_ins):
    before = int(time.time())
    for _time in range(2):
        assert clients.may_imap(mail_server, ANN, PASSWORD)
        assert clients.may_pop(mail_server, ANN, PASSWORD)

    moments = signed_in(ANN, "imap", "pop3")
    assert {before <= at <= time.time() for at in moments.values()} == {True}
    assert set(LastLogin.objects.values_list("username", "domain")) == {(ANN, "example.org")}


def test_a_name_with_a_quote_is_written_as_it_is(mail_server, no_sign_ins):
    assert clients.may_imap(mail_server, BOB.upper(), PASSWORD)

    assert set(signed_in(BOB, "imap")) == {"imap"}


def test_a_wrong_password_a_delivery_and_the_sending_of_mail_write_none(mail_server, no_sign_ins):
    assert not clients.may_imap(mail_server, ANN, "wrong")
    assert clients.may_submit(mail_server, ANN, PASSWORD)
    subject = clients.send(mail_server, "joe@outside.test", BOB)
    clients.wait_for(mail_server, BOB, PASSWORD, subject)

    signed_in(BOB, "imap")
    assert not LastLogin.objects.filter(username=ANN).exists()


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ("RENAME TABLE last_login TO elsewhere", "RENAME TABLE elsewhere TO last_login"),
        (
            "ALTER TABLE last_login ADD COLUMN needed INT NOT NULL",
            "ALTER TABLE last_login DROP COLUMN needed",
        ),
    ],
    ids=["no table", "another table"],
)
def test_whoever_signs_in_gets_in_where_the_row_cannot_be_written(mail_server, away, back):
    mail_server.execute(away)
    try:
        assert clients.may_imap(mail_server, ANN, PASSWORD)
        assert clients.may_pop(mail_server, ANN, PASSWORD)
        mail_server.dovecot.wait_for_log(r"last_login_dict: Failed to write value")
    finally:
        mail_server.execute(back)

    assert clients.may_imap(mail_server, ANN, PASSWORD)


def test_whoever_signs_in_reads_while_another_program_holds_the_table(mail_server):
    connection = mail_server.connect()
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLES last_login WRITE")
        with clients.imap(mail_server, ANN, PASSWORD) as session:
            assert session.select("INBOX")[0] == "OK"
            cursor.execute("UNLOCK TABLES")
    connection.close()
