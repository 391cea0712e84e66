import contextlib
import json
import socket
import threading

import pytest
from django.conf import settings

from mailadmin.sign_ins import endpoint as endpoint_module
from mailadmin.sign_ins.endpoint import Endpoint
from mailadmin.sign_ins.report import LONGEST
from panel.derived_keys import policy_secret
from tests.servers.processes import wait_until
from tests.servers.sign_ins import ask

TOLD = {"login": "ann@example.org", "remote": "192.0.2.77", "protocol": "imap", "success": True}
ALLOW = "/policy?command=allow"


class Kept:
    """What the endpoint needs of a Store."""

    def __init__(self):
        self.waiting, self.says = [], ""

    def add(self, report):
        self.waiting.append(report)

    def answer(self, address):
        return -1 if str(address) == "192.0.2.77" else 0


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def port(kept):
    with Endpoint("127.0.0.1:0", kept) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_report_is_taken(port, kept):
    assert ask(port, body=TOLD) == (200, {"status": 0, "msg": ""})

    assert [report.login for report in kept.waiting] == ["ann@example.org"]


def test_who_asks_is_told_to_go_on_or_to_refuse(port, kept):
    assert ask(port, path=ALLOW, body=TOLD) == (200, {"status": -1, "msg": ""})
    assert ask(port, path=ALLOW, body=TOLD | {"remote": "192.0.2.78"})[1]["status"] == 0
    assert kept.waiting == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * LONGEST, b"null", b'{"remote":7}'])
def test_what_is_no_json_of_dovecots_is_answered_and_not_taken(port, kept, body):
    assert ask(port, body=body)[0] == 200
    assert ask(port, path=ALLOW, body=body) == (200, {"status": 0, "msg": ""})
    assert kept.waiting == []


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer \xe9"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_without_the_secret_nothing_is_told_and_nothing_taken(port, kept, given, method):
    assert ask(port, method, body=TOLD, Authorization=given) == (401, {})
    assert kept.waiting == []


@pytest.mark.parametrize(
    "path", ["/", "/policy", "/policy?command=kick", "/policy?command=report&x=1", "//policy"]
)
def test_another_path_is_not_found(port, kept, path):
    assert ask(port, path=path, body=TOLD)[0] == 404
    assert kept.waiting == []


def test_who_looks_after_it_is_told_how_it_is(port, kept):
    kept.says = "away"
    assert ask(port, "GET", "/") == (200, {"waiting": 0, "says": "away"})


def raw(port, *lines, body=b""):
    """Return the first line of the answer to a request written by hand."""
    secret = f"Authorization: Bearer {policy_secret(settings.SECRET_KEY)}"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = "\r\n".join(["POST /policy?command=report HTTP/1.1", secret, *lines, "", ""])
        connection.sendall(head.encode() + body)
        return connection.makefile("rb").readline().decode().strip()


@pytest.mark.parametrize("length", [str(LONGEST + 1), "9" * 30, "-1", "x", "0x10", "1e3"])
def test_a_body_that_is_too_long_is_not_read(port, kept, length):
    assert raw(port, f"Content-Length: {length}").startswith("HTTP/1.1 413 ")
    assert kept.waiting == []


def test_a_body_without_a_length_is_not_read(port, kept):
    said = raw(port, "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n")
    assert said == "HTTP/1.1 411 Length Required"


def test_many_lines_and_long_ones_are_refused(port):
    assert "431" in raw(port, *(f"X-{n}: y" for n in range(200)))
    assert "431" in raw(port, f"X: {'y' * 70_000}")


def test_several_reports_come_by_one_connection(port, kept):
    text = json.dumps(TOLD)
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as there:
        request = (
            "POST /policy?command=report HTTP/1.1\r\n"
            f"Authorization: Bearer {policy_secret(settings.SECRET_KEY)}\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}"
        ).encode()
        answers = there.makefile("rb")
        for _ in range(3):
            there.sendall(request)
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            while answers.readline() != b"\r\n":
                pass
            answers.read(len(b'{"status": 0, "msg": ""}'))

    assert len(kept.waiting) == 3


def test_whoever_does_not_show_the_secret_soon_is_sent_away(port, kept, monkeypatch):
    monkeypatch.setattr(endpoint_module.Handler, "timeout", 0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stranger:
        stranger.sendall(b"POST /policy?command=report HTTP/1.1\r\n")
        assert stranger.recv(10) == b""


def test_who_holds_all_connections_keeps_no_thread_more_and_later_all_is_well(port, kept):
    held = [
        socket.create_connection(("127.0.0.1", port), timeout=60)
        for _ in range(endpoint_module.CONNECTIONS + 5)
    ]
    # The last ones are ended at once.
    assert held[-1].recv(10) == b""
    for connection in held:
        connection.close()

    def answered():
        with contextlib.suppress(OSError):
            return ask(port, body=TOLD)[0] == 200

    wait_until(answered, "an answer")
