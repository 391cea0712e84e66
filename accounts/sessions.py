import time
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user,
    load_backend,
    login,
    logout,
    update_session_auth_hash,
)
from django.contrib.auth.middleware import AuthenticationMiddleware, LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from accounts import browsers, factors, managers
from accounts.backends import BACKENDS, active_account
from accounts.identity import must_set_password, refuse_password, remote_user, role_of
from accounts.models import Admin
from panel import once
from panel.pages import client_ip

ENDED = "mailadmin_ended"  # a cookie: after how many seconds the session was ended
TOLD_SECONDS = 600
GOES_ON = "goes_on_as"  # in an ended session: whose it was, since when, and its marks
PENDING = "second_step"  # in a session that opens nothing: whose password was right, and when
PENDING_SECONDS = 600
BEGUN_BEFORE = "begun_before"  # in such a session: when the one began that goes on by it
ASKED_ELSEWHERE = "factor_asked_elsewhere"  # by the identity provider, or the proxy
REMOTE_USER = "remote_user"  # who it is to the proxy
BY_PROVIDER = "by_provider"  # the identity provider said who it is
BY_MAILBOX = (
    "by_mailbox"  # of an administrator without another sign-in: the mailbox's name and session hash
)
SPARED_AT = "spared_at"  # the address from which no second factor was asked
MARKS = (SPARED_AT, ASKED_ELSEWHERE, REMOTE_USER, BY_PROVIDER, BY_MAILBOX)
# What somebody may open who has no second factor and must have one.
TO_SET_UP = {"own-factor-setup", "own-passkey-add", "logout", "preferences", "session-left"}
# And who must set another password.
TO_SET_PASSWORD = {"password-due", "logout", "preferences", "session-left"}


def begin(
    request,
    account,
    *,
    spared=False,
    asked_elsewhere=False,
    remote_user=None,
    by_provider=False,
    by_mailbox=None,
    begun=None,
):
    forget_messages(request)
    request.session.flush()
    login(request, account, backend=account.backend)
    request.session["begun"] = request.session["used"] = int(time.time())
    if begun:
        request.session["begun"] = begun
    # For the list of one's own sessions.
    request.session["kind"], request.session["ip"] = account.account_kind, client_ip(request)
    request.session["browser"] = browsers.named(request.headers.get("User-Agent", ""))
    if spared:
        request.session[SPARED_AT] = client_ip(request)
    if asked_elsewhere:
        request.session[ASKED_ELSEWHERE] = True
    if remote_user:
        request.session[REMOTE_USER] = remote_user
    if by_provider:
        request.session[BY_PROVIDER] = True
    if by_mailbox:
        request.session[BY_MAILBOX] = by_mailbox


def marks_of(session):
    """How the session began, for another one that goes on from it."""
    return {
        "spared": SPARED_AT in session,
        "asked_elsewhere": ASKED_ELSEWHERE in session,
        "remote_user": session.get(REMOTE_USER),
        "by_provider": BY_PROVIDER in session,
        "begun": session.get(BEGUN_BEFORE),
    }


def await_second_step(request, account, *, remote_user=None, by_provider=False, begun=None):
    """Begin a session, under a key of its own, that is nobody's yet: the password was right, and a code is asked for.

    ``begun``: when the session began that goes on after the code.
    """
    forget_messages(request)
    request.session.flush()
    whose = [account.backend, account.pk, account.get_session_auth_hash()]
    request.session[PENDING] = [*whose, int(time.time())]
    if begun:
        request.session[BEGUN_BEFORE] = begun
    if remote_user:
        request.session[REMOTE_USER] = remote_user
    if by_provider:
        request.session[BY_PROVIDER] = True


def awaiting(request):
    """The account whose password this session has shown, in the last PENDING_SECONDS; or None."""
    backend, key, shown, at = request.session.get(PENDING, ("", "", "", 0))
    if not backend or time.time() - at > PENDING_SECONDS:
        return None
    return _still(backend, key, shown)


def _still(backend, key, shown):
    """The account, unless it is off, or has another password or second factor than ``shown``, now."""
    account = load_backend(backend).get_user(key)
    if account is None or not constant_time_compare(shown, account.get_session_auth_hash()):
        return None
    account.backend = backend
    return account


