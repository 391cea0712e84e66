"""The very address that was checked is connected to, and an encrypted receiver must be who the URL names."""

import datetime
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accounts import webhook_places, webhook_sending
from accounts.webhook_places import Place
from tests.webhooks.conftest import server_context

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def send(place):
    return webhook_sending.send(place, name="evt_1", secret=SECRET, body=b"{}")


@pytest.fixture
def names(monkeypatch):
    """``names["hooks.example.net"] = ["127.0.0.1", …]``: what each look-up finds; the last one for all that come later."""
    found, asked, real = {}, [], socket.getaddrinfo

    def fake(host, port, *args, **kwargs):
        if host not in found:
            return real(host, port, *args, **kwargs)
        asked.append(host)
        answers = found[host]
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(webhook_places.socket, "getaddrinfo", fake)
    found["asked"] = asked
    return found


def test_a_name_that_has_another_address_by_then_leads_nowhere_else(receiver, names):
    names["hooks.example.net"] = ["127.0.0.1", "127.0.0.2"]

    answer = send(Place("http", "hooks.example.net", receiver.port, "/"))

    assert answer.status == 200
    assert names["asked"] == ["hooks.example.net"]  # once: what was checked was connected to
    assert receiver.got[0][1]["Host"] == f"hooks.example.net:{receiver.port}"


def test_a_name_that_leads_into_a_private_network_gets_nothing(receiver, names, settings):
    settings.WEBHOOK_NETWORKS = []
    names["hooks.example.net"] = ["127.0.0.1"]

    for scheme in ("http", "https"):
        answer = send(Place(scheme, "hooks.example.net", receiver.port, "/"))
        assert (answer.status, "127.0.0.1" in answer.text) == (None, True)

    assert receiver.got == []


def test_no_proxy_of_the_environment_is_asked(receiver, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert send(Place("http", "127.0.0.1", receiver.port, "/")).status == 200


def test_a_name_without_an_address_is_told_as_such(settings):
    answer = send(Place("https", "no-such-name.invalid", 443, "/"))

    assert (answer.status, answer.text) == (None, "Its name has no address.")


@pytest.fixture
def encrypted(tmp_path, make_receiver, monkeypatch):
    """A receiver whose certificate is for hooks.example.net, which is trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.net")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("hooks.example.net")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(pem))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, *private))
    trusting = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    monkeypatch.setattr(webhook_sending, "tls_context", lambda: trusting)
    return make_receiver(server_context(tmp_path / "cert.pem", tmp_path / "key.pem"))


def test_an_encrypted_receiver_is_known_by_its_name(encrypted, names):
    names["hooks.example.net"] = names["other.example.net"] = ["127.0.0.1"]

    good = send(Place("https", "hooks.example.net", encrypted.port, "/x"))
    bad = send(Place("https", "other.example.net", encrypted.port, "/x"))

    assert (good.status, good.text) == (200, "")
    assert bad.status is None
    assert "certificate" in bad.text.lower()
    assert [path for path, _headers, _body in encrypted.got] == ["/x"]


def test_a_certificate_that_nobody_vouches_for_is_refused(encrypted, names, monkeypatch):
    monkeypatch.setattr(webhook_sending, "tls_context", ssl.create_default_context)
    names["hooks.example.net"] = ["127.0.0.1"]

    assert send(Place("https", "hooks.example.net", encrypted.port, "/")).status is None
    assert encrypted.got == []
