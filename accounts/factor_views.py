from urllib.parse import quote

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from accounts import challenges, factor_exceptions, factors, sessions, sign_ins, throttle, totp
from accounts.factor_forms import ExceptionForm, FactorOffForm, FactorSetUpForm, NewCodesForm
from accounts.models import FactorException, Passkey, SecondFactor
from accounts.own import OfOwnSignIn, OwnFormView, OwnPasswordMixin
from accounts.views import hide_passwords, refused
from panel import once
from panel.addresses import display_address
from panel.pages import ScopedFormView, safe_next, with_status
from panel.transactions import Unavailable

SHOWN = 500  # exceptions


class OwnFactor(OfOwnSignIn, TemplateView):
    template_name = "factor/page.html"
    template_engine = "jinja2"
    http_method_names = ["get", "head", "options"]

    def get_context_data(self, **kwargs):
        on = factors.is_on(self.actor)
        return super().get_context_data(
            on=on,
            left=factors.codes_left(self.actor) if on else 0,
            row=SecondFactor.objects.of(self.actor).first() if on else None,
            required_from=factors.required_from(self.actor),
            unreadable=self.actor.totp_secret and totp.decrypted(self.actor.totp_secret) is None,
            passkeys=list(Passkey.objects.of(self.actor).order_by("pk")) if on else (),
            **kwargs,
        )


class FactorView(OfOwnSignIn, OwnPasswordMixin, OwnFormView):
    """A change of one's own second factor: the password and a code are asked for, and other sessions end."""

    def save(self, form):
        form.save()
        return reverse("own-factor"), [Message(messages.SUCCESS, self.saved())]

    def form_valid(self, form):
        self.actor.challenges_of = challenges.browser_of(self.request)
        try:
            throttle.refuse_codes(self.actor, self.actor.client_ip)
        except ValidationError as error:
            return self.refuse(form, error)
        return super().form_valid(form)

    def refuse(self, form, error):
        return self.answer_again() or super().refuse(form, counted(self.actor, error))


def counted(account, error):
    """The error to show. A wrong code is counted, after the transaction, which would take back the note of it."""
    if found := codes_of(error) & {*factors.COUNTED}:
        try:
            sign_ins.count_wrong_code(account, account.client_ip, copied=factors.COPIED in found)
        except Unavailable as not_counted:
            return not_counted
    return error


def codes_of(error):
    fields = error.error_dict if hasattr(error, "error_dict") else {"": error.error_list}
    return {one.code for errors in fields.values() for one in errors}


class ShowsCodes:
    """The answer shows the recovery codes, once: nothing stores them, and no other response holds them."""

    def get_initial(self):
        return {"offer": totp.offer(self.actor, totp.new_secret())}

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        if context["form"].offered() is None:
            context["form"] = self.anew(context["form"])
        return context

    def anew(self, form):
        """The form with another offer, in place of one that is an hour old."""
        data = form.data.copy()
        data["offer"] = self.get_initial()["offer"]
        again = self.form_class(data, actor=self.actor)
        again.add_error(
            None, ValidationError(_("The page was an hour old. Fill it in again."), "too_old")
        )
        return again

    def answer(self, url, told):
        super().answer(url, told)
        found = totp.offered(self.actor, self.request.POST.get("offer", ""))
        if found is None:  # the second of two clicks, an hour later
            return HttpResponseRedirect(url)
        codes = found[1]
        words = [_("Recovery codes of %(name)s") % {"name": display_address(self.actor.pk)}, ""]
        file = "\r\n".join([*words, *codes, ""])
        context = {
            "codes": codes,
            "file": f"data:text/plain;charset=utf-8,{quote(file)}",
            "next": safe_next(self.request, url),
        }
        return TemplateResponse(self.request, "factor/codes.html", context, using="jinja2")


