"""How long somebody stays signed in."""

import time

from django.conf import settings
from django.contrib.auth import SESSION_KEY, login, logout


def begin(request, account):
    """Sign ``account`` in: a new session id, and nothing of whoever sat here before."""
    request.session.flush()
    login(request, account, backend=account.backend)
    request.session["begun"] = request.session["used"] = int(time.time())


class SessionLimitMiddleware:
    """End a session SESSION_MINUTES after signing in, or after SESSION_IDLE_MINUTES without a click.

    When it was used last is stored a few times an hour, not with every page.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        session = request.session
        if SESSION_KEY in session:
            now = int(time.time())
            idle = now - session.get("used", now)
            busy = now - session.get("begun", now)
            if busy >= settings.SESSION_COOKIE_AGE or idle >= settings.SESSION_IDLE_SECONDS:
                logout(request)
            elif idle >= settings.SESSION_IDLE_SECONDS / 20:
                session["used"] = now
        return self.get_response(request)
