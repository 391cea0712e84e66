from django.contrib import messages
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import FormView

from accounts import sessions
from accounts.forms import OwnPasswordForm
from accounts.views import hide_passwords, refused
from domains import resellers
from panel import once
from panel.pages import ActorMixin


class OfOwnSignIn(ActorMixin):
    """About the account's password, or what stands for one: there is no such page for whoever signs in with a mailbox."""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if not getattr(request.user, "has_own_sign_in", True):
            raise Http404


class OwnFormView(ActorMixin, FormView):
    """A form about the signed-in account. It leads back to the account's own page; the second of
    two clicks gets the answer to the first."""

    template_engine = "jinja2"
    http_method_names = ["get", "head", "post", "options"]
    place = ""  # where the own page says what was saved, if not above everything

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"actor": self.actor}

    def post(self, request, *args, **kwargs):
        return self.answer_again() or super().post(request, *args, **kwargs)

    def answer_again(self):
        earlier = once.earlier(self.request)
        return earlier and self.answer(earlier.url, earlier.told)

    def form_valid(self, form):
        try:
            url, told = once.done(self.request, lambda: self.save(form))
        except once.Repeated:
            return self.answer_again()
        except ValidationError as error:
            return self.refuse(form, error)
        return self.answer(url, told)

    def refuse(self, form, error):
        form.add_error(None, error)
        return self.answer_again() or self.form_invalid(form)

    def save(self, form):
        form.save()
        return reverse("account"), [Message(messages.SUCCESS, self.saved(), extra_tags=self.place)]

    def saved(self):
        return _("Saved just now")

    def answer(self, url, told):
        once.tell(self.request, told)
        return HttpResponseRedirect(url)

    def form_invalid(self, form):
        return refused(super().form_invalid(form), form)


class OfferMixin:
    """Of a form whose ``offered()`` the answer shows, once. Where that is None, the page comes again with another offer and ``too_old()``."""

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        form = context["form"]
        if form.offered() is None:
            data = form.data.copy()
            data["offer"] = self.get_initial()["offer"]
            context["form"] = self.form_class(data, actor=self.actor)
            context["form"].add_error(None, self.too_old())
        return context


class OwnPasswordMixin:
    def form_valid(self, form):
        try:
            # Before the transaction, which would take back the note of a wrong one.
            form.check_old_password()
        except ValidationError as error:
            return self.refuse(form, error)
        return super().form_valid(form)

    def answer(self, url, told):
        account = type(self.actor).objects.get(pk=self.actor.pk)
        account.backend = self.request.session[BACKEND_SESSION_KEY]
        sessions.end_others(self.request, account)
        return super().answer(url, told)


@hide_passwords
class OwnAccount(OwnPasswordMixin, OwnFormView):
    template_name = "accounts/account.html"
    form_class = OwnPasswordForm

    def post(self, request, *args, **kwargs):
        if not self.actor.has_own_sign_in:
            raise Http404
        return super().post(request, *args, **kwargs)

    def get_template_names(self):
        name = self.template_name if self.actor.has_own_sign_in else "accounts/account_facts.html"
        return [name]

    def get_context_data(self, **kwargs):
        budget = resellers.budget_in_words(self.actor) if self.actor.is_reseller else ()
        return super().get_context_data(budget=budget, **kwargs)

    def saved(self):
        return _("Password changed. Other sessions are signed out.")
