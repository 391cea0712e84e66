"""Who asks the API: the account of a token, narrowed to what the token may. An operation names the right that it needs."""

from math import ceil

from django.conf import settings
from django.utils.translation import gettext as _
from ninja.errors import Throttled
from ninja.security import HttpBearer
from ninja.throttling import SimpleRateThrottle

from accounts import tokens
from accounts.throttle import logger, network_of
from panel.api.problems import Problem
from panel.pages import client_ip
from panel.scoping import has_right

WRONG_A_MINUTE = 60  # unknown tokens from one network
ANY = ""  # whatever the token may


class PerNetwork(SimpleRateThrottle):
    """Counted in the memory of this process, for ``key`` and a network. ``policy`` is its name in the headers of the answer."""

    def __init__(self, policy, key, ip, number):
        self.policy, self.key = policy, f"api-{key}-{network_of(ip)}"
        super().__init__(f"{number}/min")

    def get_cache_key(self, request):
        return self.key

    def count(self, request):
        allowed = self.allow_request(request)
        request.rate_limit = self.headers()
        if not allowed:
            raise Throttled(wait=self.seconds())

    def seconds(self):
        """Until the oldest request does not count any more, and one more is allowed."""
        return max(1, ceil(self.history[-1] + self.duration - self.now))

    def headers(self):
        """As of draft-ietf-httpapi-ratelimit-headers-10."""
        left = self.num_requests - len(self.history)
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.num_requests};w={self.duration}',
            "RateLimit": f'"{self.policy}";r={left};t={self.seconds()}',
        }


class Token(HttpBearer):
    """Closed: a token without the ``right``, and an account that could not give it, are refused."""

    openapi_description = "An API token of an account, made on its page “API tokens”."

    def __init__(self, right):
        self.right = right
        super().__init__()

    def authenticate(self, request, token):
        return account_with(request, token, self.right)


def account_with(request, text, right):
    """The account of the token ``text``, narrowed to what both may do, also as ``request.auth``; None if it opens nothing.

    Raises Problem if it may not do what needs ``right``, and Throttled.
    """
    ip = client_ip(request)
    try:
        found = tokens.account_of(text, ip)
    except tokens.Refused as refused:
        raise Problem(403, str(refused)) from None
    if found is None:
        PerNetwork("wrong-tokens", "wrong", ip, WRONG_A_MINUTE).count(request)
        # One line for fail2ban, as of a wrong password.
        logger.warning("login failed for %r from %s", "API token", ip)
        return None
    row, account = found
    PerNetwork("token", row.pk, ip, settings.API_REQUESTS_A_MINUTE).count(request)
    account.right = right or None
    request.token, request.auth = row, account
    tokens.note_use(row, ip)
    asked = row.right_names if right == ANY else {right} & {*row.right_names}
    if not any(has_right(account, name) for name in asked):
        text = _("This token, or its account, may not do this: it needs the right %(right)s.")
        raise Problem(403, text % {"right": right or "…"})
    return account
