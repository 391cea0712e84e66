"""Wrong passwords of the last minutes, by network: in memory alone."""

import ipaddress
from itertools import count

from django.conf import settings

BITS = {
    4: 32,
    6: 64,
}  # of an address that name its network: a provider gives each customer at least a /64
MOST_NETWORKS, MOST_GUESSES = 20_000, 200


def network_of(address):
    return ipaddress.ip_network((address, BITS[address.version]), strict=False)


def is_trusted(address):
    networks = map(ipaddress.ip_network, settings.SIGN_INS_TRUSTED)
    return address.is_loopback or any(address in network for network in networks)


class Guesses:
    """A password that a program tries again and again is one guess, and of a mailbox the first one is none: the program has an old
    password, or Dovecot 2.3 found its database away."""

    def __init__(self):
        self.networks = {}  # {network: {guess: (when it was made last, is_known)}}, the last one at the end
        self._other = count()

    def add(self, network, report, is_known):
        """Return how many its network made within SIGN_INS_MINUTES. ``is_known``: a mailbox has this name."""
        made = self.networks.pop(network, {})
        since = report.at - 60 * settings.SIGN_INS_MINUTES
        made = {guess: found for guess, found in made.items() if found[0] > since}
        made[report.login, report.guess or next(self._other)] = (report.at, is_known)
        if len(made) > MOST_GUESSES + 2 * settings.SIGN_INS_FAILURES:
            made.pop(next(iter(made)))
        self.networks[network] = made
        if len(self.networks) > MOST_NETWORKS:
            self.networks.pop(next(iter(self.networks)))
        return len(made) - len({login for (login, _guess), (_at, known) in made.items() if known})

    def forget(self, network):
        self.networks.pop(network, None)
