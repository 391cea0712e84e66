"""How long somebody stays signed in."""

import time

from django.conf import settings
from django.contrib.auth import SESSION_KEY, login, logout
from django.contrib.messages import get_messages

USED = "mailadmin_used"


def begin(request, account):
    """Sign ``account`` in: a new session id, and nothing of whoever sat here before."""
    forget_messages(request)
    request.session.flush()
    login(request, account, backend=account.backend)
    request.session["begun"] = int(time.time())


def forget_messages(request):
    """Drop what was to be said to whoever sat here before: its cookie outlives their session."""
    list(get_messages(request))  # what was read is not kept


class SessionLimitMiddleware:
    """End a session SESSION_MINUTES after signing in, or after SESSION_IDLE_MINUTES without a click.

    When it was used last is in a signed cookie that belongs to this session alone, made anew a
    few times an hour: a page that is only read writes nothing into the database.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        session = request.session
        if "begun" in session:
            busy = int(time.time()) - session["begun"]
            idle = not _used_within(request, settings.SESSION_IDLE_SECONDS)
            if busy >= settings.SESSION_COOKIE_AGE or idle:
                logout(request)
        response = self.get_response(request)
        if SESSION_KEY in session and not _used_within(request, settings.SESSION_IDLE_SECONDS / 20):
            response.set_signed_cookie(
                USED,
                "",
                salt=session.session_key,
                max_age=settings.SESSION_COOKIE_AGE,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite=settings.SESSION_COOKIE_SAMESITE,
            )
        return response


def _used_within(request, seconds):
    salt = request.session.session_key
    return request.get_signed_cookie(USED, None, salt=salt, max_age=seconds) is not None
