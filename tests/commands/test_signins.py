import json
import socket
import time
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import LogEntry
from mailboxes.models import RefusedNetwork

pytestmark = pytest.mark.django_db
NOW = int(time.time())


@pytest.fixture(autouse=True)
def refused(db):
    values = {"since": NOW, "until": NOW + 86_400, "failures": 20}
    RefusedNetwork.objects.create(pk="192.0.2.77/32", **values)
    RefusedNetwork.objects.create(pk="2001:db8::/64", **values)
    RefusedNetwork.objects.create(pk="192.0.2.1/32", **values | {"until": NOW - 1})


def signins(*arguments):
    out = StringIO()
    call_command("signins", *arguments, stdout=out)
    return out.getvalue()


def test_refused_networks_are_listed():
    lines = [line.split("\t") for line in signins().splitlines()]

    assert [(line[0], line[2]) for line in lines] == [
        ("192.0.2.77/32", "20 wrong passwords"),
        ("2001:db8::/64", "20 wrong passwords"),
    ]
    told = [json.loads(line) for line in signins("--json").splitlines()]
    assert [row["network"] for row in told] == ["192.0.2.77/32", "2001:db8::/64"]


@pytest.mark.parametrize("text", ["192.0.2.77", "192.0.2.77/32", "::ffff:192.0.2.77"])
def test_one_is_let_in_again_by_its_address_or_network(text):
    assert signins("--let-in", text) == "People sign in from 192.0.2.77/32 again within seconds.\n"

    assert not RefusedNetwork.objects.filter(pk="192.0.2.77/32").exists()
    entry = LogEntry.objects.get(action="let_in_network")
    assert (entry.username, entry.data) == ("CLI (localhost)", "192.0.2.77/32")


def test_an_ipv6_address_is_its_64():
    signins("--let-in", "2001:db8::7:1")

    assert not RefusedNetwork.objects.filter(pk="2001:db8::/64").exists()


@pytest.mark.parametrize("text", ["192.0.2.78", "nonsense", "192.0.2.0/24"])
def test_what_is_not_refused_is_told(text):
    with pytest.raises(CommandError, match="is not refused"):
        signins("--let-in", text)

    assert not LogEntry.objects.exists()


def test_without_a_place_to_listen_it_says_which_setting_there_is():
    with pytest.raises(CommandError, match="set SIGN_INS"):
        signins("--listen")


def test_where_somebody_else_listens_it_ends_with_the_reason(settings):
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings.SIGN_INS = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(CommandError, match="Address already in use"):
            signins("--listen")
