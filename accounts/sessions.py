import time

from django.conf import settings
from django.contrib.auth import get_user, login, logout
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages import get_messages


def begin(request, account):
    forget_messages(request)
    request.session.flush()
    login(request, account, backend=account.backend)
    request.session["begun"] = request.session["used"] = int(time.time())


def forget_messages(request):
    """Drop pending messages: their cookie outlives the session of the previous user."""
    list(get_messages(request))  # reading removes them


class AccountMiddleware(AuthenticationMiddleware):
    """Let ``request.user`` be the account itself. Django's stands for it, and each look at it takes ten times as long."""

    def process_request(self, request):
        request.user = get_user(request)


class SessionLimitMiddleware:
    """End a session SESSION_MINUTES after signing in, or after SESSION_IDLE_MINUTES without a request.

    The time of the last request is stored at most once in a twentieth of the idle time, so most pages write nothing.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        session = request.session
        if "begun" in session:
            now = int(time.time())
            idle = now - session["used"]
            busy = now - session["begun"]
            if busy >= settings.SESSION_COOKIE_AGE or idle >= settings.SESSION_IDLE_SECONDS:
                logout(request)
            elif idle >= settings.SESSION_IDLE_SECONDS / 20:
                session["used"] = now
        return self.get_response(request)
