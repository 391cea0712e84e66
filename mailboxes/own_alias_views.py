from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aliases.models import Alias, Ending, OwnAliasLimit
from domains.views import DomainPages
from mailboxes import own_aliases
from mailboxes.own import OwnTask, offers_addresses
from mailboxes.own_alias_forms import LimitForm, NoteForm, OwnAliasForm
from mailboxes.views import MailboxPages
from panel.pages import ScopedFormView


class OwnAddresses(OwnTask):
    """A list of one's own addresses with a button or two at each, and the form for a new one."""

    template_name = "own/addresses.html"
    form_class = OwnAliasForm

    def dispatch(self, request, *args, **kwargs):
        if self.actor.is_mailbox_user and not offers_addresses(self.actor):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        rows = list(own_aliases.aliases_of(self.actor))
        endings = Ending.objects.in_bulk([row.pk for row in rows])
        used = own_aliases.last_use(rows)
        return super().get_context_data(
            rows=[(row, endings.get(row.pk), used.get(row.pk)) for row in rows],
            limit=own_aliases.limit_of(self.actor),
            server=settings.PANEL_URL.rstrip("/") or f"https://{settings.MAIL_HOSTNAME}",
            **kwargs,
        )

    def post(self, request, *args, **kwargs):
        for name, act in (("off", self.switch), ("on", self.switch), ("delete", self.delete)):
            if name in request.POST:
                return self.change(act, request.POST[name])
        return super().post(request, *args, **kwargs)

    def change(self, act, address):
        try:
            messages.success(self.request, act(address))
        except Alias.DoesNotExist:
            if "delete" not in self.request.POST:  # a second click finds it gone
                raise Http404 from None
        except ValidationError as error:
            messages.error(self.request, " ".join(error.messages))
        return HttpResponseRedirect(self.request.path)

    def switch(self, address):
        active = "on" in self.request.POST
        own_aliases.update_own_alias(actor=self.actor, address=address, active=active)
        text = _("%(object)s is on.") if active else _("%(object)s is off.")
        return text % {"object": address}

    def delete(self, address):
        own_aliases.delete_own_alias(actor=self.actor, address=address)
        return _("%(address)s is deleted: mail for it does not reach you any more.") % {
            "address": address
        }

    def save(self, form):
        alias = form.save()
        text = _("%(address)s is yours: its mail comes to this mailbox.")
        return reverse("own-addresses"), [Message(messages.SUCCESS, text % {"address": alias})]


class OwnAddressEdit(OwnTask):
    template_name = "own/address_edit.html"
    form_class = NoteForm

    def dispatch(self, request, *args, **kwargs):
        if self.actor.is_mailbox_user:
            self.alias = own_aliases.aliases_of(self.actor).filter(pk=kwargs["pk"]).first()
            if self.alias is None:
                raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.alias}

    def get_initial(self):
        ending = Ending.objects.filter(pk=self.alias.pk).first()
        return {"note": self.alias.description, "last_day": ending and ending.last_day}

    def get_context_data(self, **kwargs):
        return super().get_context_data(alias=self.alias, **kwargs)

    def save(self, form):
        alias = form.save()
        text = _("%(address)s is saved.") % {"address": alias}
        return reverse("own-addresses"), [Message(messages.SUCCESS, text)]


class LimitView(ScopedFormView):
    right = "own-addresses:limit"
    scope = "manageable_by"
    template_name = "mailboxes/own_addresses.html"
    form_class = LimitForm
    success_message = gettext_lazy("Limit of %(object)s saved.")

    def get_initial(self):
        row = OwnAliasLimit.objects.filter(pk=self.object.pk).first()
        return {"most": row and row.most}


class DomainOwnAddresses(DomainPages, LimitView):
    scope = "manageable_by"

    def get_success_url(self):
        return self.back or reverse("domain-settings", args=[self.object.pk])


class MailboxOwnAddresses(MailboxPages, LimitView):
    def get_context_data(self, **kwargs):
        return super().get_context_data(
            mailbox=self.object,
            rows=list(own_aliases.aliases_of(self.object)),
            limit=own_aliases.limit_of(self.object),
            **kwargs,
        )
