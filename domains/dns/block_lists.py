"""Whether lists of senders of spam (RFC 5782) name an address of this mail server. Off until BLOCK_LISTS names some."""

import ipaddress
from functools import partial

from django.conf import settings

from domains.dns.findings import DIFFERS, NOT_ASKED, OK, WRONG

LISTED = ipaddress.ip_network("127.0.0.0/8")
# With these some lists say that they do not answer whoever asks so, e.g. through a public resolver.
REFUSED = ipaddress.ip_network("127.255.255.0/24")


def checks(addresses):
    return [
        ("list", f"{_reversed(address)}.{zone}", "A", partial(listed, address=address, zone=zone))
        for address in addresses
        for zone in settings.BLOCK_LISTS
    ]


def _reversed(address):
    return (
        ipaddress.ip_address(address)
        .reverse_pointer.removesuffix(".in-addr.arpa")
        .removesuffix(".ip6.arpa")
    )


def listed(asking, host, name, made, *, address, zone):
    seen = tuple(value.address for value in asking.ask(name, "A").values)
    told = {"address": address, "list": zone}
    if not seen:
        return made((), seen, OK, "ok", told)
    answers = list(map(ipaddress.ip_address, seen))
    if any(answer in REFUSED for answer in answers):
        return made((), seen, NOT_ASKED, "refused", told)
    if not all(answer in LISTED for answer in answers):
        return made((), seen, DIFFERS, "no list", told)
    why = " ".join(asking.texts(name))[:200]
    return made((), seen, WRONG, "listed", told | {"why": why})
