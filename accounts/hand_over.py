"""What somebody is handed over who may sign in from now on: a password, or a link of an invitation to set one."""

import secrets
from base64 import urlsafe_b64encode

import segno
from django.conf import settings
from django.contrib.messages import SUCCESS
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.template.response import TemplateResponse
from django.urls import get_script_prefix, resolve, reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from accounts import letters, password_links
from accounts.forms import HAND_OVER, PASSWORD, SEND, InvitationForm
from panel import once
from panel.addresses import display_address
from panel.pages import ScopedFormView, ScopedMixin, with_status


class HandOverMixin:
    """The answer to a form that set a password, or invited to do so, shows it once: no other response holds it, nothing
    stores it."""

    def get_success_url(self):
        # Not the list one came from: the answer tells the row by it.
        return self.object.get_absolute_url()

    def save(self, form):
        form.token = self.token
        return super().save(form)

    @cached_property
    def token(self):
        """Of an invitation; the same for the second of two clicks, which gets the same answer."""
        key = once.key_of(self.request)
        if key is None:  # a script's, which clicks once
            return secrets.token_urlsafe(32)
        made = salted_hmac("token of an invitation", key, algorithm="sha256").digest()
        return urlsafe_b64encode(made).rstrip(b"=").decode()

    def how(self):
        invites = hasattr(self.get_form_class(), "token")
        return self.request.POST.get("how", "") if invites else ""

    def answer(self, url, told):
        if self.how() not in {"", PASSWORD, HAND_OVER}:  # there is nothing to hand over
            return ScopedMixin.answer(self, url, told)
        once.tell(self.request, told)
        key = resolve(f"/{url.removeprefix(get_script_prefix())}").kwargs["pk"]
        context = {
            "login": self.login_name(key),
            "rows": self.how_to_sign_in(),
            "next": url,
            **(self.invitation() if self.how() == HAND_OVER else self.password()),
        }
        return TemplateResponse(self.request, "hand_over.html", context, using="jinja2")

    def password(self):
        return {"password": self.request.POST["password"]}

    def invitation(self):
        if settings.PANEL_URL:
            link = password_links.url_of(self.token)
        else:  # shown to whoever sent the request, and to nobody else
            place = reverse("password-link-token", args=[self.token])
            link = self.request.build_absolute_uri(place)
        picture = segno.make(link, micro=False).svg_data_uri(scale=4, light="#fff")
        return {"link": link, "picture": picture}

    def login_name(self, key):
        return display_address(key)

    def how_to_sign_in(self):
        return [(_("Panel"), self.request.build_absolute_uri(reverse("login")))]


class InvitationPage(HandOverMixin, ScopedFormView):
    """An invitation of an account that is there: made, made anew, sent or withdrawn."""

    template_name = "accounts/invite.html"
    form_class = InvitationForm

    def get_context_data(self, **kwargs):
        link = password_links.invitation_of(self.object)
        return super().get_context_data(
            link=link,
            over=link and link.until <= timezone.now(),
            until=link and date_format(timezone.localtime(link.until), "DATETIME_FORMAT"),
            to=letters.other_address(self.object),
            own=self.object == self.actor,
            **kwargs,
        )

    def post(self, request, *args, **kwargs):
        if "withdraw" not in request.POST:
            return super().post(request, *args, **kwargs)
        self.load()
        try:
            url, told = once.done(request, self.withdraw)
        except ValidationError as error:
            form = self.get_form_class()(actor=self.actor, instance=self.object)
            context = self.get_context_data(form=form, errors=error.messages)
            return with_status(self.render_to_response(context), error)
        return self.answer(url, told)

    def how(self):
        return "withdraw" if "withdraw" in self.request.POST else super().how()

    def withdraw(self):
        password_links.withdraw(actor=self.actor, account=self.object)
        text = _("The invitation of %(object)s is withdrawn.") % {"object": self.object}
        return self.object.get_absolute_url(), [Message(SUCCESS, text)]

    def get_success_message(self, form):
        words = {
            HAND_OVER: _("%(object)s is invited."),
            SEND: _("The invitation of %(object)s is sent to %(address)s."),
        }
        address = letters.other_address(self.object)
        return words[form.cleaned_data["how"]] % {"object": self.object, "address": address}