def begin_after(request, account):
    """Let a session go on as that of ``account``, under a new key, after its second step.

    Of two clicks, the second comes with the old key, as after ``end_others``.
    """
    old_key = request.session.session_key
    begin(request, account, **marks_of(request.session))
    _leave_behind(request, account, old_key)


def switch(request, account, **marks):
    """Go on as ``account``, of the same person, under a new key. The session ends when the former one would have ended."""
    old_key, begun = request.session.session_key, request.session["begun"]
    begin(request, account, **marks | {"begun": begun})
    _leave_behind(request, account, old_key)


def refuse_way(session, manager):
    """Raise where whoever opened the mailbox's session may not open administrators': a password, the identity provider, or the proxy."""
    if REMOTE_USER in session:
        roles = settings.REMOTE_USER_ROLES
    elif BY_PROVIDER in session:
        roles = settings.OIDC_ROLES
    else:
        refuse_password(manager)
        return
    if role_of(manager) not in roles:
        raise ValidationError(
            _(
                "Administrators do not sign in this way here. Sign out, and sign in to the mailbox with its password."
            ),
            "not_this_way",
        )


def _leave_behind(request, account, old_key):
    session = request.session
    whose = [account.backend, account.pk, account.get_session_auth_hash()]
    marks = [session.get(mark) for mark in MARKS]
    left = [*whose, session.get("begun", int(time.time())), *marks]
    session.model(
        session_key=old_key,
        session_data=session.encode({GOES_ON: left}),
        expire_date=timezone.now() + once.KEPT,
    ).save()


def go_on(request):
    """Begin the session anew that ended under this key by the same form, sent a moment ago; return its account, or None."""
    left = request.session.get(GOES_ON, ("", "", "", 0, None))
    backend, key, shown, begun, spared_at, *more = left
    # A release before kept fewer.
    asked_elsewhere, name, by_provider, by_mailbox = [*more, *[None] * 4][:4]
    if not backend or not once.earlier(request) or spared_at not in {None, client_ip(request)}:
        return None
    if name and name != remote_user(request):
        return None
    account = _by_mailbox(key, shown, by_mailbox) if by_mailbox else _still(backend, key, shown)
    if account is not None:
        marks = {"asked_elsewhere": asked_elsewhere, "remote_user": name}
        marks |= {"by_provider": by_provider, "by_mailbox": by_mailbox}
        begin(request, account, spared=spared_at is not None, **marks)
        request.session["begun"] = begun
    return account


def forget_messages(request):
    """Drop pending messages: their cookie outlives the session of the previous user."""
    list(get_messages(request))  # reading removes them


