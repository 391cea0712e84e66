"""Where webhooks may lead, and where not."""

import socket

import pytest
from django.core.exceptions import ValidationError

from accounts import webhook_places
from accounts.webhook_places import Refused, addresses, may_reach, read


@pytest.fixture(autouse=True)
def allowed(settings):
    settings.WEBHOOK_HOSTS = [
        "hooks.example.net",
        "*.example.org",
        "hooks.lan:8443",
        "192.0.2.7",
        "[2001:db8::7]:8443",
        "2001:db8::8",
    ]


def code(url):
    with pytest.raises(ValidationError) as error:
        read(url)
    return error.value.code


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://hooks.example.net", ("https", "hooks.example.net", 443, "/")),
        ("https://HOOKS.example.net/Mail?a=b", ("https", "hooks.example.net", 443, "/Mail?a=b")),
        ("https://hooks.example.net:443/", ("https", "hooks.example.net", 443, "/")),
        ("https://a.b.example.org/x", ("https", "a.b.example.org", 443, "/x")),
        ("https://hooks.lan:8443/x", ("https", "hooks.lan", 8443, "/x")),
        ("https://192.0.2.7/", ("https", "192.0.2.7", 443, "/")),
        ("https://[2001:db8::7]:8443/", ("https", "2001:db8::7", 8443, "/")),
        ("https://[2001:db8::8]/", ("https", "2001:db8::8", 443, "/")),
    ],
)
def test_a_host_that_the_setting_names_is_taken(url, place):
    assert read(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://example.org/",
        "https://hooks.example.net.evil.example/",
        "https://evilexample.org/",
        "https://hooks.example.net:8443/",
        "https://hooks.lan/",
        "https://[::1]/",
        "https://127.0.0.1/",
        "https://2130706433/",
    ],
)
def test_another_is_not(url):
    assert code(url) == "not_allowed"


def test_without_the_setting_none_is(settings):
    settings.WEBHOOK_HOSTS = []

    assert code("https://hooks.example.net/") == "not_allowed"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.net",
        "ftp://hooks.example.net/",
        "file:///etc/passwd",
        "gopher://hooks.example.net/",
        "https://ann:secret@hooks.example.net/",
        "https://hooks.example.net@evil.example/",
        "https://hooks.example.net\\@evil.example/",
        "https://evil.example#hooks.example.net",
        "https://hooks.example.net/ x",
        "https://hooks.example.net/\r\nHost: evil.example",
        "https://hooks.exämple.net/",
        "https:///x",
        "https://hooks.example.net:/",
        "https://hooks.example.net:99999/",
        "https://hooks.example.net:0/",
        "https://hooks.example.net/" + "x" * 1_000,
    ],
)
def test_what_could_be_read_in_two_ways_is_no_url(url):
    assert code(url) == "no_url"


def test_plain_http_is_for_networks_that_the_setting_names(settings):
    settings.WEBHOOK_HOSTS = ["hooks.example.net:80"]
    assert code("http://hooks.example.net/") == "not_encrypted"

    settings.WEBHOOK_NETWORKS = ["10.1.0.0/16"]

    assert read("http://hooks.example.net/").port == 80
    assert may_reach("10.1.2.3", encrypted=False)
    assert not may_reach("8.8.8.8", encrypted=False)
    assert may_reach("8.8.8.8")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.7",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
    ],
)
def test_an_address_that_is_not_public_is_not_reached(address):
    assert not may_reach(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])  # fmt: skip
def test_a_public_one_is(address):
    assert may_reach(address)


def resolved(monkeypatch, *found):
    def fake(host, port, **kwargs):
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in found
        ]  # fmt: skip

    monkeypatch.setattr(webhook_places.socket, "getaddrinfo", fake)


def test_all_addresses_of_a_name_must_be_allowed(monkeypatch):
    place = read("https://hooks.example.net/")
    resolved(monkeypatch, "8.8.8.8", "2606:4700::1")
    assert addresses(place) == ["8.8.8.8", "2606:4700::1"]

    resolved(monkeypatch, "8.8.8.8", "10.0.0.1")

    with pytest.raises(Refused, match=r"10\.0\.0\.1"):
        addresses(place)


def test_a_network_that_the_setting_names_is_reached(monkeypatch, settings):
    settings.WEBHOOK_NETWORKS = ["10.1.0.0/16", "fd12::/64"]
    place = read("https://hooks.example.net/")
    resolved(monkeypatch, "10.1.2.3", "fd12::7")

    assert addresses(place) == ["10.1.2.3", "fd12::7"]
    assert not may_reach("10.2.0.1")
