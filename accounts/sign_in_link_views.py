"""What a link that signs in leads to: a page that says as whom, and one button. Nothing that only fetches the link uses it up.

As with links to set a password, the token goes into a cookie of these pages at once.
"""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView, View

from accounts import sign_in_links
from accounts.views import after_first_step

COOKIE = "mailadmin_sign_in"


@method_decorator([login_not_required, never_cache], name="dispatch")
class SignInLinkToken(View):
    http_method_names = ["get", "head", "options"]

    def get(self, request, token):
        response = HttpResponseRedirect(reverse("sign-in-link"))
        response.set_cookie(
            COOKIE,
            token,
            max_age=sign_in_links.LASTS,
            path=reverse("sign-in-link"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        response["Referrer-Policy"] = "no-referrer"
        return response


@method_decorator([login_not_required, never_cache], name="dispatch")
class SignInLinkPage(TemplateView):
    http_method_names = ["get", "head", "post", "options"]
    template_name = "registration/sign_in_link.html"
    template_engine = "jinja2"

    def dispatch(self, request, *args, **kwargs):
        response = super().dispatch(request, *args, **kwargs)
        patch_vary_headers(response, ["Cookie"])
        return response

    @cached_property
    def token(self):
        return self.request.COOKIES.get(COOKIE, "")

    def get(self, request, *args, **kwargs):
        found = sign_in_links.find(self.token)
        context = self.get_context_data(whose=found and found[1])
        return self.render_to_response(context, status=200 if found else 410)

    def post(self, request, *args, **kwargs):
        try:
            account = sign_in_links.take(self.token)
        except ValidationError as error:
            context = self.get_context_data(whose=None, refusal=error.messages[0])
            return self.render_to_response(context, status=422)
        if account is None:
            return self.get(request, *args, **kwargs)
        response = after_first_step(request, account, place=reverse("dashboard"))
        response.delete_cookie(COOKIE, path=reverse("sign-in-link"), samesite="Lax")
        return response
