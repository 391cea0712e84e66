import socket
from contextlib import closing
from time import monotonic

import pytest

from domains.dns import asking
from domains.dns.asking import Asking, NotAsked, address_and_port


@pytest.fixture
def silent(settings):
    """A resolver that takes questions and never answers; returns its socket."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.settimeout(0)
        settings.DNS_RESOLVERS = [f"127.0.0.1:{taken.getsockname()[1]}"]
        yield taken


def test_no_name_and_no_record_are_both_missing(zones):
    zones({"example.org": "@ A 192.0.2.1"})

    assert Asking().ask("example.org", "MX").values == ()
    assert Asking().ask("nothing.example.org", "MX").values == ()


def test_a_resolver_that_fails_says_nothing(zones):
    zones({"broken.example": None})

    with pytest.raises(NotAsked):
        Asking().ask("broken.example", "MX")


def test_a_resolver_that_refuses_says_nothing(zones):
    zones()

    with pytest.raises(NotAsked):
        Asking().ask("not-served.example", "MX")


def test_a_resolver_that_is_not_there_says_nothing(settings, server, monkeypatch):
    monkeypatch.setattr(asking, "QUESTION_SECONDS", 1)
    settings.DNS_RESOLVERS = [server.address]  # not started

    with pytest.raises(NotAsked):
        Asking().ask("example.org", "MX")


def test_a_silent_resolver_is_waited_for_no_longer_than_the_check_may_take(silent, monkeypatch):
    question = asking.QUESTION_SECONDS
    monkeypatch.setattr(asking, "QUESTION_SECONDS", 1)
    one = Asking()
    with pytest.raises(NotAsked):
        one.ask("a.example", "MX")
    one.until = monotonic()  # the check has taken as long as it may
    with pytest.raises(NotAsked):
        one.ask("b.example", "MX")

    sent = b"".join(datagrams(silent))
    assert (b"\x01a\x07example" in sent, b"\x01b\x07example" in sent) == (True, False)
    assert question < asking.CHECK_SECONDS < 30


def datagrams(taken):
    while True:
        try:
            yield taken.recv(4096)
        except BlockingIOError:
            return


def test_a_question_is_asked_once_in_a_check(silent, monkeypatch):
    monkeypatch.setattr(asking, "QUESTION_SECONDS", 1)
    one = Asking()
    one.ask_ahead([("a.example", "MX")])
    first = len([*datagrams(silent)])
    with pytest.raises(NotAsked):
        one.ask("A.example.", "MX")

    assert first == 1
    assert [*datagrams(silent)] == []


def test_an_answer_too_long_for_udp_is_fetched_by_tcp(zones):
    text = "\n".join(f'@ TXT "{number:03}{"x" * 200}"' for number in range(30))
    zones({"example.org": text})

    assert len(Asking().texts("example.org")) == 30


def test_a_text_in_several_strings_is_one(zones):
    zones({"example.org": '@ TXT "v=spf1 " "-all"'})

    assert Asking().texts("example.org") == ["v=spf1 -all"]


def test_an_alias_of_the_name_is_followed(zones):
    zones({"example.org": "@ A 192.0.2.1\nwww CNAME @"})

    assert Asking().addresses("www.example.org") == ["192.0.2.1"]


@pytest.mark.parametrize("name", ["a..example", f"{'a' * 64}.example", "", "é.example"])
def test_what_cannot_be_a_name_does_not_exist(name, zones):
    zones({"example": ""})

    assert Asking().ask(f"{name}.example".lstrip("."), "A").values == ()


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_a_server_is_an_address_with_or_without_a_port(text, server):
    assert address_and_port(text) == server
