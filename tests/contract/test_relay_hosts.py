"""Relay hosts: through which server mail leaves, with which login, and that nobody else is offered it.

Each mail has a recipient of its own: Postfix remembers for half a minute where the last pair of sender and recipient led.
"""

import itertools
import os

import pytest
from django.db import connection

from domains.flow_services import set_relay_host
from domains.models import Domain, RelayHost
from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.certificate import certify
from tests.servers.mail import MailServer
from tests.servers.processes import wait_until
from tests.servers.sink import Sink

SECRET = "pä$$ 'word\\:x"
NAMES = ("own.example", "open.example", "bare.example", "wrong.example", "other.example")
BLOCKS = {"relay-hosts", "transport", "unsigned", "relayhost", "relayhost-login"}
numbers = itertools.count()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("relays")
    files = directory / "cert.pem", directory / "key.pem"
    certify("smtp.example.net", *files)
    return files


@pytest.fixture(scope="module")
def common(certificate):
    sink = Sink(*certificate).start()
    yield sink
    sink.stop()


@pytest.fixture(scope="module")
def own(certificate):
    sink = Sink(*certificate).start()
    yield sink
    sink.stop()


@pytest.fixture(scope="module")
def sending(empty_world, certificate, common, own):
    worker = f"{os.getpid()}{os.environ.get('PYTEST_XDIST_WORKER', '')}_out"
    next_hop = f"[localhost]:{common.port}"
    server = MailServer(connection.settings_dict, worker=worker, blocks=BLOCKS, RELAYHOST=next_hop)
    with server:
        postfix = server.postfix
        postfix.maps.joinpath("relayhost_login").write_text(f"{next_hop} everybody:secret\n")
        postfix.set(default_transport="smtp", smtp_tls_CAfile=certificate[0])
        postfix.set_of_service("smtp/unix")
        postfix.set_of_service("relayhost/unix", smtp_tls_CAfile=certificate[0])
        postfix.reload()
        for name in NAMES:
            empty_world.domain(name)
            empty_world.mailbox(f"ann@{name}")
        empty_world.domain("inner.example", transport=f"127.0.0.1:{server.outside.port}")
        empty_world.mailbox("bob@inner.example")
        empty_world.alias("out@own.example", "forwarded@outside.test")
        relay_through("own.example", own, "ann", SECRET)
        relay_through("open.example", own)
        yield server


def relay_through(name, sink, login="", password=""):
    set_relay_host(
        actor=None,
        domain=Domain.objects.get(pk=name),
        server=f"localhost:{sink.port}",
        login=login,
        password=password,
    )


def arrived(sink, subject):
    return [mail for mail in sink.received if subject in mail.text]


def send(server, sender, recipient=None):
    """Send with a login and return (subject, recipient)."""
    recipient = recipient or f"joe{next(numbers)}@outside.test"
    return clients.send(server, sender, recipient, login=(sender, PASSWORD)), recipient


def test_mail_leaves_through_the_relay_host_of_its_sender_with_its_login(sending, own):
    subject, recipient = send(sending, "ann@own.example")

    [mail] = wait_until(lambda: arrived(own, subject), "mail at the relay host")
    assert (mail.sender, mail.recipients) == ("ann@own.example", [recipient])
    assert mail.login == f"ann:{SECRET}"


def test_a_relay_host_without_a_login_is_offered_none(sending, own):
    subject, _recipient = send(sending, "ann@open.example")

    [mail] = wait_until(lambda: arrived(own, subject), "mail at the relay host")
    assert (mail.sender, mail.login) == ("ann@open.example", "")


def test_other_domains_send_through_the_relay_host_of_the_server(sending, common):
    subject, _recipient = send(sending, "ann@other.example")

    [mail] = wait_until(lambda: arrived(common, subject), "mail at the relay host")
    assert (mail.sender, mail.login) == ("ann@other.example", "everybody:secret")


def test_bounces_leave_through_the_relay_host_of_the_server(sending, common):
    recipient = f"joe{next(numbers)}@outside.test"
    subject, text = clients.message("", recipient)
    with clients.smtp(sending, sending.smtp_port, source="127.0.0.2") as session:
        session.sendmail("", [recipient], text)

    [mail] = wait_until(lambda: arrived(common, subject), "mail at the relay host")
    assert (mail.sender, mail.login) == ("", "everybody:secret")


