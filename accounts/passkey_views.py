import secrets

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.messages.storage.base import Message
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import challenges, factors, passkey_requests, sessions, totp
from accounts.factor_forms import PasskeyAddForm, PasskeyNameForm, PasskeyRemoveForm
from accounts.factor_views import FactorView, ShowsCodes
from accounts.models import Passkey
from accounts.own import OfOwnSignIn, OwnFormView
from accounts.views import hide_passwords
from panel.pages import safe_next


@login_not_required
@never_cache
@require_GET
def options(request):
    """What the browser shall ask a device for, as JSON: a new passkey of ``offer``, one that is there, or any of this site.

    Whose is decided by the session alone: the account that is signed in, or whose password it has shown; on the first page
    of signing in (``sign-in``) nobody's.
    """
    if not challenges.site():
        raise Http404
    browser = challenges.browser_of(request)
    account = request.user.person if request.user.is_authenticated else sessions.awaiting(request)
    if account is None or "sign-in" in request.GET:
        text = passkey_requests.signing_in(browser)
    else:
        account.challenges_of = browser
        if "offer" not in request.GET:
            text = passkey_requests.showing(account)
        elif request.user.is_authenticated and (
            found := totp.offered(account, request.GET["offer"])
        ):
            text = passkey_requests.adding(account, found[0])
        else:
            raise Http404
    return HttpResponse(text, content_type="application/json")


@hide_passwords
class PasskeyAdd(ShowsCodes, FactorView):
    template_name = "factor/passkey_add.html"
    form_class = PasskeyAddForm

    def get_initial(self):
        # A device keeps one passkey of each handle: an account has one handle.
        handle = self.actor.passkey_handle or secrets.token_hex(64)
        return {"offer": totp.offer(self.actor, handle)}

    def get_context_data(self, **kwargs):
        on = factors.is_on(self.actor)
        return super().get_context_data(
            on=on,
            possible=challenges.site(),
            next=safe_next(self.request, ""),
            must=factors.is_missing(self.actor) and sessions.SPARED_AT not in self.request.session,
            **kwargs,
        )

    def save(self, form):
        url, told = super().save(form)
        return (f"{url}#passkeys" if factors.is_on(self.actor) else url), told

    def answer(self, url, told):
        if url.endswith("#passkeys"):  # there were recovery codes already
            return FactorView.answer(self, url, told)
        return super().answer(url, told)

    def saved(self):
        return _("The passkey is added. Other sessions are signed out.")


class OfPasskey(OfOwnSignIn):
    """About one of one's own passkeys; another does not exist."""

    def dispatch(self, request, *args, **kwargs):
        key = kwargs["key"]
        rows = Passkey.objects.of(self.actor)
        self.passkey = rows.filter(pk=key if key.isascii() and key.isdigit() else 0).first()
        if self.passkey is not None:
            return super().dispatch(request, *args, **kwargs)
        if again := self.answer_again():
            return again
        raise Http404

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.passkey}

    def get_context_data(self, **kwargs):
        return super().get_context_data(passkey=self.passkey, **kwargs)


class PasskeyPage(OfPasskey, OwnFormView):
    template_name = "factor/passkey.html"
    form_class = PasskeyNameForm

    def get_initial(self):
        return {"name": self.passkey.name}

    def save(self, form):
        form.save()
        return reverse("own-factor"), [Message(messages.SUCCESS, _("The passkey is renamed."))]


@hide_passwords
class PasskeyRemove(OfPasskey, FactorView):
    template_name = "factor/passkey_remove.html"
    form_class = PasskeyRemoveForm

    def get_context_data(self, **kwargs):
        last = Passkey.objects.of(self.actor).count() == 1 and not self.actor.totp_secret
        must = factors.required_from(self.actor)
        return super().get_context_data(last=last, must=must, **kwargs)

    def saved(self):
        return _("The passkey is removed. Other sessions are signed out.")
