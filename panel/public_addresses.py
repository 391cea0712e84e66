"""Which network addresses belong to the public Internet, so that a server may be connected to whose name somebody wrote."""

import ipaddress

# An IPv6 address in it stands for the IPv4 address of its last 32 bits (RFC 6052).
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What Pythons that we run on take for public: NAT64 within one network, Teredo, 6to4, documentation, former site-local addresses.
NOT_PUBLIC = [
    ipaddress.ip_network(text)
    for text in ("64:ff9b:1::/48", "2001::/32", "2002::/16", "3fff::/20", "fec0::/10")
]


def is_public(text):
    """Whether ``text``, or an address of ipaddress, is one. False for what is no address, or has a zone, such as fe80::1%eth0. A tunnel's address is none, wherever it leads: nobody needs it."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return _is_public(address)


def _is_public(address):
    if address.version == 6:
        if address.scope_id:
            return False
        if within := _ipv4_within(address):
            return _is_public(within)
        if any(address in network for network in NOT_PUBLIC):
            return False
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )


def _ipv4_within(address):
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped
