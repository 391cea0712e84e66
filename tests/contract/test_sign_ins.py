"""Dovecot's auth policy and `manage.py signins --listen`, each as it is on a server: reports, refused networks, and the endpoint away."""

import contextlib
import imaplib
import os
import socket
import time

import MySQLdb
import pytest
from django.db import connection

from mailboxes import app_passwords, sign_ins
from mailboxes.models import AppPassword, LastLogin, Mailbox, RefusedNetwork, SignIn
from mailboxes.services import update_mailbox
from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.mail import MailServer
from tests.servers.processes import answers, free_ports, run_sql, wait_until
from tests.servers.sign_ins import SignIns

ANN, BOB = "ann@example.org", "bob@example.org"
HERE, THERE, OTHER = "127.0.0.1", "192.0.2.77", "198.51.100.7"
WAYS = {
    "imap": clients.may_imap,
    "pop3": clients.may_pop,
    "smtp": clients.may_submit,
    "sieve": clients.may_sieve,
}
FAILURES = 5
# So that a test can come from another network: a program here may say for whom it signs in.
FROM_ELSEWHERE = "login_trusted_networks = 127.0.0.0/8\n"


@pytest.fixture(scope="module")
def server(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        database = connection.settings_dict
    name = f"{os.getpid()}signins{os.environ.get('PYTEST_XDIST_WORKER', '')}"
    [port] = free_ports(1)
    server = MailServer(
        database,
        worker=name,
        blocks=["sieve", "sign-ins"],
        SIGN_INS=f"127.0.0.1:{port}",
        SIGNINS_SQL_USER=f"signins_{name}",
    )
    server.install = with_trust(server, server.install)
    with server:
        run_sql(database, server.files.path / "mariadb/signins.sql")
        yield server


def with_trust(server, install):
    def installed():
        install()
        local = server.dovecot.conf / "local.conf"
        local.write_text(FROM_ELSEWHERE)
        return server

    return installed


@pytest.fixture(scope="module")
def url(server):
    text = (server.files.path / "signins/signins.env").read_text()
    gate = f":{server.gate.port}/"  # past it: the daemons' way to the database may be shut
    return text.rpartition("DATABASE_URL=")[2].strip().replace(gate, f":{server.database['PORT']}/")


@contextlib.contextmanager
def listening(server, url, failures=FAILURES):
    """After one that was away Dovecot tries again later and later, at the latest after a minute."""
    with SignIns(endpoint_port(server), url, SIGN_INS_FAILURES=str(failures)) as running:

        def is_told():
            clients.may_imap(server, ANN, PASSWORD)
            return SignIn.objects.exists()

        wait_until(is_told, "a report")
        time.sleep(1)  # twice as long as the last one may wait
        for model in (SignIn, LastLogin):
            model.objects.all().delete()
        yield running


@pytest.fixture
def endpoint(server, url, nothing_yet):
    with listening(server, url) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox(ANN)
    empty_world.mailbox(BOB)


@pytest.fixture(autouse=True)
def nothing_yet(world):
    for model in (SignIn, LastLogin, RefusedNetwork, AppPassword):
        model.objects.all().delete()


def kept():
    columns = ("username", "protocol", "address", "success")
    return set(SignIn.objects.values_list(*columns))


def wait_for_rows(*rows):
    wait_until(lambda: kept() >= set(rows), f"rows of {rows}", 60)
    assert kept() == set(rows)


@contextlib.contextmanager
def imap_from(server, address):
    """A session of IMAP whose client is at ``address``, as a webmail says it."""
    session = imaplib.IMAP4_SSL(
        "localhost", server.imaps_port, ssl_context=clients.trusting(server)
    )
    try:
        session.xatom("ID", f'("x-originating-ip" "{address}")')
        yield session
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            session.logout()


def may_from(server, address, password=PASSWORD, login=ANN):
    with imap_from(server, address) as session:
        try:
            session.login(login, password)
        except imaplib.IMAP4.error as error:
            if "AUTHENTICATIONFAILED" in str(error):
                return False
            raise
        return True


def test_each_protocol_is_reported_with_the_clients_address(server, endpoint):
    for may in WAYS.values():
        assert may(server, ANN, PASSWORD)

    wait_for_rows(*((ANN, protocol, HERE, True) for protocol in WAYS))
    wait_until(lambda: LastLogin.objects.count() == len(WAYS), "the last sign-ins")
    assert set(LastLogin.objects.values_list("protocol", "address")) == {
        (protocol, HERE) for protocol in WAYS
    }


def test_a_wrong_password_and_an_unknown_name_are_reported_as_failed(server, endpoint):
    for may in WAYS.values():
        assert not may(server, ANN.upper(), "wrong")
        assert not may(server, "tangerine-8", "wrong")

    names = (ANN, "")
    wait_for_rows(*((name, protocol, HERE, False) for protocol in WAYS for name in names))
    assert not LastLogin.objects.exists()


def test_the_report_says_which_app_password_it_was(server, endpoint):
    ann = Mailbox.objects.get(pk=ANN)
    made = {}
    for name in ("Phone", "Tablet"):
        made[name] = app_passwords.drawn()
        app_passwords.make_app_password(
            actor=ann, password=made[name], name=name, protocols=set(WAYS)
        )
    before = int(time.time())
    assert may_from(server, THERE, made["Tablet"])
    assert clients.may_submit(server, ANN, made["Tablet"].replace("-", ""))
    assert clients.may_pop(server, ANN, PASSWORD)
    assert not clients.may_imap(server, ANN, made["Phone"] + "x")

    tablet = AppPassword.objects.get(description="Tablet")
    wait_until(lambda: SignIn.objects.count() == 4, "all reports")
    told = SignIn.objects.values_list("protocol", "address", "success", "app_password")
    assert set(told) == {
        ("imap", THERE, True, tablet.pk),
        ("smtp", HERE, True, tablet.pk),
        ("pop3", HERE, True, 0),
        ("imap", HERE, False, 0),
    }
    tablet.refresh_from_db()
    assert (tablet.used_protocol, tablet.used_address) in {("smtp", HERE), ("imap", THERE)}
    assert before <= tablet.used <= time.time()
    assert AppPassword.objects.get(description="Phone").used is None


def test_a_network_that_guesses_is_refused_with_the_right_password_too_and_let_in_again(
    server, endpoint
):
    for number in range(FAILURES + 1):
        assert not may_from(server, THERE, f"wrong-{number}")
    row = wait_until(RefusedNetwork.objects.first, "a refused network")
    assert (row.network, row.failures) == (f"{THERE}/32", FAILURES)

    assert not may_from(server, THERE)
    assert not may_from(server, THERE, login=BOB)
    assert may_from(server, OTHER)
    assert clients.may_imap(server, ANN, PASSWORD)
    assert clients.may_submit(server, ANN, PASSWORD)
    refused = SignIn.objects.filter(reason="policy").values_list("username", "address", "success")
    wait_until(lambda: len(refused.all()) == 2, "what was refused")
    assert set(refused.all()) == {(ANN, THERE, False), (BOB, THERE, False)}

    sign_ins.let_in(actor=None, network=row)
    wait_until(lambda: may_from(server, THERE), "the network is let in again")


def test_one_wrong_password_again_and_again_refuses_nobody(server, endpoint):
    for _ in range(FAILURES + 2):
        assert not may_from(server, THERE, "an-old-one")
    wait_until(lambda: SignIn.objects.filter(number=FAILURES + 2).exists(), "all reports")

    assert may_from(server, THERE)
    assert not RefusedNetwork.objects.exists()


def test_where_it_is_away_everybody_signs_in_all_the_same(server):
    for may in WAYS.values():
        assert may(server, ANN, PASSWORD)
        assert not may(server, ANN, "wrong")

    assert kept() == set()


def test_where_it_hangs_everybody_signs_in_after_a_while(server):
    port = endpoint_port(server)
    with socket.create_server(("127.0.0.1", port)) as hanging:
        assert hanging.fileno() >= 0
        assert clients.may_imap(server, ANN, PASSWORD)
        assert not clients.may_imap(server, ANN, "wrong")


def endpoint_port(server):
    text = (server.files.path / "dovecot/2.3/dovecot.conf").read_text()
    return int(text.partition("http://127.0.0.1:")[2].partition("/")[0])


def test_what_is_reported_while_it_is_stopped_is_written_before_it_ends(server, endpoint):
    assert clients.may_imap(server, ANN, PASSWORD)
    said = endpoint.stop()

    assert (kept(), "Traceback" in said) == ({(ANN, "imap", HERE, True)}, False)
    assert not answers(endpoint.port)


def test_while_dovecot_cannot_ask_the_database_a_right_password_does_not_count(server, url):
    with listening(server, url, failures=2):
        server.gate.shut()
        for login in (ANN, BOB):
            with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
                may_from(server, THERE, login=login)
        server.gate.open()
        wait_for_rows((ANN, "imap", THERE, False), (BOB, "imap", THERE, False))

        assert not RefusedNetwork.objects.exists()

    def asks_again():
        with contextlib.suppress(imaplib.IMAP4.error):
            return may_from(server, OTHER)

    wait_until(asks_again, "Dovecot asks again")


def test_a_mailbox_without_sign_in_is_reported_as_failed(server, endpoint):
    mailbox = Mailbox.objects.get(pk=BOB)
    update_mailbox(actor=None, mailbox=mailbox, imap_active=False)
    assert not clients.may_imap(server, BOB, PASSWORD)
    update_mailbox(actor=None, mailbox=mailbox, imap_active=True)

    wait_for_rows((BOB, "imap", HERE, False))


def test_its_sql_user_sees_no_hash_and_writes_nothing_else(server):
    user = f"signins_{server.postfix_sql_user.removeprefix('postfix_')}"
    database = server.connect(user, server.files.passwords["signins"])
    allowed = [
        "SELECT username FROM mailbox",
        "SELECT id, username, used FROM mailbox_app_password",
    ]
    for statement in allowed:
        server.execute(
            statement, connection=server.connect(user, server.files.passwords["signins"])
        )
    with contextlib.closing(database), database.cursor() as cursor:
        for statement in [
            "SELECT password FROM mailbox",
            "SELECT name FROM mailbox",
            "SELECT domain FROM domain",
            "SELECT password_hash FROM mailbox_app_password",
            "SELECT goto FROM alias",
            "SELECT username FROM admin",
            "UPDATE mailbox_app_password SET password_hash = ''",
            "DELETE FROM mailbox_app_password",
            "DELETE FROM last_login",
            "UPDATE mailbox SET username = username",
            "INSERT INTO log (username) VALUES ('x')",
        ]:
            with pytest.raises(MySQLdb.OperationalError) as error:
                cursor.execute(statement)
            assert error.value.args[0] in {1142, 1143}, statement
