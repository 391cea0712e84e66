import threading
from types import SimpleNamespace

import pytest

from mailadmin.doctor import dovecot, sign_ins
from mailadmin.sign_ins.endpoint import Endpoint
from tests.servers.processes import free_ports


@pytest.fixture
def place(settings):
    settings.SIGN_INS = f"127.0.0.1:{free_ports(1)[0]}"
    return settings.SIGN_INS


@pytest.fixture
def store(place):
    """Of the endpoint that listens at ``place``."""
    kept = SimpleNamespace(waiting=[], says="")
    with Endpoint(place, kept) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


def asking(url, says=""):
    facts = {"version": "2.3", "policy": {"url": url, "says": says} if url else {}}
    return SimpleNamespace(part=lambda name: facts, files_anew="mailadmin mailconf DIR")


def test_an_endpoint_that_is_away(place):
    [found] = sign_ins.sign_ins_away(None)

    assert (found["place"], "refused" in found["says"]) == (place, True)


def test_one_that_is_there_and_one_that_cannot_store(store):
    assert list(sign_ins.sign_ins_away(None)) == []

    store.says = "the database is away"
    assert [found["says"] for found in sign_ins.sign_ins_away(None)] == ["the database is away"]


def test_one_with_another_secret(store, settings):
    settings.SECRET_KEY = "another" * 10

    assert [found["says"] for found in sign_ins.sign_ins_away(None)] == ["HTTP 401"]


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:4001"])
def test_a_dovecot_that_reports_nothing_or_to_another_place(place, url):
    assert list(sign_ins.sign_ins_not_reported(asking(url))) == [
        {"place": place, "command": "mailadmin mailconf DIR"}
    ]
    assert list(sign_ins.sign_ins_not_reported(asking(f"http://{place}"))) == []


def test_what_is_away_is_told_once(place):
    assert list(dovecot.auth_policy_away(asking(f"http://{place}", "refused"))) == []
    assert len(list(dovecot.auth_policy_away(asking("http://127.0.0.1:4001", "refused")))) == 1


def test_where_sign_ins_are_not_kept_nothing_is_looked_for(settings):
    settings.SIGN_INS = ""

    assert list(sign_ins.sign_ins_away(None)) == []
    assert list(sign_ins.sign_ins_not_reported(asking(""))) == []
