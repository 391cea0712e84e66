import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from domains.dns import checks, mta_sts
from domains.models import Domain
from tests.servers.certificate import certify
from tests.servers.processes import free_ports

NAME = "mta-sts.example.org"
LEADS_HERE = "@ MX 10 mail.host.test.\nmta-sts A 127.0.0.1\n"
POLICY = "version: STSv1\nmode: enforce\nmx: mail.host.test\nmax_age: 604800\n"


class Web:
    """Answers every request with ``answer``: (status, headers, body), or a function of the handler."""

    def __init__(self, directory, name=NAME):
        self.asked = []
        self.answer = (200, {"Content-Type": "text/plain"}, POLICY)
        certificate, key = directory / "web.pem", directory / "web.key"
        certify(name, certificate, key)
        self.certificate = certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        [self.port] = free_ports(1)
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked.append((self.headers["Host"], self.path))
                if callable(web.answer):
                    web.answer(self)
                    return
                status, headers, body = web.answer
                self.send_response(status)
                for header, value in headers.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.handle_error = lambda *arguments: None  # somebody hung up
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web(tmp_path, monkeypatch):
    web = Web(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(web.certificate))
    monkeypatch.setattr(mta_sts, "PORT", web.port)
    yield web
    web.stop()


@pytest.fixture
def policy(zones, server, settings):
    """``policy(records)``: what the check finds of mta-sts.example.org. This server has the address 127.0.0.1."""
    settings.MTA_STS = "enforce"
    settings.MAIL_ADDRESSES = ["127.0.0.1"]

    def of(records=LEADS_HERE):
        server.stop()
        zones({"example.org": records})
        domain = Domain(name="example.org")
        domain._state.fields_cache["alias_of"] = None
        [finding] = [one for one in checks.check_domain(domain) if one.topic == "policy"]
        return finding.state, finding.reason, finding.details.get("said", "")

    return of


def test_the_policy_is_asked_for_once_by_its_name(policy, web):
    assert policy() == ("ok", "ok", "")
    assert web.asked == [(NAME, "/.well-known/mta-sts.txt")]


def test_what_is_served_elsewhere_may_be_right_too(policy, web, settings):
    settings.MAIL_ADDRESSES = ["127.0.0.1", "192.0.2.25"]
    assert policy("mta-sts CNAME www\nwww A 127.0.0.1\n")[:2] == ("ok", "ok")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (POLICY.replace("\n", "\r\n"), ("ok", "ok")),
        (POLICY.replace("mail.host.test", "*.host.test"), ("differs", "another policy")),
        (POLICY.replace("604800", "86400"), ("differs", "another policy")),
        (POLICY.replace("mail.host.test", "mx.filter.test"), ("wrong", "other servers")),
        (POLICY.replace("mail.host.test", "*.test"), ("wrong", "other servers")),
        (
            POLICY.replace("mail.host.test", "mx.filter.test").replace("enforce", "testing"),
            ("differs", "another policy"),
        ),
        ("<html>", ("differs", "another policy")),
    ],
)
def test_the_policy_is_compared(body, expected, policy, web):
    web.answer = (200, {"Content-Type": "text/plain; charset=utf-8"}, body)

    assert policy()[:2] == expected


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((302, {"Location": f"https://{NAME}/other.txt"}, ""), "302 text/plain"),
        ((404, {"Content-Type": "text/html"}, "no"), "404 text/html"),
        ((200, {"Content-Type": "text/html"}, POLICY), "200 text/html"),
        ((200, {"Content-Type": "text/plain"}, "x" * (64 * 1024 + 1)), "> 64 kB"),
    ],
)
def test_nothing_else_counts_and_no_redirect_is_followed(answer, said, policy, web):
    web.answer = answer

    assert policy() == ("differs", "not the file", said)
    assert len(web.asked) == 1


def test_a_certificate_for_another_name_is_told(tmp_path, policy, web, monkeypatch):
    other = Web(tmp_path, "www.example.org")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.certificate))
    monkeypatch.setattr(mta_sts, "PORT", other.port)

    state, reason, said = policy()

    other.stop()
    assert (state, reason) == ("differs", "certificate")
    assert "Hostname mismatch" in said
    assert other.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "224.0.0.1"])
def test_nothing_within_is_asked_because_the_dns_says_so(address, policy, web, settings):
    settings.MAIL_ADDRESSES = ["192.0.2.25"]

    assert policy(f"mta-sts A {address}\n") == ("differs", "not public", address)
    assert policy("mta-sts AAAA ::1\n") == ("differs", "not public", "::1")
    assert web.asked == []


def test_a_server_that_drips_does_not_hold_the_check(policy, web, monkeypatch):
    monkeypatch.setattr(mta_sts, "FETCH_SECONDS", 1)
    over = Event()

    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while not over.wait(0.05):
            handler.wfile.write(b"x")

    web.answer = drip
    try:
        assert policy() == ("differs", "no answer", "127.0.0.1")
    finally:
        over.set()


def test_a_server_that_says_nothing_is_told(policy, monkeypatch):
    [closed] = free_ports(1)
    monkeypatch.setattr(mta_sts, "PORT", closed)

    assert policy() == ("differs", "no answer", "127.0.0.1")
