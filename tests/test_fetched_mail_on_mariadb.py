"""The runner against another provider's real Dovecot, by IMAP and POP3; what it hands over comes to a sink here."""

import contextlib
import socket
import threading
from base64 import b64encode
from io import StringIO
from time import time

import pytest
from django.core.management import CommandError, call_command

from mailboxes import fetch_runs, remote_sessions
from mailboxes.fetching import add_remote
from mailboxes.models import FetchedMessage, RemoteMailbox
from tests.servers.elsewhere import NAME, PASSWORD, Elsewhere
from tests.servers.processes import wait_until
from tests.servers.sink import Sink

pytestmark = pytest.mark.django_db
JOE = "joe@example.org"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    server = Elsewhere(tmp_path_factory.mktemp("elsewhere")).start()
    yield server
    server.stop()


@pytest.fixture
def elsewhere(running, monkeypatch):
    """Its name leads to this machine, and its certificate is one that the machine knows."""
    asked = socket.getaddrinfo

    def led(host, port, *args, **kwargs):
        return asked("127.0.0.1" if host.endswith(".example") else host, port, *args, **kwargs)

    monkeypatch.setattr(remote_sessions.socket, "getaddrinfo", led)
    monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
    for user in ("joe", "ann", "eve"):
        session = running.session(user)
        _ok, [count] = session.select("INBOX")
        if int(count):
            session.store("1:*", "+FLAGS", r"(\Deleted)")
            session.expunge()
        session.logout()
    return running


@pytest.fixture
def door(settings):
    sink = Sink().start()
    settings.FETCHMAIL_TO = f"smtp://127.0.0.1:{sink.port}"
    settings.FETCHMAIL_NETWORKS = ["127.0.0.0/8"]
    yield sink
    sink.stop()


@pytest.fixture
def joe(example_org, add_mailbox, door):
    return add_mailbox(JOE)


@pytest.fixture
def fetch(joe, elsewhere):
    """``fetch("POP3", keep=False)``: the row that fetches from joe's mailbox elsewhere."""

    def add(protocol="IMAP", **values):
        ports = {
            ("IMAP", "tls"): elsewhere.imaps_port,
            ("IMAP", "starttls"): elsewhere.imap_port,
            ("POP3", "tls"): elsewhere.pop3s_port,
            ("POP3", "starttls"): elsewhere.pop3_port,
        }
        given = {"server": NAME, "login": "joe", "password": PASSWORD, "tls": "tls"} | values
        port = ports[protocol, given["tls"]]
        return add_remote(actor=None, mailbox=joe, protocol=protocol, **{"port": port} | given)

    return add


def received(door):
    return [
        line.removeprefix("Subject: ")
        for mail in door.received
        for line in mail.text.splitlines()
        if line.startswith("Subject: ")
    ]


def again(row):
    RemoteMailbox.objects.filter(pk=row.pk).update(next_run=0)
    done = fetch_runs.run(row)
    return done.outcome, done.taken


BOTH = pytest.mark.parametrize("protocol", ["IMAP", "POP3"])
WAYS = pytest.mark.parametrize("tls", ["tls", "starttls"])


@BOTH
@WAYS
def test_what_stays_there_comes_once(fetch, door, elsewhere, protocol, tls):
    elsewhere.put("joe", "one", "two")
    row = fetch(protocol, tls=tls)

    assert again(row) == ("fetched", 2)
    assert received(door) == ["one", "two"]
    assert again(row) == ("fetched", 0)
    elsewhere.put("joe", "three")
    assert again(row) == ("fetched", 1)

    assert received(door) == ["one", "two", "three"]
    assert elsewhere.subjects("joe") == ["one", "two", "three"]


@BOTH
def test_what_is_deleted_there_is_here_first(fetch, door, elsewhere, protocol):
    elsewhere.put("joe", "one", "two")
    row = fetch(protocol, keep=False)

    assert again(row) == ("fetched", 2)
    assert (received(door), elsewhere.subjects("joe")) == (["one", "two"], [])
    assert again(row) == ("fetched", 0)
    assert FetchedMessage.objects.count() == 0


