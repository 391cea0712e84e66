import socketserver
import threading
import time

import pytest

from mailadmin.doctor import queue
from mailadmin.doctor.host import Host
from tests.doctor.conftest import ADDRESS
from tests.servers import clients
from tests.servers.processes import wait_until

pytestmark = pytest.mark.django_db
OUTSIDE = "joe@outside.test"


@pytest.fixture
def slow(patient):
    times = dict.fromkeys(["minimal_backoff_time", "maximal_backoff_time", "queue_run_delay"], "1h")
    patient.postfix.set(**times)
    patient.postfix.reload()
    yield patient
    patient.postfix.drop_queue()


def wait_for(patient, number=1):
    def deferred():
        queue = Host().part("queue")
        return queue["deferred"] >= number and queue

    return wait_until(deferred, f"{number} are deferred")


def lookups_fail(postfix):
    away = postfix.maps / "away.cf"
    text = (postfix.maps / "domains.cf").read_text()
    away.write_text(text.replace("hosts = ", "hosts = inet:127.0.0.1:1\n#"))
    away.chmod(0o640)
    return f"mysql:{away}"


def test_mail_that_waits_since_the_database_was_away(slow, server):
    """Taken before, it waits on though the database is back."""
    slow.postfix.set(defer_transports="lmtp")
    slow.postfix.reload()
    clients.send(server, OUTSIDE, ADDRESS)
    wait_for(slow)
    slow.postfix.set(defer_transports="", transport_maps=lookups_fail(slow.postfix))
    slow.postfix.reload()

    def failed():
        slow.postfix.flush()
        return [reason for reason, _count in Host().part("queue")["reasons"] if "failure" in reason]

    wait_until(failed, "a look-up fails")
    slow.postfix.set(transport_maps="")
    slow.postfix.reload()
    slow.cure(slow.found()["queue-since-database-was-away"])
    slow.postfix.wait_until_delivered()
    assert slow.found() == {}


def test_a_postfix_that_is_down(patient):
    patient.postfix.stop()

    finding = patient.found()["postfix-down"]
    assert "mail-waits" in {name for names, _why in patient.look().unseen for name in names}
    patient.cure(finding)
    assert patient.found() == {}


def test_servers_whose_port_25_cannot_be_reached(slow, server):
    slow.postfix.set(default_transport="smtp", mynetworks="127.0.0.1", smtp_connect_timeout="1s")
    slow.postfix.reload()
    for number in range(2, 5):
        clients.send(server, "ann@example.net", f"joe@[192.0.2.{number}]")
    wait_for(slow, 3)

    finding = slow.found()["outgoing-blocked"]
    assert "192.0.2.2" in finding.details["hosts"]
    relay = f"[127.0.0.1]:{server.outside.port}"
    slow.do(finding.say("command").replace("[smtp.example.net]:587", relay))
    slow.postfix.wait_until_delivered()
    assert "outgoing-blocked" not in slow.found()


class Distrustful(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            answer = b"450 4.7.1 client [192.0.2.1] blocked using list.example" if verb == b"RCPT" else b"250 ok"  # fmt: skip
            self.wfile.write(answer + b"\r\n")


def test_a_server_that_puts_us_off_for_where_we_come_from(slow, server):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Distrustful) as other:
        threading.Thread(target=other.serve_forever, args=[0.05], daemon=True).start()
        port = other.server_address[1]
        slow.postfix.set(default_transport=f"smtp:[127.0.0.1]:{port}", mynetworks="127.0.0.1")
        slow.postfix.reload()
        clients.send(server, "ann@example.net", "joe@elsewhere.test")
        wait_for(slow)
        finding = slow.found()["receivers-refuse"]
        other.shutdown()

    assert "blocked using list.example" in finding.details["says"]
    assert finding.check.page == "dns-host"
    slow.postfix.set(relayhost=f"[127.0.0.1]:{server.outside.port}", default_transport="smtp")
    slow.postfix.reload()
    slow.postfix.wait_until_delivered()
    assert "receivers-refuse" not in slow.found()


def host_with(before=None, **figures):
    host = Host(before)
    known = {"messages": 0, "deferred": 0, "oldest": None, "reasons": []}
    host.facts = {"queue": {"ok": known | figures}}
    return host


@pytest.mark.parametrize(("hours", "waits"), [(5, []), (7, [7])])
def test_mail_that_waits_for_hours(hours, waits):
    host = host_with(
        deferred=3, oldest=int(time.time()) - hours * 3600 - 60, reasons=[["no route", 3]]
    )

    assert [one["hours"] for one in queue.mail_waits(host)] == waits


@pytest.mark.parametrize(
    ("before", "now", "grows"),
    [(0, 99, False), (0, 100, True), (60, 120, False), (50, 120, True)],
)
def test_a_queue_that_grows(before, now, grows):
    host = host_with({"messages": before}, messages=now)

    assert bool(list(queue.queue_grows(host))) is grows
