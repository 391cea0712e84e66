"""Challenges of passkeys: what they are for, by which browser, and when they were made, signed into themselves.

Nothing is stored for them, so a stranger who asks for many fills no table. Each is taken once, for the passkey that
answers it keeps the time of the last one (``passkey_answers.take``).
"""

import hmac
import re
import secrets
import time
from urllib.parse import urlsplit

from django.conf import settings
from django.middleware.csrf import get_token
from django.utils.crypto import salted_hmac

SECONDS = 600
SIGN_IN = "sign-in"  # the only purpose that is nobody's


def showing(account):
    """For a passkey that is there already, as second factor."""
    return f"show {account.account_kind} {account.pk}"


def adding(account):
    return f"add {account.account_kind} {account.pk}"


def browser_of(request):
    """What challenges are bound to: the session, and before there is one the CSRF cookie."""
    get_token(request)
    return f"{request.session.session_key} {request.META['CSRF_COOKIE']}"


def new(purpose, browser):
    issued = int(time.time() * 1_000_000).to_bytes(8) + secrets.token_bytes(16)
    return issued + _signature(issued, purpose, browser)


def issued(challenge, purpose, browser):
    """When it was made, in microseconds; None if it was made for something or somebody else, or is too old."""
    signed, signature = challenge[:24], challenge[24:]
    if not hmac.compare_digest(signature, _signature(signed, purpose, browser)):
        return None
    made = int.from_bytes(signed[:8])
    return (
        made if abs(time.time() - made / 1_000_000) <= SECONDS else None
    )  # another node may be ahead


def _signature(signed, purpose, browser):
    text = f"{purpose}\n{browser}\n{signed.hex()}"
    return salted_hmac("challenge of a passkey", text, algorithm="sha256").digest()


def origin():
    """Where the panel is, such as https://mail.example.org: PANEL_URL, or the first name of ALLOWED_HOSTS. "" is nowhere.

    Never what a request says: whoever passes requests on could let a passkey sign for another site.
    """
    if settings.PANEL_URL:
        scheme, host = urlsplit(settings.PANEL_URL)[:2]
        return f"{scheme}://{host}".lower()
    names = [name for name in settings.ALLOWED_HOSTS if re.fullmatch(r"[a-z0-9.-]*[a-z]", name)]
    scheme = "https" if settings.SESSION_COOKIE_SECURE else "http"
    return f"{scheme}://{names[0]}" if names and not names[0].startswith(".") else ""


def site():
    """The relying party's id: the panel's host name. "" where passkeys cannot be used: an address is none."""
    name = urlsplit(origin()).hostname or ""
    return name if re.fullmatch(r"[a-z0-9.-]*[a-z]", name) else ""
