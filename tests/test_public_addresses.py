"""Which addresses may be connected to, whoever wrote the name: one answer for webhooks, fetched mail and MTA-STS policies."""

import pytest

from accounts.webhook_places import may_reach
from domains.dns import mta_sts
from mailboxes.remote_sessions import may_connect
from panel.public_addresses import is_public

PUBLIC = [
    "8.8.8.8",
    "9.9.9.9",
    "2606:4700::1",
    "2620:fe::fe",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]
NOT_PUBLIC = [
    # IPv4: this machine and network, private, shared, link-local, protocols, documentation, measuring, multicast, reserved
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.9.9.9",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.7",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    # IPv6 of the same kinds
    "::",
    "::1",
    "100::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "3fff::1",
    # IPv6 that stands for IPv4, or leads to it
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2001:0:7f00:1::",
    "2001:0:808:808::f5ff:fffe",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_connected_to(address):
    assert (is_public(address), may_reach(address), may_connect(address)) == (True, True, True)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_another_is_not(address):
    assert (is_public(address), may_reach(address), may_connect(address)) == (False, False, False)


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0x7f.1", "127.1", "010.0.0.1"])
def test_what_is_no_address_is_not(text):
    assert (is_public(text), may_reach(text), may_connect(text)) == (False, False, False)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_policy_is_not_asked_there(address):
    with pytest.raises(mta_sts.NotFetched) as error:
        mta_sts.fetch("mta-sts.example.org", [address])

    assert (error.value.reason, error.value.said) == ("not public", address)


def test_a_network_that_the_settings_name_is_connected_to(settings):
    settings.WEBHOOK_NETWORKS = settings.FETCHMAIL_NETWORKS = ["10.1.0.0/16", "fd12::/64"]

    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::7"):
        assert (may_reach(address), may_connect(address)) == (True, True)
    for address in ("10.2.0.1", "64:ff9b::10.1.2.3", "2002:a01:203::", "fd13::7"):
        assert (may_reach(address), may_connect(address)) == (False, False)


def test_an_address_with_a_zone_is_in_none_of_them(settings):
    settings.WEBHOOK_NETWORKS = settings.FETCHMAIL_NETWORKS = ["fe80::/10", "fd12::/64"]

    assert (may_reach("fe80::1"), may_connect("fe80::1")) == (True, True)
    for address in ("fe80::1%eth0", "fd12::7%1"):
        assert (may_reach(address), may_connect(address)) == (False, False)