def test_what_a_stranger_sends_to_an_alias_leaves_through_the_relay_host_of_the_server(
    sending, common
):
    subject = clients.send(sending, "stranger@elsewhere.test", "out@own.example")

    [mail] = wait_until(lambda: arrived(common, subject), "mail at the relay host")
    assert (mail.sender, mail.recipients) == ("stranger@elsewhere.test", ["forwarded@outside.test"])


def test_a_domain_that_is_handed_on_gets_its_mail_by_its_own_transport(sending, own, common):
    subject, _recipient = send(sending, "ann@own.example", "bob@inner.example")

    [mail] = wait_until(lambda: arrived(sending.outside, subject), "mail at the next server")
    assert mail.login == ""
    assert arrived(own, subject) + arrived(common, subject) == []


def test_mail_here_leaves_nowhere(sending, own, common):
    subject, _recipient = send(sending, "ann@own.example", "ann@other.example")

    clients.wait_for(sending, "ann@other.example", PASSWORD, subject)
    assert arrived(own, subject) + arrived(common, subject) == []


@pytest.mark.parametrize(
    ("name", "with_tls", "said"),
    [
        ("wrong.example", True, "Server certificate not (?:trusted|verified)"),
        ("bare.example", False, "TLS is required, but was not offered"),
    ],
)
def test_mail_waits_while_a_relay_host_is_not_whom_it_should_be(
    name, with_tls, said, sending, common, tmp_path
):
    """With somebody else's certificate, or without TLS."""
    certify("smtp.thief.example", tmp_path / "cert.pem", tmp_path / "key.pem")
    thief = Sink(*([tmp_path / "cert.pem", tmp_path / "key.pem"] if with_tls else [])).start()
    relay_through(name, thief, "ann", "secret")

    subject, recipient = send(sending, f"ann@{name}")

    sending.postfix.wait_for_log(rf"relayhost/smtp.*to=<{recipient}>.*status=deferred \({said}")
    assert thief.received == arrived(common, subject) == []
    sending.postfix.drop_queue()
    thief.stop()


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("ann@own.example", f"ann:{SECRET}"),
        ("anybody@own.example", f"ann:{SECRET}"),
        ("@own.example", None),  # asked after the address, and for nothing
        ("ann@open.example", None),
        ("ann@other.example", None),
        ("ann@sub.own.example", None),
        ("own.example", None),
        ("localhost", None),
        ("[localhost]:{port}", None),
        ("*", None),
    ],
)
def test_a_login_is_told_for_its_own_senders_alone(sending, own, key, answer):
    assert sending.postfix.lookup("relay_login", key.format(port=own.port)) == answer


def test_a_relay_host_left_behind_by_a_deleted_domain_is_not_used(sending):
    RelayHost.objects.create(domain="gone.example", next_hop="[smtp.example.net]:587")

    assert sending.postfix.lookup("relay_hosts", "ann@gone.example") is None


@pytest.mark.parametrize("changed", [{"salt": "0" * 32}, {"next_hop": "[smtp.thief.example]:587"}])
def test_who_can_write_the_table_alone_learns_no_password(sending, changed):
    """Nor can have it sent to another server: that is part of the key."""
    row = RelayHost.objects.get(pk="own.example")
    assert SECRET not in f"{vars(row)}"
    assert row.is_readable

    RelayHost.objects.filter(pk="own.example").update(**changed)
    try:
        assert sending.postfix.lookup("relay_login", "ann@own.example") != f"ann:{SECRET}"
        assert not RelayHost.objects.get(pk="own.example").is_readable
    finally:
        row.save()


def test_it_costs_mail_to_the_outside_three_statements_and_mail_here_none(sending, own):
    with sending.statements_of(sending.postfix_sql_user) as outside:
        subject, _recipient = send(sending, "ann@own.example")
        wait_until(lambda: arrived(own, subject), "mail at the relay host")
    with sending.statements_of(sending.postfix_sql_user) as here:
        subject, _recipient = send(sending, "ann@own.example", "ann@other.example")
        clients.wait_for(sending, "ann@other.example", PASSWORD, subject)

    assert [len([s for s in sent if "relay_host" in s]) for sent in (outside, here)] == [3, 0]
