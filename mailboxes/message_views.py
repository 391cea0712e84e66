from django.contrib.messages import SUCCESS
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import View

from domains.models import Domain
from mailboxes import writing
from mailboxes.broadcast_replies import not_sent
from mailboxes.broadcasts import BroadcastWork
from mailboxes.message_forms import BroadcastForm, MessageForm, initial_of
from mailboxes.views import OneMailbox
from panel import once
from panel.addresses import lookup_key
from panel.export import table
from panel.models import Task
from panel.pages import ActorMixin, ScopedFormView, with_status
from panel.scoping import acting, may_broadcast, may_open

REFUSED_COLUMNS = {
    "address": gettext_lazy("Address"),
    "state": gettext_lazy("State"),
    "reply": gettext_lazy("Reply of the mail server"),
}


class MailboxMessage(OneMailbox, ScopedFormView):
    template_name = "mailboxes/mailbox_message.html"
    form_class = MessageForm

    def form_valid(self, form):
        url = self.get_success_url()
        try:
            with once.under_way(self.request, url) as told:
                form.save()
                text = _("The message to %(mailbox)s is sent.") % {"mailbox": self.object}
                told.append(Message(SUCCESS, text))
        except ValidationError as error:
            form.add_error(None, error)
            return with_status(self.form_invalid(form), error)
        return self.answer(url, told)

    def get_context_data(self, **kwargs):
        return super().get_context_data(sender=writing.sender_of(self.actor), **kwargs)


def own_broadcast(actor, key):
    known = key.isascii() and key.isdigit() and len(key) < 19
    tasks = Task.objects.filter(admin=actor.pk, kind=BroadcastWork.kind)
    return tasks.filter(pk=int(key)).first() if known and may_open(acting(actor, None)) else None


class BroadcastPage(ScopedFormView):
    """Asks what is sent and to whom; the task's page then shows it and asks whether to send it."""

    template_name = "mailboxes/broadcast.html"
    form_class = BroadcastForm
    model = Domain
    scope = "manageable_by"

    def dispatch(self, request, *args, **kwargs):
        if not may_broadcast(self.actor):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self):
        asked = self.request.GET
        task = own_broadcast(self.actor, asked.get("task", ""))
        if task is not None:
            return initial_of(task)
        return {"domains": lookup_key(asked.get("domain", "").strip())}

    def save(self, form):
        return form.ask(reverse("mailbox-list")).get_absolute_url(), []

    def get_context_data(self, **kwargs):
        return super().get_context_data(sender=writing.sender_of(self.actor), **kwargs)


class BroadcastRefused(ActorMixin, View):
    http_method_names = ["get", "head", "options"]

    def get(self, request, *args, **kwargs):
        task = own_broadcast(self.actor, kwargs["pk"])
        if task is None:
            raise Http404
        return table("csv", f"broadcast-{task.pk}", REFUSED_COLUMNS, not_sent(task))
