from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from accounts import factors
from accounts.own import OfferMixin, OwnFormView
from accounts.views import hide_passwords
from mailboxes import app_passwords, sign_ins
from mailboxes.app_password_forms import USES, AppOnlyForm, AppPasswordForm
from mailboxes.figures import PROTOCOLS
from mailboxes.models import Mailbox
from mailboxes.own import OwnPages
from panel.pages import ScopedDetailView, safe_next


def shown(mailbox):
    """What a list of the mailbox's app passwords shows, the newest first."""
    rows = mailbox.app_passwords.order_by("-pk")[: app_passwords.MOST]
    named = [(row, [str(USES[name]) for name in row.protocols.split(",") if name]) for row in rows]
    return {"rows": named, "protocols": PROTOCOLS, "keeps_sign_ins": sign_ins.are_kept()}


class Revokes:
    """A list with a button at each row, and what that does."""

    http_method_names = ["get", "head", "post", "options"]

    def revoke(self, mailbox):
        key = self.request.POST.get("revoke", "")
        rows = mailbox.app_passwords.filter(pk=key if key.isascii() and key.isdigit() else 0)
        row = rows.first()
        if row is not None:  # else it was revoked already
            app_passwords.revoke_app_password(actor=self.actor, app_password=row)
            text = _("%(name)s is revoked: it opens nothing any more.")
            messages.success(self.request, text % {"name": row})
        return HttpResponseRedirect(self.request.path)


class OwnAppPasswords(Revokes, OwnPages, TemplateView):
    template_name = "own/app_passwords.html"

    @property
    def mailbox(self):
        return self.actor

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            factor=factors.is_on(self.actor), **shown(self.actor), **kwargs
        )

    def post(self, request, *args, **kwargs):
        return self.revoke(self.actor)


class AsksPassword(OwnPages, OwnFormView):
    """A form that asks for the mailbox's own password; unlike a new one, it ends no session."""

    @property
    def mailbox(self):
        return self.actor

    def form_valid(self, form):
        try:
            # Before the transaction, which would take back the note of a wrong one.
            form.check_old_password()
        except ValidationError as error:
            return self.refuse(form, error)
        return super().form_valid(form)

    def save(self, form):
        form.save()
        return reverse("own-app-passwords"), [Message(messages.SUCCESS, self.saved())]


@hide_passwords
class NewAppPassword(OfferMixin, AsksPassword):
    """The answer shows the app password, once: nothing stores it, and no other response holds it."""

    template_name = "own/app_password.html"
    form_class = AppPasswordForm

    def get_initial(self):
        return {"offer": app_passwords.offer(self.actor)}

    def too_old(self):
        return ValidationError(
            _("The page was an hour old, or made an app password already. Fill it in again."),
            "too_old",
        )

    def form_valid(self, form):
        if form.offered() is None:
            return self.refuse(form, self.too_old())
        return super().form_valid(form)

    def saved(self):
        return _("The app password counts from now on.")

    def answer(self, url, told):
        password = app_passwords.offered(self.actor, self.request.POST.get("offer", ""))
        if password is None:  # the second of two clicks, an hour later
            return super().answer(url, told)
        context = {
            "mailbox": self.actor,
            "name": self.request.POST.get("name", ""),
            "password": password,
            "next": safe_next(self.request, url),
        }
        return TemplateResponse(
            self.request, "own/app_password_shown.html", context, using="jinja2"
        )


@hide_passwords
class OwnAppOnly(AsksPassword):
    template_name = "own/app_only.html"
    form_class = AppOnlyForm

    def get_initial(self):
        return {"app_only": not self.actor.app_only}

    def get_context_data(self, **kwargs):
        count = sum(row.is_ours and not row.is_over for row, _uses in shown(self.actor)["rows"])
        return super().get_context_data(count=count, **kwargs)

    def saved(self):
        if Mailbox.objects.get(pk=self.actor.pk).app_only:
            return _("Mail programs are let in with app passwords only.")
        return _("Mail programs are let in with the password of the mailbox again.")


class MailboxAppPasswords(Revokes, ScopedDetailView):
    """Of somebody else's mailbox they are only listed and revoked: whoever makes one knows it."""

    right = "app-passwords:read"
    right_to_change = "app-passwords:write"
    model = Mailbox
    scope = "manageable_by"
    context_object_name = "mailbox"
    template_name = "mailboxes/app_passwords.html"
    template_engine = "jinja2"

    def get_context_data(self, **kwargs):
        return super().get_context_data(**shown(self.object), **kwargs)

    def post(self, request, *args, **kwargs):
        return self.revoke(self.get_object())
