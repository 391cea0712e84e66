"""Slow down guessing, without letting an outsider lock anybody out.

Failures are counted per source: per pair of login name and client network, and (with ten times
the allowance) per client network. A stranger who guesses an administrator's password from
elsewhere is stopped; the administrator at their own desk is not.
"""

import ipaddress
from datetime import timedelta
from time import monotonic, sleep

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.models import LoginAttempt
from accounts.names import login_name
from panel.transactions import in_transaction

NETWORK_FACTOR = 10
ANSWER_SECONDS = 1  # covers two bcrypt hashes of cost 12


def network_of(ip):
    """Return the network that counts as one client: an IPv4 address, an IPv6 /64."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return "unknown"
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped:
        return str(mapped)
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _allowances(username, ip):
    network = network_of(ip)
    return {
        f"{network} {login_name(username)}"[:255]: settings.LOGIN_FAILURES,
        network: settings.LOGIN_FAILURES * NETWORK_FACTOR,
    }


def _window_start():
    return timezone.now() - timedelta(minutes=settings.LOGIN_PAUSE_MINUTES)


def is_blocked(username, ip):
    """Say whether this client must wait before it may try this name again."""
    allowances = _allowances(username, ip)
    attempts = LoginAttempt.objects.filter(source__in=allowances, since__gt=_window_start())
    return any(attempt.failures >= allowances[attempt.source] for attempt in attempts)


@in_transaction
def record_failure(username, ip):
    """Count one wrong password. Counters of finished windows are dropped here."""
    sources = sorted(_allowances(username, ip))
    LoginAttempt.objects.filter(since__lte=_window_start()).delete()
    # One statement for new and known sources: reading first would let two that fail at once
    # wait for each other.
    target = ["source"] if connection.features.supports_update_conflicts_with_target else None
    LoginAttempt.objects.bulk_create(
        [LoginAttempt(source=source, since=timezone.now()) for source in sources],
        update_conflicts=True,
        update_fields=["since"],
        unique_fields=target,
    )
    LoginAttempt.objects.filter(source__in=sources).update(failures=F("failures") + 1)


def forget(username, ip):
    """After a correct password: start again for this name from this client."""
    source = next(iter(_allowances(username, ip)))
    LoginAttempt.objects.filter(source=source).delete()


def even_out(began):
    """Wait until ANSWER_SECONDS after ``began``, a ``monotonic()``: what a hash costs must not tell."""
    sleep(max(0, began + ANSWER_SECONDS - monotonic()))