@BOTH
def test_a_message_arrives_as_it_was_and_says_where_it_was(fetch, door, elsewhere, protocol):
    elsewhere.put("joe", "whole", size=200_000)
    again(fetch(protocol))

    [mail] = door.received
    assert (mail.sender, mail.recipients) == (JOE, [JOE])
    trace, _line, rest = mail.text.partition("\r\n")
    assert trace.startswith(
        f"Received: from {NAME} by mail.example.org with {protocol} (mailadmin); "
    )
    body = rest.partition("\r\n\r\n")[2].splitlines()
    assert body[0] == "..Hello"  # as SMTP sends a dot
    assert body[1:] == ["x" * 70] * (200_000 // 72)


@BOTH
def test_a_run_that_ended_before_it_removed_anything_doubles_nothing(
    fetch, door, elsewhere, protocol, monkeypatch
):
    elsewhere.put("joe", "one", "two")
    row = fetch(protocol, keep=False)
    kind = remote_sessions.PopSession if protocol == "POP3" else remote_sessions.ImapSession

    def cut(session):
        session.close()
        raise remote_sessions.RemoteError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(kind, "finish", cut)
        if protocol == "IMAP":
            patched.setattr(kind, "remove", lambda session, message: None)
        assert again(row) == ("broken", 2)
    assert elsewhere.subjects("joe") == ["one", "two"]

    assert again(row) == ("fetched", 0)
    assert (received(door), elsewhere.subjects("joe")) == (["one", "two"], [])


def test_a_server_that_names_its_messages_anew_doubles_nothing(fetch, door, elsewhere):
    elsewhere.put("joe", "one", "two")
    row = fetch()
    again(row)
    for number, one in enumerate(FetchedMessage.objects.filter(remote=row.pk)):
        FetchedMessage.objects.filter(pk=one.pk).update(key=f"as before {number}")

    assert again(row) == ("fetched", 0)
    assert received(door) == ["one", "two"]
    assert not FetchedMessage.objects.filter(key__startswith="as before").exists()


def test_what_was_read_there_comes_only_if_it_is_wanted(fetch, door, elsewhere):
    elsewhere.put("joe", "read", flags=r"(\Seen)")
    elsewhere.put("joe", "new")

    assert again(fetch(fetchall=False)) == ("fetched", 1)
    assert received(door) == ["new"]


def test_another_folder_with_letters_of_its_own(fetch, door, elsewhere):
    elsewhere.put("joe", "in it", folder="Entw&APw-rfe &- more")

    assert again(fetch(folder="Entwürfe & more")) == ("fetched", 1)
    assert again(fetch(folder="Nowhere")) == ("no_folder", 0)


@BOTH
def test_a_wrong_password_is_said_and_pauses_grow(fetch, door, elsewhere, protocol):
    row = fetch(protocol, password="other-than-that")

    assert again(row) == ("wrong_password", 0)
    row.refresh_from_db()
    assert "other-than-that" not in (row.returned_text + row.said)
    assert row.returned_text.startswith("The other server refuses this login or its password.")
    pauses = []
    for _n in range(9):
        pauses.append(round((row.next_run - time()) / 60))
        again(row)
        row.refresh_from_db()
    assert pauses[:4] == [20, 40, 80, 160]
    assert pauses[-1] == 1440
    assert row not in fetch_runs.due()


@WAYS
@BOTH
def test_a_certificate_of_another_name_or_of_nobody_ends_it_before_the_password(
    fetch, elsewhere, monkeypatch, protocol, tls
):
    row = fetch(protocol, tls=tls, server="other.example")
    assert again(row) == ("certificate", 0)

    monkeypatch.delenv("SSL_CERT_FILE")
    row = fetch(protocol, tls=tls)
    assert again(row) == ("certificate", 0)


def test_without_tls_nothing_is_said_unless_the_settings_allow_it(fetch, door, elsewhere, settings):
    elsewhere.put("joe", "one")
    row = fetch(tls="starttls")
    RemoteMailbox.objects.filter(pk=row.pk).update(plain=True)

    assert again(row) == ("plain_refused", 0)
    settings.FETCHMAIL_PLAIN = True
    assert again(row) == ("fetched", 1)


@pytest.mark.parametrize("networks", [[], ["10.0.0.0/8"]])
def test_a_private_address_is_not_connected_to(fetch, elsewhere, settings, networks):
    settings.FETCHMAIL_NETWORKS = networks

    assert again(fetch()) == ("private_address", 0)


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("9.9.9.9", True),
        ("2620:fe::fe", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:9.9.9.9", True),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::9.9.9.9", True),
        ("2002:7f00:1::", False),
    ],
)
def test_only_public_addresses_are(address, may):
    assert remote_sessions.may_connect(address) == may


