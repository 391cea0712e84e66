"""One's own API tokens: the list, making one, revoking them."""

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from accounts import challenges, throttle, tokens
from accounts.factor_views import counted
from accounts.models import ApiToken
from accounts.own import OfferMixin, OfOwnSignIn, OwnFormView
from accounts.token_forms import TokenForm
from accounts.views import hide_passwords
from panel.pages import safe_next
from panel.rights import RIGHTS


def shown(account):
    """(token, what it may in words) of the account, the newest first."""
    rows = ApiToken.objects.of(account).order_by("-pk")[: tokens.MOST]
    return [(row, [str(RIGHTS.get(name, name)) for name in row.right_names]) for row in rows]


class OwnTokens(OfOwnSignIn, TemplateView):
    template_name = "tokens/list.html"
    template_engine = "jinja2"
    http_method_names = ["get", "head", "post", "options"]

    def get_context_data(self, **kwargs):
        return super().get_context_data(rows=shown(self.actor), **kwargs)

    def post(self, request, *args, **kwargs):
        key = request.POST.get("revoke", "")
        rows = ApiToken.objects.of(self.actor)
        row = rows.filter(pk=key if key.isascii() and key.isdigit() else 0).first()
        if row is not None:  # else it was revoked already
            tokens.revoke_token(actor=self.actor, account=self.actor, token=row)
            text = _("%(name)s is revoked: it opens nothing any more.")
            messages.success(request, text % {"name": row})
        return HttpResponseRedirect(request.path)


@hide_passwords
class NewToken(OfOwnSignIn, OfferMixin, OwnFormView):
    """The answer shows the token, once: nothing stores it, and no other response holds it."""

    template_name = "tokens/new.html"
    form_class = TokenForm

    def get_initial(self):
        return {"offer": tokens.offer(self.actor)}

    def too_old(self):
        return ValidationError(
            _("The page was an hour old, or made a token already. Fill it in again."), "too_old"
        )

    def form_valid(self, form):
        self.actor.challenges_of = challenges.browser_of(self.request)
        try:
            if form.offered() is None:
                raise self.too_old()
            # Before the transaction, which would take back the note of a wrong one.
            form.check_old_password()
            throttle.refuse_codes(self.actor, self.actor.client_ip)
        except ValidationError as error:
            return self.refuse(form, error)
        return super().form_valid(form)

    def refuse(self, form, error):
        again = self.answer_again()  # of two clicks the second finds the code used
        return again or super().refuse(form, counted(self.actor, error))

    def save(self, form):
        form.save()
        return reverse("own-tokens"), [
            Message(messages.SUCCESS, _("The token counts from now on."))
        ]

    def answer(self, url, told):
        token = tokens.offered(self.actor, self.request.POST.get("offer", ""))
        if token is None:  # the second of two clicks, an hour later
            return super().answer(url, told)
        context = {
            "name": self.request.POST.get("name", ""),
            "token": token,
            "next": safe_next(self.request, url),
        }
        return TemplateResponse(self.request, "tokens/shown.html", context, using="jinja2")
