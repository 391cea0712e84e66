"""The second page of signing in, after the password. Until it is done nobody is signed in."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import FormView

from accounts import challenges, factors, sessions, sign_ins, throttle
from accounts.factor_forms import CodeForm
from accounts.views import hide_passwords, let_in, place_for, refused
from panel import once
from panel.pages import client_ip, safe_next
from panel.transactions import Unavailable


class CodePage(FormView):
    """Asks for a code of ``awaited``, an account that has a second factor; then ``go_on(account)`` answers. ``page`` is the page's name."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "registration/second_step.html"
    template_engine = "jinja2"
    form_class = CodeForm
    page = None
    awaited = None

    def first_step(self):
        raise NotImplementedError

    def answer_again(self):
        """The answer to the second of two clicks; or None."""
        raise NotImplementedError

    def go_on(self, account):
        raise NotImplementedError

    def place(self, name, **query):
        if next_place := safe_next(self.request, ""):
            query["next"] = next_place
        return reverse(name) + (f"?{urlencode(query)}" if query else "")

    def get_form_kwargs(self):
        more = {"recovery": "recovery" in self.request.GET, "account": self.awaited}
        return super().get_form_kwargs() | more

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            awaited=self.awaited,
            next=safe_next(self.request, ""),
            recovery="recovery" in self.request.GET,
            with_recovery=self.place(self.page, recovery=1),
            with_app=self.place(self.page),
            first_step=self.first_step(),
            **kwargs,
        )

    def form_valid(self, form):
        self.awaited.client_ip = ip = client_ip(self.request)
        self.awaited.challenges_of = challenges.browser_of(self.request)
        try:
            throttle.refuse_codes(self.awaited, ip)
            once.done(self.request, lambda: self.use(form.cleaned_data["code"]))
        except (ValidationError, once.Repeated) as error:
            return self.answer_again() or self.refuse(form, error)
        throttle.forgive_codes(self.awaited, ip)
        account = type(self.awaited).objects.get(pk=self.awaited.pk)
        return self.go_on(account)

    def use(self, code):
        factors.use(self.awaited, code)
        return self.request.get_full_path(), ()

    def refuse(self, form, error):
        wrong = error.code in factors.COUNTED
        if wrong:
            copied = error.code == factors.COPIED
            try:
                sign_ins.count_wrong_code(self.awaited, self.awaited.client_ip, copied=copied)
            except Unavailable as not_counted:
                wrong, error = False, not_counted
        form.add_error("code" if wrong else None, error)
        return self.form_invalid(form)

    def form_invalid(self, form):
        return refused(super().form_invalid(form), form)


@method_decorator([login_not_required, never_cache], name="dispatch")
@hide_passwords
class SecondStep(CodePage):
    page = "second-step"

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            return HttpResponseRedirect(place_for(request.user, safe_next(request, "")))
        self.awaited = sessions.awaiting(request)
        if self.awaited is None:
            return self.answer_again() or HttpResponseRedirect(self.first_step())
        return super().dispatch(request, *args, **kwargs)

    def first_step(self):
        return self.place("login")

    def answer_again(self):
        """The same answer to the second of two clicks, whose session has ended by the first."""
        account = self.awaited
        if account is None:
            account = sessions.go_on(self.request)
        elif once.earlier(self.request):
            sessions.begin(self.request, account, **sessions.marks_of(self.request.session))
        else:
            return None
        return account and let_in(self.request, account)

    def go_on(self, account):
        account.backend = self.awaited.backend
        sessions.begin_after(self.request, account)
        return let_in(self.request, account)