def test_what_is_refused_here_stays_there_and_the_rest_comes(fetch, door, elsewhere):
    elsewhere.put("joe", "bad", "good")
    door.answers = ["554 5.7.1 looks bad"]
    row = fetch(keep=False)

    assert again(row) == ("refused", 1)
    row.refresh_from_db()
    assert (row.said, row.failures) == ("5.7.1 looks bad", 0)
    assert (received(door), elsewhere.subjects("joe")) == (["good"], ["bad"])

    assert again(row) == ("refused", 0)  # not tried again today
    assert received(door) == ["good"]
    FetchedMessage.objects.update(at=time() - fetch_runs.DAY - 1)
    assert again(row) == ("fetched", 1)
    assert (received(door), elsewhere.subjects("joe")) == (["good", "bad"], [])


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("451 4.3.0 later", "deferred"), ("552 5.2.2 full", "full"), ("452 4.2.2 full", "full")],
)
def test_what_is_put_off_here_stays_there(fetch, door, elsewhere, answer, outcome):
    elsewhere.put("joe", "one", "two")
    door.answers = ["250 ok", answer]
    row = fetch(keep=False)

    assert again(row) == (outcome, 1)
    assert again(row) == ("fetched", 1)
    assert (received(door), elsewhere.subjects("joe")) == (["one", "two"], [])


def test_a_mailbox_that_this_server_does_not_know_gets_nothing(fetch, door, elsewhere):
    elsewhere.put("joe", "one")
    door.unknown.add(JOE)

    assert again(fetch(keep=False)) == ("not_here", 0)
    assert elsewhere.subjects("joe") == ["one"]


def test_without_a_mail_server_here_nobody_elsewhere_is_asked(fetch, door, monkeypatch):
    door.stop()
    row = fetch()
    monkeypatch.setattr(remote_sessions, "open_session", None)

    assert again(row) == ("no_door", 0)
    RemoteMailbox.objects.update(next_run=0)
    with pytest.raises(CommandError, match="takes no fetched mail"):
        call_command("fetchmail", stdout=StringIO())


def test_a_message_that_is_too_large_stays_there(fetch, door, elsewhere, settings):
    settings.FETCHMAIL_LARGEST_MB = 1
    elsewhere.put("joe", "large", size=1_100_000)
    elsewhere.put("joe", "small")
    row = fetch(keep=False)

    assert again(row) == ("too_large", 1)
    assert (received(door), elsewhere.subjects("joe")) == (["small"], ["large"])


def test_many_messages_come_in_several_runs(fetch, door, elsewhere, monkeypatch):
    monkeypatch.setattr(fetch_runs, "MOST_MESSAGES", 2)
    elsewhere.put("joe", "one", "two", "three")
    row = fetch()

    assert again(row) == ("more", 2)
    assert RemoteMailbox.objects.get().next_run <= time()
    assert again(row) == ("fetched", 1)
    assert received(door) == ["one", "two", "three"]


def test_a_row_that_one_run_has_no_other_takes(fetch, door, elsewhere):
    elsewhere.put("joe", "one")
    row = fetch()
    RemoteMailbox.objects.update(busy_until=time() + 60)

    assert fetch_runs.run(row) is None
    assert fetch_runs.try_now(row) is None
    RemoteMailbox.objects.update(busy_until=time() - 1)  # who had it died
    assert again(row) == ("fetched", 1)
    assert RemoteMailbox.objects.get().busy_until == 0


def test_trying_says_what_waits_and_fetches_nothing(fetch, door, elsewhere):
    elsewhere.put("joe", "one", "two")
    row = fetch(keep=False)
    RemoteMailbox.objects.update(next_run=time() + 5_000, date="2030-01-01T00:00Z")

    tried = fetch_runs.try_now(row)
    assert (tried.outcome, tried.taken, received(door)) == ("ready", 2, [])
    assert elsewhere.subjects("joe") == ["one", "two"]
    assert list(fetch_runs.due()) == [row]


