"""One's own sessions in this panel: the list, and ending them."""

import hashlib
import time

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.messages.storage.base import Message
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import ngettext
from django.views.generic import TemplateView

from accounts import managers, own_account
from accounts.models import PanelSession
from panel import once
from panel.pages import ActorMixin, with_status
from panel.transactions import Unavailable

SHOWN = 100


class OwnSession:
    """``name`` stands for the key, which opens the session, in pages and forms."""

    def __init__(self, row, data, current):
        self.key = row.session_key
        self.name = hashlib.sha256(self.key.encode()).hexdigest()[:32]
        self.current = self.key == current
        self.begun, self.used = data["begun"], data["used"]  # seconds since 1970
        self.ip = data.get("ip", "")
        self.browser, self.system = data.get("browser", ("", ""))


def sessions_of(account, session):
    """Those that open something, this one, ``session``, first, then as they were used last."""
    found = []
    for one in managers.accounts_of(account):
        rows = PanelSession.objects.of(one).filter(expire_date__gt=timezone.now())
        for row in rows.order_by("-expire_date", "session_key")[:SHOWN]:
            data = session.decode(row.session_data)
            if _is_open(one, data):
                found.append(OwnSession(row, data, session.session_key))
    return sorted(found, key=lambda one: (one.current, one.used), reverse=True)


def _is_open(account, data):
    shown = data.get(HASH_SESSION_KEY, "")
    if "begun" not in data or not constant_time_compare(shown, account.get_session_auth_hash()):
        return False
    now = time.time()
    return (
        now - data["begun"] < settings.SESSION_COOKIE_AGE
        and now - data["used"] < settings.SESSION_IDLE_SECONDS
    )


class OwnSessions(ActorMixin, TemplateView):
    template_name = "accounts/sessions.html"
    template_engine = "jinja2"
    http_method_names = ["get", "head", "post", "options"]

    def get_context_data(self, **kwargs):
        found = sessions_of(self.actor, self.request.session)
        return super().get_context_data(sessions=found, **kwargs)

    def post(self, request, *args, **kwargs):
        if earlier := once.earlier(request):
            return self.answer(earlier.url, earlier.told)
        key = None
        if "others" not in request.POST:
            others = [one for one in sessions_of(self.actor, request.session) if not one.current]
            found = [one.key for one in others if one.name == request.POST.get("end")]
            if not found:
                raise Http404
            key = found[0]
        try:
            url, told = once.done(request, lambda: self.end(key))
        except once.Repeated:
            url, told = reverse("own-sessions"), ()
        except Unavailable as error:
            once.tell(request, [Message(messages.ERROR, error.messages[0])])
            return with_status(self.get(request), error)
        return self.answer(url, told)

    def end(self, key):
        number = own_account.end_own_sessions(
            actor=self.actor, current=self.request.session.session_key, key=key
        )
        words = ngettext("%(n)d session ended.", "%(n)d sessions ended.", number) % {"n": number}
        return reverse("own-sessions"), [Message(messages.SUCCESS, words)]

    def answer(self, url, told):
        once.tell(self.request, told)
        return HttpResponseRedirect(url)
