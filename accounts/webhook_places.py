"""Where webhooks may lead: to hosts that a setting names, and to public addresses alone unless another setting names networks."""

import ipaddress
import re
import socket
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from panel.public_addresses import is_public

LONGEST = 1_000
# All of a URL, so no part of it is read in two ways: no login, no fragment, no backslash, no blank.
URL = re.compile(
    r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(/[!$-;=?-Z\]\[_a-z~|%]*)?",
    re.ASCII,
)
PORTS = {"https": 443, "http": 80}


class Place(NamedTuple):
    scheme: str
    host: str  # an address without brackets
    port: int
    path: str

    @property
    def is_encrypted(self):
        return self.scheme == "https"

    @property
    def name(self):
        return f"[{self.host}]" if ":" in self.host else self.host


class Refused(Exception):
    """Nothing may be sent there: the sentence says why."""


def read(url):
    """The Place of a URL. Raises ValidationError where it is none that a webhook may have."""
    found = URL.fullmatch(url) if len(url) <= LONGEST else None
    if found is None:
        raise ValidationError(
            _("Write a URL such as https://hooks.example.net/mail, of at most %(n)d characters."),
            "no_url",
            {"n": LONGEST},
        )
    scheme, host, port, path = found.groups()
    place = Place(scheme, host.strip("[]").lower(), int(port or PORTS[scheme]), path or "/")
    if not 1 <= place.port <= 65_535:
        raise ValidationError(_("There is no such port."), "no_url")
    if not place.is_encrypted and not settings.WEBHOOK_NETWORKS:
        raise ValidationError(_("Write a URL that begins with https://."), "not_encrypted")
    if not is_allowed(place):
        raise ValidationError(
            _(
                "Nothing is sent to %(host)s. Whoever runs this server says in WEBHOOK_HOSTS where webhooks may lead."
            ),
            "not_allowed",
            {"host": f"{place.name}:{place.port}"},
        )
    return place


def is_allowed(place):
    return any(_fits(entry.lower(), place) for entry in settings.WEBHOOK_HOSTS)


def _fits(entry, place):
    """``entry`` is a name, *.name for all below it, or an address, and a port if it is not https' own."""
    name, port = entry, PORTS["https"]
    found = re.fullmatch(r"(.*[^:]):([0-9]+)", entry)
    if found and not _is_bare_ipv6(entry):
        name, port = found[1], int(found[2])
    name = name.strip("[]")
    if port != place.port:
        return False
    return place.host.endswith(name[1:]) if name.startswith("*.") else place.host == name


def _is_bare_ipv6(text):
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def addresses(place):
    """The addresses that the name has now, all of which may be reached. Raises Refused, or OSError where it has none.

    Whoever connects takes one of these, and asks for the name no more: it may have another address by then.
    """
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    texts = [*dict.fromkeys(entry[4][0] for entry in found)]
    for text in texts:
        if not may_reach(text, encrypted=place.is_encrypted):
            raise Refused(
                _("%(host)s has the address %(address)s, to which nothing is sent.")
                % {"host": place.host, "address": text}
            )
    return texts


def may_reach(text, *, encrypted=True):
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if getattr(address, "scope_id", None):  # fe80::1%eth0: in a network it counts without its zone
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    networks = [ipaddress.ip_network(network) for network in settings.WEBHOOK_NETWORKS]
    if any(address in network for network in networks):
        return True
    return encrypted and is_public(address)
