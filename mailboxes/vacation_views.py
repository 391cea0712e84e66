from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import View
from django.views.generic.detail import SingleObjectMixin

from mailboxes.own import OwnPages, OwnTask
from mailboxes.vacation_forms import VacationForm, initial
from mailboxes.vacations import end_vacation, vacation_of
from mailboxes.views import OneMailbox
from panel.pages import ScopedFormView, ScopedMixin


class Previewed:
    """A form with a second button, which shows the answer as others get it and saves nothing."""

    def dispatch(self, request, *args, **kwargs):
        if not settings.AWAY_MESSAGES:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        zone = self.box.zone
        return super().get_context_data(
            vacation=vacation_of(self.box), zone=zone.key.replace("_", " "), **kwargs
        )

    def shown(self):
        form = self.get_form()
        row = None
        if form.is_valid():
            try:
                row = form.preview()
            except ValidationError as error:
                form.add_error(None, error)
        if row is None:
            return self.form_invalid(form)
        zone = self.box.zone
        filled = {"subject": row.filled(row.subject, zone), "body": row.filled(row.body, zone)}
        return self.render_to_response(self.get_context_data(form=form, preview=filled))


class OwnAway(Previewed, OwnTask):
    template_name = "own/away.html"
    form_class = VacationForm
    place = "away"

    @property
    def box(self):
        return self.mailbox

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.actor}

    def get_initial(self):
        return initial(self.actor)

    def post(self, request, *args, **kwargs):
        if "preview" in request.POST:
            return self.shown()
        return super().post(request, *args, **kwargs)


class OwnAwayEnd(OwnPages, View):
    http_method_names = ["post", "options"]

    def post(self, request, *args, **kwargs):
        try:
            if end_vacation(actor=self.actor, mailbox=self.actor):
                messages.success(request, _("Your away message is ended."))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(reverse("account"))


class MailboxAway(Previewed, OneMailbox, ScopedFormView):
    right = "away-messages:write"
    template_name = "mailboxes/mailbox_away.html"
    form_class = VacationForm
    success_message = gettext_lazy("Away message of %(object)s saved.")

    def get_queryset(self):
        return super().get_queryset().select_related(None).select_related("vacation")

    @property
    def box(self):
        return self.object

    def get_initial(self):
        return initial(self.object)

    def post(self, request, *args, **kwargs):
        if "preview" in request.POST:
            self.load()
            return self.shown()
        return super().post(request, *args, **kwargs)


class MailboxAwayEnd(OneMailbox, ScopedMixin, SingleObjectMixin, View):
    right = "away-messages:write"
    http_method_names = ["post", "options"]

    def post(self, request, *args, **kwargs):
        mailbox = self.get_object()
        try:
            if end_vacation(actor=self.actor, mailbox=mailbox):
                text = _("The away message of %(mailbox)s is ended.")
                messages.success(request, text % {"mailbox": mailbox})
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(mailbox.get_absolute_url())
