"""From a mailbox to the pages of its domain, for a user who manages it, and back: each is a session of its own (accounts/sessions.py)."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import View

from accounts import factors, sessions, sign_ins
from accounts.second_step import CodePage
from accounts.views import hide_passwords
from mailboxes.own import OwnPages
from panel import once, tasks
from panel.pages import ActorMixin, client_ip


class ToManager(OwnPages):
    """A page of a mailbox user who manages the domain: ``manager`` is the administrator."""

    http_method_names = ["post", "options"]

    def dispatch(self, request, *args, **kwargs):
        if again := self.answer_again():
            return again
        self.manager = self.actor.is_mailbox_user and sessions.manager_for(self.actor)
        if not self.manager:
            raise Http404
        try:
            sessions.refuse_way(request.session, self.manager)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return HttpResponseRedirect(reverse("account"))
        return super().dispatch(request, *args, **kwargs)

    def answer_again(self):
        """To the second of two clicks, whose session has ended by the first."""
        earlier = once.earlier(self.request)
        return earlier and HttpResponseRedirect(reverse("dashboard"))

    def is_spared(self):
        """Whether the administrator, too, is asked for no second factor at this address."""
        return factors.is_spared(self.manager, client_ip(self.request))

    def switch(self, mailbox, **marks):
        request, manager = self.request, self.manager
        marks = sessions.marks_of(request.session) | marks
        sessions.switch(request, manager, **marks, by_mailbox=sessions.mark_of(mailbox))
        if task := tasks.unfinished(manager):
            request.session[tasks.IN_SESSION] = task
        sign_ins.record(manager, client_ip(request))
        return HttpResponseRedirect(reverse("dashboard"))


class Manage(ToManager, View):
    def post(self, request, *args, **kwargs):
        session = request.session
        elsewhere = sessions.ASKED_ELSEWHERE in session
        if not elsewhere and factors.is_missing(self.manager) and not self.is_spared():
            text = _("Whoever manages a domain here needs a second factor. Set one up first.")
            messages.warning(request, text)
            query = urlencode({"next": reverse("account")})
            return HttpResponseRedirect(f"{reverse('own-factor-setup')}?{query}")
        spared = sessions.SPARED_AT in session
        if spared and factors.is_on(self.manager) and not self.is_spared():
            return HttpResponseRedirect(reverse("own-manage-code"))
        try:
            once.done(request, lambda: (reverse("dashboard"), ()))
        except once.Repeated:
            return self.answer_again()
        return self.switch(self.actor)


@method_decorator(never_cache, name="dispatch")
@hide_passwords
class ManageCode(ToManager, CodePage):
    """Where none was asked for at the mailbox's sign-in: that is for mailboxes at this address, and not for administrators."""

    http_method_names = CodePage.http_method_names
    page = "own-manage-code"

    def dispatch(self, request, *args, **kwargs):
        self.awaited = self.actor
        return super().dispatch(request, *args, **kwargs)

    def get(self, request, *args, **kwargs):
        if not factors.is_on(self.actor):
            return HttpResponseRedirect(self.first_step())
        return super().get(request, *args, **kwargs)

    def first_step(self):
        return reverse("account")

    def go_on(self, account):
        return self.switch(account, spared=False)


class ToMailbox(ActorMixin, View):
    http_method_names = ["post", "options"]

    def dispatch(self, request, *args, **kwargs):
        if once.earlier(request):  # the second of two clicks
            return HttpResponseRedirect(reverse("account"))
        if self.actor.has_own_sign_in:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        mailbox, ip = self.actor.signed_in_by, client_ip(request)
        marks = sessions.marks_of(request.session)
        if marks["spared"] and factors.is_on(mailbox) and not factors.is_spared(mailbox, ip):
            by = {name: marks[name] for name in ("remote_user", "by_provider")}
            sessions.await_second_step(request, mailbox, **by, begun=request.session["begun"])
            return HttpResponseRedirect(reverse("second-step"))
        try:
            once.done(request, lambda: (reverse("account"), ()))
        except once.Repeated:
            return HttpResponseRedirect(reverse("account"))
        sessions.switch(request, mailbox, **marks)
        sign_ins.record(mailbox, ip)
        return HttpResponseRedirect(reverse("account"))
