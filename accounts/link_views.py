"""Pages for whoever has no password: asking for a link, and what the link leads to. Nobody is signed in by them.

The link's token goes into a cookie of these pages at once, so no later request, and no other site, is told it. It is no
session's: a session cookie does not come along from a link in a webmail (SameSite=Strict), and would be replaced.
"""

from concurrent.futures import ThreadPoolExecutor

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.generic import FormView, View

from accounts import password_links, throttle
from accounts.forms import LoginForm, new_password_field, password_help
from accounts.views import hide_passwords, refused
from panel import once
from panel.pages import client_ip
from panel.transactions import Unavailable

COOKIE = "mailadmin_link"


_senders = ThreadPoolExecutor(max_workers=2, thread_name_prefix="links")


class SendsAfterwards(HttpResponseRedirect):
    """An answer that is gone before the work begins, in a thread of its own: so how long that takes tells nothing, and no
    later request on the same connection waits for it."""

    then = staticmethod(lambda: None)

    def close(self):
        super().close()
        later(self.then)


def later(work):
    _senders.submit(_work_alone, work)


def _work_alone(work):
    try:
        logged(work)
    finally:
        connection.close()  # this thread's


def logged(work):
    try:
        work()
    except Unavailable as error:
        throttle.logger.error("A link was not sent: %s", " ".join(error.messages))
    except Exception:  # noqa: BLE001 -- a thread has nobody to raise to
        throttle.logger.exception("A link was not sent")


class ForgottenForm(forms.Form):
    username = LoginForm.base_fields["username"]


@method_decorator([login_not_required, never_cache], name="dispatch")
class Forgotten(FormView):
    http_method_names = ["get", "head", "post", "options"]
    template_name = "registration/forgotten.html"
    template_engine = "jinja2"
    form_class = ForgottenForm

    def dispatch(self, request, *args, **kwargs):
        if not password_links.is_offered():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        return super().get_context_data(sent="sent" in self.request.GET, **kwargs)

    def form_valid(self, form):
        answer = SendsAfterwards(f"{reverse('password-forgotten')}?sent=1")
        name, ip = form.cleaned_data["username"], client_ip(self.request)
        try:
            once.done(self.request, lambda: self.count(ip))
        except once.Repeated:
            return answer
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        answer.then = lambda: password_links.send_reset(name, ip)
        return answer

    def count(self, ip):
        throttle.count_request(ip)
        return reverse("password-forgotten"), ()

    def form_invalid(self, form):
        return refused(super().form_invalid(form), form)


@method_decorator([login_not_required, never_cache], name="dispatch")
class LinkToken(View):
    http_method_names = ["get", "head", "options"]

    def get(self, request, token):
        response = HttpResponseRedirect(reverse("password-link"))
        response.set_cookie(
            COOKIE,
            token,
            max_age=password_links.LASTS[password_links.RESET],
            path=reverse("password-link"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        # Not on the page itself, whose address tells nothing: its form would be sent from the origin "null".
        response["Referrer-Policy"] = "no-referrer"
        return response


class NewPasswordForm(forms.Form):
    password = new_password_field(_("New password"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_help()


@method_decorator([login_not_required, never_cache], name="dispatch")
@hide_passwords
class PasswordLinkPage(FormView):
    http_method_names = ["get", "head", "post", "options"]
    template_name = "registration/password_link.html"
    template_engine = "jinja2"
    form_class = NewPasswordForm

    def dispatch(self, request, *args, **kwargs):
        response = super().dispatch(request, *args, **kwargs)
        patch_vary_headers(response, ["Cookie"])
        return response

    @cached_property
    def token(self):
        return self.request.COOKIES.get(COOKIE, "")

    @cached_property
    def found(self):
        return password_links.find(self.token) if self.token else None

    def get(self, request, *args, **kwargs):
        response = super().get(request, *args, **kwargs)
        if not self.found and not self.saved:
            response.status_code = 410
        return response

    @property
    def saved(self):
        return self.request.GET.get("saved", "")

    def get_context_data(self, **kwargs):
        link, account = self.found or (None, None)
        return super().get_context_data(
            link=link,
            whose=account,
            saved=self.saved,
            invited=(link.purpose if link else self.saved) == password_links.INVITATION,
            offered=password_links.is_offered(),
            **kwargs,
        )

    def form_valid(self, form):
        if once.earlier(self.request):
            return self.answer(once.earlier(self.request).url)
        try:
            url, _told = once.done(self.request, lambda: self.use(form.cleaned_data["password"]))
        except once.Repeated:
            return self.answer(once.earlier(self.request).url)
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        return self.answer(url)

    def use(self, password):
        ip = client_ip(self.request)
        purpose = password_links.use(token=self.token, password=password, ip=ip)
        return f"{reverse('password-link')}?saved={purpose}", ()

    def answer(self, url):
        response = HttpResponseRedirect(url)
        response.delete_cookie(COOKIE, path=reverse("password-link"), samesite="Lax")
        return response

    def form_invalid(self, form):
        return refused(super().form_invalid(form), form)
