"""What Dovecot's auth policy says of one sign-in: JSON with the attributes of `auth_policy_request_attributes` (deploy/dovecot), and its result."""

import ipaddress
import json
import re
import time
from typing import NamedTuple

LONGEST = 4096  # bytes of a request
WORD = re.compile(r"[a-z0-9-]{1,20}")
NUMBER = re.compile(r"[0-9]{1,18}")
REFUSED = "policy"  # Dovecot's word (2.4) for a sign-in that our answer refused
# No wrong password: 2.3 has no words, and reports as failed what fails while the database is away.
NO_GUESS = {REFUSED, "internal", "disabled", "expired"}


class Report(NamedTuple):
    """``from_here``: the client is this machine, as a webmail is. ``guess``: twelve bits of a hash of the password, never stored; "" where they are not told."""

    login: str
    protocol: str
    address: str
    success: bool
    reason: str
    app_password: int
    guess: str
    at: int
    from_here: bool = False


def read(body, now=None):
    """Return the Report, or None of what is none: another program's, or of `doveadm auth test`, which has no client."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    address, protocol = address_of(told.get("remote")), _matching(WORD, told.get("protocol"))
    login = told.get("login")
    if not (address and protocol and isinstance(login, str) and login):
        return None
    success, reason = told.get("success") is True, _matching(WORD, told.get("fail_type"))
    if told.get("policy_reject") is True:
        reason = REFUSED
    return Report(
        login=login.lower()[:255],
        protocol=protocol,
        address=str(address),
        success=success,
        reason="" if success else reason,
        app_password=int(_matching(NUMBER, str(told.get("app") or "")) or 0) if success else 0,
        guess=str(told.get("pwhash") or "")[:8],
        at=int(time.time() if now is None else now),
        from_here=_is_from_here(address, told),
    )


def asked_address(body):
    """The client's address in a question whether it may sign in; None if there is none, or it is this machine's."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None
    address = address_of(asked.get("remote")) if isinstance(asked, dict) else None
    return None if address is None or _is_from_here(address, asked) else address


def _is_from_here(address, told):
    return address.is_loopback or address == address_of(told.get("local"))


def address_of(text):
    if not isinstance(text, str):
        return None
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _matching(pattern, text):
    return text if isinstance(text, str) and pattern.fullmatch(text) else ""