@hide_passwords
class FactorSetUp(ShowsCodes, FactorView):
    template_name = "factor/set_up.html"
    form_class = FactorSetUpForm

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        secret = context["form"].offered()[0]
        day = None if factors.is_on(self.actor) else factors.required_from(self.actor)
        return context | {
            "secret": " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
            "picture": self.picture(secret),
            "renews": factors.is_on(self.actor),
            "required_from": day,
            "must": factors.is_missing(self.actor) and not self.is_spared(),
            "next": safe_next(self.request, ""),
        }

    def is_spared(self):
        return sessions.SPARED_AT in self.request.session  # or it would be led here

    def picture(self, secret):
        # An app takes two of the same name and issuer for one.
        firm = settings.FIRM_NAME or "Mailadmin"
        issuer = firm if self.actor.is_mailbox_user else f"{firm} (admin)"
        text = totp.uri(secret, display_address(self.actor.pk), issuer)
        return segno.make(text, micro=False).svg_data_uri(scale=4, light="#fff")

    def saved(self):
        return _("Your second factor is on. Other sessions are signed out.")


@hide_passwords
class NewCodes(ShowsCodes, FactorView):
    template_name = "factor/new_codes.html"
    form_class = NewCodesForm

    def dispatch(self, request, *args, **kwargs):
        if not factors.is_on(self.actor) and not self.answer_again():
            return HttpResponseRedirect(reverse("own-factor"))
        return super().dispatch(request, *args, **kwargs)

    def saved(self):
        return _("The former recovery codes are not taken any more.")


@hide_passwords
class FactorOff(FactorView):
    template_name = "factor/off.html"
    form_class = FactorOffForm

    def dispatch(self, request, *args, **kwargs):
        if request.method != "POST" and not self.actor.totp_secret:
            return HttpResponseRedirect(reverse("own-factor"))
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        return super().get_context_data(must=factors.required_from(self.actor), **kwargs)

    def saved(self):
        if self.actor.passkey_handle:
            return _("The app’s codes are not taken any more. Other sessions are signed out.")
        return _("Your second factor is off. Other sessions are signed out.")


@hide_passwords
class Exceptions(ScopedFormView):
    """Addresses from which no code is asked; a form that adds one, and a button at each that removes it.

    Adding one asks for the password and a code, as switching the second factor off does.
    """

    model = FactorException
    scope = "manageable_by"
    template_name = "factor/exceptions.html"
    form_class = ExceptionForm
    success_message = gettext_lazy("%(object)s is an exception now.")

    @cached_property
    def rows(self):
        rows = self.get_queryset().order_by("domain", "username", "ip")
        return list(rows[: SHOWN + 1])

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            rows=self.rows[:SHOWN], more=len(self.rows) > SHOWN, **kwargs
        )

    def post(self, request, *args, **kwargs):
        if "remove" not in request.POST:
            return super().post(request, *args, **kwargs)
        key = request.POST["remove"]
        rows = self.get_queryset().filter(pk=key if key.isascii() and key.isdigit() else 0)
        self.object = rows.first()
        if self.object is None:
            return self.answer(reverse("factor-exceptions"), ())  # somebody else removed it
        return self.answer(*once.done(request, self.remove))

    def form_valid(self, form):
        self.actor.challenges_of = challenges.browser_of(self.request)
        try:
            form.check_old_password()
            throttle.refuse_codes(self.actor.person, self.actor.client_ip)
        except ValidationError as error:
            form.add_error(None, error)
            return refused(self.form_invalid(form), form)
        try:
            url, told = once.done(self.request, lambda: self.save(form))
        except ValidationError as error:
            if not once.earlier(self.request):  # else the second of two clicks found the code used
                error = counted(self.actor.person, error)
            form.add_error(None, error)
            return with_status(self.form_invalid(form), error)
        return self.answer(url, told)

    def remove(self):
        factor_exceptions.remove_exception(actor=self.actor, exception=self.object)
        told = _("%(object)s is no exception any more.") % {"object": self.object}
        return reverse("factor-exceptions"), [Message(messages.SUCCESS, told)]

    def get_success_url(self):
        return reverse("factor-exceptions")
