"""Slow down guessing, without letting a stranger lock an account.

Failures are counted for each pair of login name and client network and, with ten times the
limit, for each client network. So a stranger who guesses an administrator's password from
elsewhere is stopped, and the administrator at their own desk is not.
"""

import ipaddress
import logging
from contextlib import contextmanager
from datetime import timedelta
from threading import BoundedSemaphore

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import LoginAttempt
from panel.addresses import lookup_key
from panel.transactions import in_transaction

logger = logging.getLogger(__name__)

NETWORK_FACTOR = 10
# Passwords that this process verifies at once. Its other threads (deploy/gunicorn.conf.py has four) go on
# serving those who are signed in, however many passwords are tried from however many networks.
VERIFIED_AT_ONCE = 2
_verifying = BoundedSemaphore(VERIFIED_AT_ONCE)


def guarded(verify, username, ip):
    """Call ``verify()``, which tells whether a password is right, and count a wrong one.

    Raises ValidationError without calling it: ``throttled`` while this client must wait, ``busy`` while
    VERIFIED_AT_ONCE others are verified.
    """
    if is_blocked(username, ip):
        raise _wait(
            ngettext(
                "Too many wrong passwords from your network. Wait %(minutes)d minute, then try again.",
                "Too many wrong passwords from your network. Wait %(minutes)d minutes, then try again.",
                settings.LOGIN_PAUSE_MINUTES,
            )
        )
    busy = _("Too many passwords are being checked at the moment. Try again in a few seconds.")
    with place_in(_verifying, busy):
        right = verify()
    if right:
        reset(username, ip)
    else:
        record_failure(username, ip)
        # One line for fail2ban; %r keeps a line break in the name from making another.
        logger.warning("login failed for %r from %s", username[:255], ip)
    return right


@contextmanager
def place_in(places, refusal):
    """Hold one of the ``places``, a semaphore, inside; raises ``busy`` with the words ``refusal`` if none is free."""
    if not places.acquire(blocking=False):
        raise ValidationError(refusal, "busy")
    try:
        yield
    finally:
        places.release()


def _wait(words):
    return ValidationError(words, "throttled", {"minutes": settings.LOGIN_PAUSE_MINUTES})


def refuse_codes(account, ip):
    """Raise ``throttled`` after too many wrong codes of a second factor, which a right password does not forgive."""
    if is_blocked(account.pk, ip, account.account_kind):
        raise _wait(
            ngettext(
                "Too many wrong codes. Wait %(minutes)d minute, then try again.",
                "Too many wrong codes. Wait %(minutes)d minutes, then try again.",
                settings.LOGIN_PAUSE_MINUTES,
            )
        )


def record_wrong_code(account, ip):
    record_failure(account.pk, ip, account.account_kind)
    logger.warning("login failed for %r from %s", account.pk, ip)


def wrong_codes(account, ip):
    """How many of late: from this network, and from all."""
    here, _network, anywhere = _allowances(account.pk, ip, account.account_kind)
    found = LoginAttempt.objects.filter(source__in=[here, anywhere])
    counts = dict(found.values_list("source", "failures"))
    return counts.get(here, 0), counts.get(anywhere, 0)


def forgive_codes(account, ip):
    reset(account.pk, ip, account.account_kind)


def address_of(ip):
    """As IPv4 where it is one within IPv6; None for no address."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def network_of(ip):
    address = address_of(ip)
    if address is None:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _allowances(username, ip, codes_of=""):
    """How often each may fail; the first is forgotten after a right one.

    ``codes_of`` is the kind of the account whose codes are counted: a mailbox and an administrator may have one name.
    Codes are asked of whoever has the password: so an account is closed to guesses from many networks, too, and
    no stranger can close it.
    """
    network, name = network_of(ip), lookup_key(username)
    wide = settings.LOGIN_FAILURES * NETWORK_FACTOR
    if codes_of:
        # They begin as no network does: nobody writes them by typing such a login name.
        pair, alone = f"code {codes_of} {network} {name}", f"codes {codes_of} {name}"
        return {pair[:255]: settings.LOGIN_FAILURES, network: wide, alone[:255]: wide}
    return {f"{network} {name}"[:255]: settings.LOGIN_FAILURES, network: wide}


def count_request(ip):
    """Count a link that was asked for from a network. Raises ``throttled`` instead after as many as wrong passwords from one."""
    source, most = f"link {network_of(ip)}", settings.LOGIN_FAILURES * NETWORK_FACTOR
    asked = LoginAttempt.objects.filter(
        source=source, since__gt=_window_start(), failures__gte=most
    )
    if asked.exists():
        raise _wait(
            ngettext(
                "Too many links were asked for from your network. Wait %(minutes)d minute, then try again.",
                "Too many links were asked for from your network. Wait %(minutes)d minutes, then try again.",
                settings.LOGIN_PAUSE_MINUTES,
            )
        )
    _count([source])


def _window_start():
    return timezone.now() - timedelta(minutes=settings.LOGIN_PAUSE_MINUTES)


def is_blocked(username, ip, codes_of=""):
    allowances = _allowances(username, ip, codes_of)
    attempts = LoginAttempt.objects.filter(source__in=allowances, since__gt=_window_start())
    return any(attempt.failures >= allowances[attempt.source] for attempt in attempts)


@in_transaction
def record_failure(username, ip, codes_of=""):
    _count(sorted(_allowances(username, ip, codes_of)))


@in_transaction
def _count(sources):
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


def failures(username, ip):
    source = next(iter(_allowances(username, ip)))
    found = LoginAttempt.objects.filter(source=source).values_list("failures", flat=True)
    return found.first() or 0


def reset(username, ip, codes_of=""):
    source = next(iter(_allowances(username, ip, codes_of)))
    LoginAttempt.objects.filter(source=source).delete()
