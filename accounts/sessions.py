import time
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user, load_backend, login, logout, update_session_auth_hash
from django.contrib.auth.middleware import AuthenticationMiddleware, LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.contrib.messages import get_messages
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme

from panel import once

ENDED = "mailadmin_ended"  # a cookie: after how many seconds the session was ended
TOLD_SECONDS = 600
GOES_ON = "goes_on"  # in an ended session: whose it was


def begin(request, account):
    forget_messages(request)
    request.session.flush()
    login(request, account, backend=account.backend)
    request.session["begun"] = request.session["used"] = int(time.time())


def forget_messages(request):
    """Drop pending messages: their cookie outlives the session of the previous user."""
    list(get_messages(request))  # reading removes them


def end_others(request, account):
    """End all sessions of ``account``, whose password is new, except this one, which gets a new
    key.

    The old key opens nothing, but is known for a second click on the same form: see
    SignInRequiredMiddleware.
    """
    update_session_auth_hash(request, account)
    request.session.model(
        session_key=request.COOKIES[settings.SESSION_COOKIE_NAME],
        session_data=request.session.encode({GOES_ON: [account.backend, account.pk]}),
        expire_date=timezone.now() + once.KEPT,
    ).save()


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Leads people who were signed out meanwhile back to the page with their form: the address that
    a form is sent to may have no page.

    The second of two clicks on "change my password" arrives with the session key that the first one
    ended. It is recognised by all that it holds: the old key, the form's token and both passwords.
    """

    def handle_no_permission(self, request, view_func):
        backend, key = request.session.get(GOES_ON, ("", ""))
        account = load_backend(backend).get_user(key) if backend and once.earlier(request) else None
        if account is None and request.method == "POST":
            return redirect_to_login(sent_from(request))
        if account is None:
            return super().handle_no_permission(request, view_func)
        account.backend = backend
        begin(request, account)
        request.user = account
        return None


def sent_from(request):
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return request.get_full_path()
    return urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl() or "/"


class AccountMiddleware(AuthenticationMiddleware):
    """Set ``request.user`` to the account itself: each access to Django's lazy object takes ten
    times as long."""

    def process_request(self, request):
        request.user = account = get_user(request)
        language = getattr(account, "language", "")
        if language in dict(settings.LANGUAGES):  # else as LocaleMiddleware found
            translation.activate(language)
            request.LANGUAGE_CODE = language


class SessionLimitMiddleware:
    """End a session SESSION_MINUTES after signing in, or after SESSION_IDLE_MINUTES without a request.

    The time of the last request is stored at most once in a twentieth of the idle time, so most pages write nothing.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        ended = self.end_or_go_on(request) if "begun" in request.session else 0
        response = self.get_response(request)
        if ended:
            response.set_cookie(
                ENDED,
                ended,
                max_age=TOLD_SECONDS,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite=settings.SESSION_COOKIE_SAMESITE,
            )
        return response

    def end_or_go_on(self, request):
        """End the session if its time is over and return the limit in seconds that it reached; else
        return 0 and set ``request.session_left``."""
        session, now = request.session, int(time.time())
        idle, busy = now - session["used"], now - session["begun"]
        for passed, limit in (
            (busy, settings.SESSION_COOKIE_AGE),
            (idle, settings.SESSION_IDLE_SECONDS),
        ):
            if passed >= limit:
                logout(request)
                return limit
        if idle >= settings.SESSION_IDLE_SECONDS / 20:
            session["used"], idle = now, 0
        request.session_left = min(
            settings.SESSION_IDLE_SECONDS - idle, settings.SESSION_COOKIE_AGE - busy
        )
        return 0
