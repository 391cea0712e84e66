"""To the identity provider and back. Both are GETs, as the protocol wants it; nothing is stored before somebody is known."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

from accounts import provider
from accounts.views import SignIn, after_first_step
from panel.pages import safe_next

COOKIE = "mailadmin_provider"
SALT = "sign-in by the identity provider"
SECONDS = 600


class ProviderView(View):
    http_method_names = ["get", "head", "options"]

    def dispatch(self, request, *args, **kwargs):
        if not settings.OIDC_ISSUER:
            raise Http404
        if request.user.is_authenticated:
            return HttpResponseRedirect(safe_next(request, reverse("dashboard")))
        return super().dispatch(request, *args, **kwargs)

    def refused(self, error):
        return SignIn.as_view(refusal=error)(self.request)


@method_decorator([login_not_required, never_cache], name="dispatch")
class ToProvider(ProviderView):
    def get(self, request):
        come_back = request.build_absolute_uri(reverse("provider-return"))
        try:
            address, begun = provider.begin(come_back)
        except ValidationError as error:
            return self.refused(error)
        response = HttpResponseRedirect(address)
        response.set_cookie(
            COOKIE,
            signing.dumps(begun | {"next": safe_next(request, "")}, salt=SALT, compress=True),
            max_age=SECONDS,
            path=reverse("provider-return"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",  # it is another site that leads back here
        )
        return response


@method_decorator([login_not_required, never_cache], name="dispatch")
class FromProvider(ProviderView):
    def get(self, request):
        response = self.let_in(request)
        response.delete_cookie(COOKIE, path=reverse("provider-return"), samesite="Lax")
        return response

    def let_in(self, request):
        try:
            begun = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=SECONDS)
        except signing.BadSignature:
            return HttpResponseRedirect(reverse("login"))
        try:
            claims = provider.finish(request.GET.dict(), begun)
            account = provider.account_of(claims)
        except ValidationError as error:
            return self.refused(error)
        elsewhere = provider.has_asked_for_factor(claims)
        redirect = after_first_step(
            request, account, begun["next"], asked_elsewhere=elsewhere, by_provider=True
        )
        # No redirect from another site's page: browsers would not send the session's SameSite=Strict cookie.
        page = TemplateResponse(
            request, "registration/signed_in.html", {"place": redirect.url}, using="jinja2"
        )
        page.cookies = redirect.cookies
        return page
