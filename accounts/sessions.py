"""How long somebody stays signed in."""

import time

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.messages import get_messages
from django.utils.crypto import get_random_string

USED = "mailadmin_used"


def begin(request, account):
    """Sign ``account`` in: a new session id, and nothing of whoever sat here before."""
    forget_messages(request)
    request.session.flush()
    login(request, account, backend=account.backend)
    request.session["begun"] = int(time.time())
    # A new password gives the session a new key; what another tab is answered then must go on to count.
    request.session[USED] = get_random_string(22)


def forget_messages(request):
    """Drop what was to be said to whoever sat here before: its cookie outlives their session."""
    list(get_messages(request))  # what was read is not kept


class SessionLimitMiddleware:
    """End a session SESSION_MINUTES after signing in, or after SESSION_IDLE_MINUTES without a click.

    When it was used last is in a signed cookie that belongs to this session alone, made anew after a
    twentieth of that time: a page that is only read writes nothing into the database.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        session = request.session
        if USED in session:
            busy = int(time.time()) - session["begun"]
            idle = not _used_within(request, settings.SESSION_IDLE_SECONDS)
            if busy >= settings.SESSION_COOKIE_AGE or idle:
                logout(request)
        response = self.get_response(request)
        if USED in session and not _used_within(request, settings.SESSION_IDLE_SECONDS / 20):
            response.set_signed_cookie(
                USED,
                "",
                salt=session[USED],
                max_age=settings.SESSION_COOKIE_AGE,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite=settings.SESSION_COOKIE_SAMESITE,
            )
        return response


def _used_within(request, seconds):
    salt = request.session[USED]
    return request.get_signed_cookie(USED, None, salt=salt, max_age=seconds) is not None
