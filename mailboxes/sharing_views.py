from django.contrib.messages import SUCCESS, WARNING
from django.contrib.messages.storage.base import Message
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.own import OwnFormView
from aliases.models import Alias
from domains.models import Domain
from mailboxes import send_as, sharing
from mailboxes.identities import identities_of
from mailboxes.models import Mailbox, SendAs, Share
from mailboxes.own import OwnPages
from mailboxes.sharing_forms import SendAsForm, SenderForm, ShareForm
from panel.addresses import display_address
from panel.pages import ConfirmView, ScopedFormView


def named(rows, number):
    """The row with this number, as a form sent it: one, or none."""
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    return rows.filter(pk=number) if is_number else ()


class Ends:
    """Ends the row with the number in ``end``, if the actor sees it."""

    http_method_names = ["post", "options"]

    def perform(self):
        rows = SendAs.objects.manageable_by(self.actor)
        for row in named(rows, self.request.POST.get("end", "")):
            send_as.end_send_as(actor=self.actor, row=row)
        return self.page()


class SendAsEnd(Ends, ConfirmView):
    right = "send-as:write"
    model = Mailbox
    scope = "manageable_by"
    also_gone = (Domain.DoesNotExist,)
    success_message = gettext_lazy("That counts from the next message on.")

    def page(self):
        return reverse("mailbox-send-as", args=[self.object.pk])


class AliasSendersEnd(Ends, ConfirmView):
    right = "send-as:write"
    model = Alias
    scope = "visible_to"
    also_gone = (Domain.DoesNotExist,)
    success_message = gettext_lazy("That counts from the next message on.")

    def page(self):
        return reverse("alias", args=[self.object.pk])


class MailboxSendAs(ScopedFormView):
    """What a mailbox may send as, and who else may send as it."""

    right = "send-as:write"
    model = Mailbox
    scope = "manageable_by"
    also_gone = (Domain.DoesNotExist,)
    context_object_name = "mailbox"
    template_name = "mailboxes/send_as.html"
    form_class = SendAsForm
    success_message = gettext_lazy("It may send with that from now on.")

    def get_queryset(self):
        return super().get_queryset().select_related("domain")

    def get_context_data(self, **kwargs):
        mailbox = self.object
        return super().get_context_data(
            rows=send_as.rows_of(self.actor, username=mailbox.pk),
            senders=send_as.senders_of(self.actor, mailbox.pk),
            identities=[name for name in identities_of(mailbox) if name != mailbox.pk],
            **kwargs,
        )

    def get_success_url(self):
        return reverse("mailbox-send-as", args=[self.kwargs["pk"]])

    def save(self, form):
        form.save()
        return self.get_success_url(), [Message(SUCCESS, str(self.success_message))]


class Senders(ScopedFormView):
    """Who may send as the address of a mailbox or an alias."""

    right = "send-as:write"
    scope = "manageable_by"
    also_gone = (Domain.DoesNotExist,)
    template_name = "mailboxes/sender_form.html"
    form_class = SenderForm
    success_message = gettext_lazy("It may send with that from now on.")

    def save(self, form):
        form.save()
        return self.page(), [Message(SUCCESS, str(self.success_message))]


class MailboxSenders(Senders):
    model = Mailbox

    def page(self):
        return reverse("mailbox-send-as", args=[self.object.pk])

    def get_context_data(self, **kwargs):
        return super().get_context_data(page=self.page(), **kwargs)


class AliasSenders(MailboxSenders):
    model = Alias

    def page(self):
        return reverse("alias", args=[self.object.pk])


class MailboxSharing(ScopedFormView):
    """Who opens a mailbox, and what it opens."""

    right = "sharing:write"
    model = Mailbox
    scope = "manageable_by"
    also_gone = (Domain.DoesNotExist,)
    context_object_name = "mailbox"
    template_name = "mailboxes/sharing.html"
    form_class = ShareForm

    def get_context_data(self, **kwargs):
        mailbox = self.object
        senders = {row.username for row in send_as.rows_of(self.actor, sender=mailbox.pk)}
        return super().get_context_data(
            shares=[
                (row, row.person in senders)
                for row in sharing.shares_of(self.actor, owner=mailbox.pk)
            ],
            opens=sharing.shares_of(self.actor, person=mailbox.pk),
            **kwargs,
        )

    def save(self, form):
        row = form.save()
        text = _("%(person)s sees it as shared/%(mailbox)s at the next sign-in.")
        if not row.applied:
            text = _("Saved. It counts once the command below was typed.")
        words = {"person": display_address(row.person), "mailbox": display_address(row.owner)}
        url = reverse("mailbox-sharing", args=[self.object.pk])
        return url, [Message(SUCCESS if row.applied else WARNING, text % words)]


class MailboxSharingEnd(ConfirmView):
    right = "sharing:write"
    model = Mailbox
    scope = "manageable_by"
    http_method_names = ["post", "options"]
    also_gone = (Domain.DoesNotExist,)
    success_message = gettext_lazy("It is shared no longer.")

    def perform(self):
        rows = Share.objects.manageable_by(self.actor)
        for row in named(rows, self.request.POST.get("end", "")):
            sharing.end_share(actor=self.actor, row=row)
        return reverse("mailbox-sharing", args=[self.object.pk])


class OwnSendAs(OwnPages, OwnFormView):
    """The owner sees all of it, gives the own address to others of the same domain, and takes it back."""

    template_name = "own/send_as.html"
    form_class = SenderForm

    @property
    def mailbox(self):
        return self.actor

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.actor}

    def get_context_data(self, **kwargs):
        mailbox = Mailbox.objects.select_related("domain").get(pk=self.actor.pk)
        domains = SendAs.objects.filter(username=mailbox.pk, sender__startswith="@")
        return super().get_context_data(
            identities=[name for name in identities_of(mailbox) if name != mailbox.pk],
            domains=[row.sender for row in domains.order_by("sender")],
            senders=SendAs.objects.filter(sender=mailbox.pk).order_by("username")[: send_as.MOST],
            shares=sharing.shares_of(self.actor, owner=mailbox.pk),
            opens=sharing.shares_of(self.actor, person=mailbox.pk),
            **kwargs,
        )

    def post(self, request, *args, **kwargs):
        if "end" in request.POST:
            for row in named(SendAs.objects.filter(sender=self.actor.pk), request.POST["end"]):
                send_as.end_send_as(actor=self.actor, row=row)
        elif "end_share" in request.POST:
            for row in named(Share.objects.filter(owner=self.actor.pk), request.POST["end_share"]):
                sharing.end_share(actor=self.actor, row=row)
        else:
            return super().post(request, *args, **kwargs)
        return HttpResponseRedirect(request.path)

    def save(self, form):
        form.save()
        return reverse("own-send-as"), [Message(SUCCESS, _("It may send with that from now on."))]