def end_others(request, account):
    """End all sessions of ``account``, whose password or second factor changed, except this one, which gets
    a new key.

    The old key opens nothing, but is known for a second click on the same form: see
    SignInRequiredMiddleware.
    """
    update_session_auth_hash(request, account)
    managers.sessions_of(account).exclude(pk=request.session.session_key).delete()
    _leave_behind(request, account, request.COOKIES[settings.SESSION_COOKIE_NAME])


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Leads people who were signed out meanwhile back to the page with their form: the address that
    a form is sent to may have no page.

    The second of two clicks on "change my password" arrives with the session key that the first one
    ended. It is recognised by all that it holds: the old key, the form's token and both passwords.
    """

    def process_view(self, request, view_func, view_args, view_kwargs):
        if request.user.is_authenticated and getattr(view_func, "login_required", True):
            refused = self.without_second_factor(request) or self.without_password(request)
            if refused is not None:
                return refused
        return super().process_view(request, view_func, view_args, view_kwargs)

    def without_password(self, request):
        """Where somebody is led who must set another password, and then a second factor if need be; or None."""
        here = request.resolver_match.url_name
        if not must_set_password(request.user) or here in TO_SET_PASSWORD:
            return None
        return HttpResponseRedirect(reverse("password-due"))

    def without_second_factor(self, request):
        """Where somebody is led whose session must not go on as it is, or None. Asks nothing of most accounts.

        Who has none and must have one sets one up; who was asked for none at an address signs in anew at another, and
        where it is no exception any more.
        """
        account, session = request.user, request.session
        spared_at = session.get(SPARED_AT)
        if ASKED_ELSEWHERE in session:
            return None
        if spared_at is None and (factors.is_on(account) or not factors.required_from(account)):
            return None
        missing = factors.is_missing(account)
        if not missing and not factors.is_on(account):
            return None
        if factors.is_spared(account, ip := client_ip(request)):
            if spared_at != ip:
                session[SPARED_AT] = ip
            return None
        if spared_at is not None or not account.has_own_sign_in:  # who sets it up for the mailbox
            back = sent_from(request) if request.method == "POST" else request.get_full_path()
            logout(request)
            return redirect_to_login(back)
        if must_set_password(account) or request.resolver_match.url_name in TO_SET_UP:
            return None
        return HttpResponseRedirect(reverse("own-factor-setup"))

    def handle_no_permission(self, request, view_func):
        account = go_on(request)
        if account is None and request.method == "POST":
            return redirect_to_login(sent_from(request))
        if account is None:
            return super().handle_no_permission(request, view_func)
        request.user = account
        return None


def sent_from(request):
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(
        page, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return request.get_full_path()
    return urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl() or "/"


def _administrator(session):
    """The administrator who was read with the session, if it is theirs and in order. All else is Django's to decide: None."""
    whose = session.get(SESSION_KEY), session.get(BACKEND_SESSION_KEY)
    admin, shown = session.admin, session.get(HASH_SESSION_KEY, "")
    if admin is None or not admin.active or whose != (admin.pk, BACKENDS["admin"]):
        return None
    if not admin.has_own_sign_in and not _is_signed_in(admin, session.get(BY_MAILBOX)):
        return None
    return admin if constant_time_compare(shown, admin.get_session_auth_hash()) else None


def _is_signed_in(admin, mark):
    """Whether the mailbox with which the session began may still sign in, with the same password and second factor, and manages its domain."""
    name, shown = mark or ("", "")
    mailbox = active_account("mailbox", name) if name and name == admin.mailbox else None
    if mailbox is None or mailbox.domain_id not in admin.domain_names:
        return False
    admin.signed_in_by = mailbox
    same = constant_time_compare(shown, mailbox.get_session_auth_hash())
    return same and not must_set_password(mailbox)


def _by_mailbox(key, shown, mark):
    """As ``_still``, of an administrator who signs in with a mailbox: no backend has those."""
    admin = Admin.objects.filter(pk=key, active=True).exclude(mailbox=None).first()
    if admin is None or not constant_time_compare(shown, admin.get_session_auth_hash()):
        return None
    admin.backend = BACKENDS["admin"]
    return admin if _is_signed_in(admin, mark) else None


def manager_for(mailbox):
    """The administrator that the user of ``mailbox``, an account that is signed in, can go on as; or None."""
    admin = Admin.objects.filter(mailbox=mailbox.pk, active=True).first()
    if admin is None or not _is_signed_in(admin, mark_of(mailbox)):
        return None
    admin.backend = BACKENDS["admin"]
    return admin


def mark_of(mailbox):
    return [mailbox.pk, mailbox.get_session_auth_hash()]


class AccountMiddleware(AuthenticationMiddleware):
    # Each access to Django's lazy object takes ten times as long as one to the account itself.
    def process_request(self, request):
        request.user = account = _administrator(request.session) or get_user(request)
        if not account.is_authenticated and BY_MAILBOX in request.session:
            logout(request)  # for good: the mailbox may be allowed again
        if (
            settings.REMOTE_USER
            and request.session.get(REMOTE_USER, name := remote_user(request)) != name
        ):
            logout(request)  # the proxy let somebody else through
            account = request.user
        language = getattr(account, "language", "")
        if language in dict(settings.LANGUAGES):  # else as LocaleMiddleware found
            translation.activate(language)
            request.LANGUAGE_CODE = language
        if getattr(account, "time_zone", ""):
            timezone.activate(account.zone)
        else:  # the thread may have shown somebody else's before
            timezone.deactivate()


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
            session["used"], session["ip"], idle = now, client_ip(request), 0
        request.session_left = min(
            settings.SESSION_IDLE_SECONDS - idle, settings.SESSION_COOKIE_AGE - busy
        )
        return 0
