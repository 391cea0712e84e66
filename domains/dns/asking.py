"""Ask the DNS, with limits of time. A resolver that fails says nothing about a record: it is then
never "missing"."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.resolver
from django.conf import settings

CHECK_SECONDS = 12  # of all questions of one check
QUESTION_SECONDS = 4
SERVER_SECONDS = 2  # then the next resolver, or the same once more
TOGETHER = 8
UDP_BYTES = 1232  # what passes everywhere; a longer answer comes by TCP


class NotAsked(Exception):
    """No resolver answered in time, or none could: nothing is known."""


class Answer(NamedTuple):
    values: tuple = ()  # of dnspython's rdata
    validated: bool = False  # by the resolver, with DNSSEC


class Asking:
    """The questions of one check, all together within ``seconds``. What was asked is not asked again."""

    def __init__(self, seconds=CHECK_SECONDS):
        self.until = monotonic() + seconds
        self.known = {}

    def ask(self, name, kind):
        """Return the Answer, an empty one where there is no such name or record. Raises NotAsked."""
        key = (name.rstrip(".").lower(), kind)
        if key not in self.known:
            self.known[key] = self._answer(*key)
        if isinstance(self.known[key], NotAsked):
            raise self.known[key]
        return self.known[key]

    def ask_ahead(self, questions):
        with ThreadPoolExecutor(TOGETHER) as pool:
            for _answer in pool.map(lambda question: self._kept(*question), questions):
                pass

    def _kept(self, name, kind):
        with suppress(NotAsked):
            self.ask(name, kind)

    def _answer(self, name, kind):
        seconds = min(QUESTION_SECONDS, self.until - monotonic())
        if seconds <= 0:
            return NotAsked()
        try:
            asked = dns.name.from_text(name)
        except (
            dns.exception.DNSException
        ):  # a label that is too long or empty: there is no such name
            return Answer()
        try:
            found = _resolver().resolve(
                asked, kind, lifetime=seconds, raise_on_no_answer=False, search=False
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.YXDOMAIN):
            return Answer()
        except (dns.exception.DNSException, OSError) as error:
            return NotAsked(str(error))
        validated = bool(found.response.flags & dns.flags.AD)
        return Answer(tuple(found.rrset or ()), validated)

    # --- As texts

    def texts(self, name):
        values = self.ask(name, "TXT").values
        return [b"".join(value.strings).decode("utf-8", "replace") for value in values]

    def addresses(self, name):
        return [value.address for kind in ("A", "AAAA") for value in self.ask(name, kind).values]


class Empty(Asking):
    """Asks nobody and finds nothing: every record that should be there is then wanted."""

    def _answer(self, name, kind):
        return Answer()


def _resolver():
    resolver = dns.resolver.Resolver(configure=not settings.DNS_RESOLVERS)
    if settings.DNS_RESOLVERS:
        servers = [address_and_port(text) for text in settings.DNS_RESOLVERS]
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*server) for server in servers]
    resolver.timeout = SERVER_SECONDS
    resolver.use_edns(0, 0, UDP_BYTES)
    resolver.flags = dns.flags.RD | dns.flags.AD  # AD: say whether it is validated
    return resolver


def address_and_port(text):
    """``("192.0.2.1", 53)`` of "192.0.2.1", "192.0.2.1:53" or "[2001:db8::1]:53"."""
    address, _bracket, rest = text.removeprefix("[").partition("]")
    if not text.startswith("["):
        address, _colon, rest = text.partition(":") if text.count(":") == 1 else (text, "", "")
    return address, int(rest.removeprefix(":") or 53)
