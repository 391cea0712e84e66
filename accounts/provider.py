"""Sign-in by an identity provider: OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636), by discovery.

What is to be remembered between the two pages (state, nonce, code verifier) is in a signed cookie, so a stranger's click
stores nothing here.
"""

import logging
from functools import cache
from threading import BoundedSemaphore

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from joserfc.errors import JoseError
from requests import RequestException

from accounts.identity import account_named
from accounts.throttle import place_in

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5  # for each answer of the provider: the page waits for it
ASKED_AT_ONCE = 2  # the other threads go on serving those who are signed in
_asking = BoundedSemaphore(ASKED_AT_ONCE)
FACTORS = {"mfa", "hwk", "otp", "swk", "fpt", "face"}  # RFC 8176: more than a password


def begin(come_back):
    """The provider's address to send somebody to, and what to remember until they come back to the address ``come_back``."""
    begun = _ask(lambda: _client().create_authorization_url(come_back))
    return begun.pop("url"), begun | {"come_back": come_back}


def finish(answer, begun):
    """The claims of whoever came back with ``answer``, a dict of the query, after ``begun``. Raises ``provider``."""
    if answer.get("state") != begun["state"] or not answer.get("code"):
        # The provider's own words ("access_denied") are for its log: anybody can make a link with others.
        raise _failed()
    return _ask(lambda: _claims(answer["code"], begun))


def account_of(claims):
    """The account whose address the provider has verified. Raises ``provider`` or ``invalid_login``."""
    address = claims.get("email")
    if not isinstance(address, str) or not address:
        raise ValidationError(_("%(provider)s tells no address of yours."), "provider", _named())
    if claims.get("email_verified") is not True and not settings.OIDC_TRUSTS_ADDRESSES:
        raise ValidationError(
            _("%(provider)s has not verified your address."), "provider", _named()
        )
    return account_named(address, settings.OIDC_ROLES)


def has_asked_for_factor(claims):
    methods = claims.get("amr")
    told = isinstance(methods, list) and not FACTORS.isdisjoint(map(str, methods))
    return told or settings.OIDC_SECOND_FACTOR


@cache
def _client():
    """Keeps what discovery and the provider's keys say as long as the process runs; an unknown key is looked up anew."""
    issuer = settings.OIDC_ISSUER.rstrip("/")
    return OAuth().register(
        "provider",
        client_id=settings.OIDC_CLIENT_ID,
        client_secret=settings.OIDC_CLIENT_SECRET,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email",
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_SECONDS,
        },
    )


def _claims(code, begun):
    client = _client()
    token = client.fetch_access_token(
        begun["come_back"], code=code, code_verifier=begun["code_verifier"]
    )
    # Discovery 1.0, 4.3: else another issuer's keys would be taken for this one's.
    if client.server_metadata["issuer"].rstrip("/") != settings.OIDC_ISSUER.rstrip("/"):
        raise ValueError(f"the issuer calls itself {client.server_metadata['issuer']!r}")
    claims = client.parse_id_token(token, begun["nonce"])
    if claims is None:
        raise ValueError("no id_token")
    return claims if "email" in claims else {**_user_info(client, token, claims), **claims}


def _user_info(client, token, claims):
    """What a provider tells beside the token. Core 1.0, 5.3.2: about the same subject, or it does not count."""
    if "userinfo_endpoint" not in client.server_metadata:
        return {}
    told = client.userinfo(token=token)
    return told if told.get("sub") == claims["sub"] else {}


def _ask(question):
    busy = _("Too many are signing in at the moment. Try again in a few seconds.")
    try:
        with place_in(_asking, busy):
            return question()
    except (
        *(AuthlibBaseError, JoseError, RequestException),
        *(KeyError, TypeError, ValueError, RuntimeError),
    ) as error:
        logger.error("Sign-in by %s failed: %s", settings.OIDC_ISSUER, error)
        raise _failed() from error


def _failed():
    return ValidationError(
        _("Signing in with %(provider)s did not work. Try again."), "provider", _named()
    )


def _named():
    return {"provider": settings.OIDC_NAME}