@BOTH
def test_the_row_of_postfixadmin_is_read_and_run(joe, door, elsewhere, protocol):
    """Its columns alone, as its page writes them: the password in base64, and neither TLS nor a check of it."""
    elsewhere.put("joe", "one")
    port = elsewhere.imap_port if protocol == "IMAP" else elsewhere.pop3_port
    values = {"src_auth": "any", "src_user": "joe", "src_server": NAME, "src_port": port}
    secret = b64encode(PASSWORD.encode()).decode()
    RemoteMailbox.objects.create(
        mailbox=joe, src_password=secret, protocol=protocol, usessl=False, fetchall=False, **values
    )
    said = StringIO()
    call_command("fetchmail", stdout=said)

    assert received(door) == ["one"]
    assert "Passwords stored anew: 1." in said.getvalue()
    row = RemoteMailbox.objects.get()
    assert row.src_password.startswith("gAAAA")
    assert row.returned_text == "1 message fetched. All that was there is fetched."
    assert again(row) == ("fetched", 0)


def test_beside_postfixadmin_the_password_stays_as_it_reads_it(fetch, door, elsewhere, settings):
    settings.POSTFIXADMIN_BESIDE = True
    elsewhere.put("joe", "one")
    row = fetch()

    assert row.src_password == b64encode(PASSWORD.encode()).decode()
    settings.POSTFIXADMIN_BESIDE = False
    call_command("fetchmail", stdout=StringIO())
    assert RemoteMailbox.objects.get().src_password.startswith("gAAAA")
    assert received(door) == ["one"]


@pytest.mark.parametrize("values", [{"protocol": "ETRN"}, {"src_auth": "ntlm"}])
def test_what_postfixadmin_knows_besides_is_said_and_not_tried(fetch, elsewhere, values):
    row = fetch()
    RemoteMailbox.objects.update(**values)

    assert again(row) == ("unsupported", 0)


def test_switched_off_nothing_is_due(fetch, joe, example_org):
    row = fetch()
    assert list(fetch_runs.due()) == [row]

    for rows in (RemoteMailbox.objects, type(joe).objects, type(example_org).objects):
        rows.update(active=False)
        assert list(fetch_runs.due()) == []
        rows.update(active=True)


class Cut:
    """An IMAP or POP3 server that breaks off in the middle of its message."""

    def __init__(self, protocol):
        self.protocol = protocol
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                line, _address = self.listener.accept()
                with line, line.makefile("rwb", 0) as stream:
                    (self.imap if self.protocol == "IMAP" else self.pop)(stream)

    def imap(self, stream):
        stream.write(b"* OK hello\r\n")
        while found := stream.readline():
            tag, verb = found.split()[:2]
            answer = {
                b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n",
                b"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n",
            }.get(verb.upper(), b"")
            if b"1:*" in found:
                answer = b"* 1 FETCH (UID 5 RFC822.SIZE 1000 FLAGS ())\r\n"
            elif b"BODY.PEEK" in found:
                stream.write(b"* 1 FETCH (UID 5 BODY[] {1000}\r\nSubject: half\r\n\r\nand th")
                return
            stream.write(answer + tag + b" OK done\r\n")

    def pop(self, stream):
        stream.write(b"+OK hello\r\n")
        while found := stream.readline():
            verb = found.split()[0].upper()
            if verb == b"RETR":
                stream.write(b"+OK 1000 octets\r\nSubject: half\r\n\r\nand th")
                return
            listed = {b"LIST": b"1 1000\r\n.\r\n", b"UIDL": b"1 abc\r\n.\r\n"}.get(verb, b"")
            stream.write(b"+OK\r\n" + listed)


@BOTH
def test_a_server_that_is_away_in_the_middle_of_a_message_gives_none(
    fetch, door, settings, protocol
):
    settings.FETCHMAIL_PLAIN = True
    server = Cut(protocol)
    row = fetch(protocol, tls="tls", keep=False)
    RemoteMailbox.objects.update(usessl=False, plain=True, src_port=server.port)

    assert again(row) == ("broken", 0)
    assert (door.received, FetchedMessage.objects.count()) == ([], 0)
    server.listener.close()
    wait_until(lambda: again(row) == ("no_connection", 0), "the end of the server")
