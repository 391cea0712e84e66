from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from accounts.own import OwnFormView
from accounts.views import hide_passwords
from domains.models import Domain
from mailboxes import fetch_runs, fetching
from mailboxes.fetch_forms import RemoteMailboxForm, initial
from mailboxes.models import Mailbox, RemoteMailbox
from mailboxes.own import OwnPages
from panel.pages import ScopedDetailView, ScopedFormView


def shown(actor, mailbox):
    rows = fetching.remotes_of(actor, mailbox)
    return {"rows": [(row, fetching.in_words(row)) for row in rows], "fine": fetching.FINE}


def numbered(actor, mailbox, number):
    rows = RemoteMailbox.objects.visible_to(actor).filter(mailbox=mailbox.pk)
    is_number = number.isascii() and number.isdigit() and len(number) < 10
    return rows.filter(pk=number) if is_number else rows.none()


class Fetches:
    """A list with two buttons at each row, and what they do."""

    http_method_names = ["get", "head", "post", "options"]

    def act(self, mailbox):
        found = {
            name: self.request.POST[name] for name in ("try", "end") if name in self.request.POST
        }
        for act, number in found.items():
            for row in numbered(self.actor, mailbox, number):
                self.try_now(row) if act == "try" else self.end(row)
        return HttpResponseRedirect(self.request.path)

    def try_now(self, row):
        tried = fetch_runs.try_now(row)
        if tried is None:
            messages.warning(self.request, _("Its mail is being fetched right now."))
            return
        level = messages.SUCCESS if tried.outcome in fetching.FINE else messages.ERROR
        messages.add_message(self.request, level, f"{row}: {fetching.in_words(tried)} {tried.said}")

    def end(self, row):
        try:
            fetching.delete_remote(actor=self.actor, remote=row)
        except ValidationError as error:
            messages.error(self.request, " ".join(error.messages))
            return
        text = _("Nothing is fetched from %(server)s any more.")
        messages.success(self.request, text % {"server": row.src_server})


class Offered:
    """404 where nothing is fetched, or not for mailbox users."""

    is_offered = staticmethod(fetching.is_offered)

    def dispatch(self, request, *args, **kwargs):
        if not self.is_offered():
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class OneOfAMailbox(Offered):
    model = Mailbox
    scope = "manageable_by"
    also_gone = (Domain.DoesNotExist,)
    context_object_name = "mailbox"


class MailboxFetching(Fetches, OneOfAMailbox, ScopedDetailView):
    right = "fetching:read"
    right_to_change = "fetching:write"
    template_name = "mailboxes/fetching.html"
    template_engine = "jinja2"

    def get_context_data(self, **kwargs):
        return super().get_context_data(**shown(self.actor, self.object), **kwargs)

    def post(self, request, *args, **kwargs):
        return self.act(self.get_object())


class EditsRemote:
    """A form about the RemoteMailbox whose ``number`` the URL says, or about a new one."""

    form_class = RemoteMailboxForm

    @cached_property
    def remote(self):
        number = self.request.GET.get("number")
        if number is None:
            return None
        row = numbered(self.actor, self.mailbox, number).first()
        if row is None:
            raise Http404
        return row

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"remote": self.remote, "instance": self.mailbox}

    def get_initial(self):
        return initial(self.remote) if self.remote else super().get_initial()

    def get_context_data(self, **kwargs):
        return super().get_context_data(remote=self.remote, mailbox=self.mailbox, **kwargs)

    def save(self, form):
        form.save()
        return self.listed(), [Message(messages.SUCCESS, _("Saved. The next run fetches by it."))]


@hide_passwords
class MailboxFetchingForm(EditsRemote, OneOfAMailbox, ScopedFormView):
    right = "fetching:write"
    template_name = "mailboxes/fetching_form.html"

    @property
    def mailbox(self):
        return self.object

    def listed(self):
        return reverse("mailbox-fetching", args=[self.object.pk])


class OwnFetches(Offered, OwnPages):
    is_offered = staticmethod(fetching.is_offered_to_users)

    @property
    def mailbox(self):
        return self.actor

    def listed(self):
        return reverse("own-fetching")


class OwnFetching(Fetches, OwnFetches, TemplateView):
    template_name = "own/fetching.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(**shown(self.actor, self.actor), **kwargs)

    def post(self, request, *args, **kwargs):
        return self.act(self.actor)


@hide_passwords
class OwnFetchingForm(EditsRemote, OwnFetches, OwnFormView):
    template_name = "own/fetching_form.html"
