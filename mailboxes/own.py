from urllib.parse import urlencode

import segno
from django.conf import settings
from django.contrib.messages import ERROR, SUCCESS, get_messages
from django.contrib.messages.storage.base import Message
from django.http import Http404
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from accounts.models import LogEntry
from accounts.own import OwnFormView, OwnPasswordMixin
from accounts.views import hide_passwords
from aliases import services as alias_services
from aliases.effects import outcome
from aliases.lookup import Lookup
from aliases.refusals import changed_since
from aliases.switching import UndoableEdit
from domains.mail_services import SERVICES
from domains.models import RoutingLock
from mailboxes import fetching, own_aliases
from mailboxes.forms import OwnForwardingForm, OwnMailboxPasswordForm
from mailboxes.forwarding import forwarding_of, forwards, is_away, self_alias
from mailboxes.models import Mailbox
from mailboxes.services import sessions_go_on
from mailboxes.vacations import vacation_of
from panel.pages import ActorMixin
from panel.prepared import prepared
from panel.task_work import Work

APPS = {
    "iphone": gettext_lazy("iPhone or iPad"),
    "android": gettext_lazy("Android"),
    "thunderbird": gettext_lazy("Thunderbird"),
    "outlook": gettext_lazy("Outlook"),
    "other": gettext_lazy("Other"),
}


class OwnPages(ActorMixin):
    template_engine = "jinja2"

    def dispatch(self, request, *args, **kwargs):
        if not self.actor.is_mailbox_user:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def mailbox(self):
        found = _own_row(self.actor.pk)
        if not found:
            raise Mailbox.DoesNotExist
        return found[0]

    def get_context_data(self, **kwargs):
        return super().get_context_data(mailbox=self.mailbox, **kwargs)


@prepared
def _own_row(address):
    related = "usage", "vacation", "domain__alias_of__target_domain"
    rows = Mailbox.objects.select_related(*related).with_self_alias().with_manager()
    return own_aliases.with_limit(rows).filter(pk=address)


class WhereMailGoes:
    def get_context_data(self, **kwargs):
        row = self_alias(self.mailbox)
        targets, _keep_copy = forwarding_of(row)
        lookup = Lookup([self.mailbox.domain])
        lookup.prepare([self.actor.pk], [row] if row else [])
        return super().get_context_data(
            targets=targets,
            outcome=outcome(self.actor, self.mailbox, row, lookup),
            forwarding_off=bool(targets) and not forwards(row),
            away=is_away(row),
            vacation=vacation_of(self.mailbox),
            **kwargs,
        )


class OwnMailbox(WhereMailGoes, OwnPages, TemplateView):
    template_name = "own/rows.html"
    http_method_names = ["get", "head", "options"]

    def get_context_data(self, **kwargs):
        told = list(get_messages(self.request))
        return super().get_context_data(
            webmail=settings.WEBMAIL_URL,
            away_messages=settings.AWAY_MESSAGES,
            fetches=fetching.is_offered_to_users(),
            own_addresses=self.mailbox.own_limit > 0 or self.mailbox.has_own,
            deliveries=settings.DELIVERY_LOGS and settings.DELIVERIES_FOR_USERS,
            sign_ins=settings.SIGN_INS,
            password_changed=password_changed(self.actor),
            saved={
                message.extra_tags.partition(" ")[0]: message
                for message in told
                if message.extra_tags
            },
            told=[message for message in told if not message.extra_tags],
            **kwargs,
        )


def offers_addresses(mailbox):
    own = own_aliases.aliases_of(mailbox)
    return own_aliases.limit_of(mailbox) > 0 or own.exists()


def password_changed(mailbox):
    return next(
        (entry.timestamp for entry in _newest_passwords(mailbox.domain_id, mailbox.pk)), None
    )


@prepared
def _newest_passwords(domain, address):
    newest = "ORDER BY timestamp DESC, id DESC LIMIT"
    about_it = f"SELECT * FROM log WHERE about = %s {newest} 200"  # noqa: S608
    return LogEntry.objects.raw(
        f"SELECT * FROM ({about_it}) l WHERE domain = %s AND action = 'edit_password' {newest} 1",  # noqa: S608
        [address, domain],
    )


class OwnTask(OwnPages, OwnFormView):
    """A page with one form. ``place`` is the row that says it is saved."""


class OwnForwardingWork(Work):
    kind = "own"
    undoable = ("edit",)

    def act(self, task, entry):
        RoutingLock.hold()
        row = self_alias(Mailbox.objects.with_self_alias().get(pk=self.actor.pk))
        if row is None:  # another program took it out
            raise changed_since()
        return alias_services.put_back(actor=self.actor, alias=row, changes=entry.changes)

    def told(self, task):
        if task.done:
            return [Message(SUCCESS, _("As it was before"), OwnForwarding.place)]
        return [Message(ERROR, reason) for _row, reason in task.refusals]


class OwnForwarding(UndoableEdit, WhereMailGoes, OwnTask):
    kind = OwnForwardingWork.kind
    template_name = "own/forwarding.html"
    form_class = OwnForwardingForm
    place = "forwarding"

    def row_key(self):
        return self.actor.pk

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.actor}

    def get_initial(self):
        targets, keep_copy = forwarding_of(self_alias(self.mailbox))
        return {"targets": "\n".join(targets), "keep_copy": "1" if keep_copy else "0"}

    def post(self, request, *args, **kwargs):
        if "another" not in request.POST:
            return super().post(request, *args, **kwargs)
        form = self.get_form()
        form.add_a_field()
        return self.render_to_response(self.get_context_data(form=form))


@hide_passwords
class OwnPassword(OwnPasswordMixin, OwnTask):
    template_name = "own/password.html"
    form_class = OwnMailboxPasswordForm
    place = "password"

    @property
    def mailbox(self):
        return self.actor

    def get_context_data(self, **kwargs):
        return super().get_context_data(sessions_go_on=sessions_go_on(), **kwargs)

    def saved(self):
        return _("Saved just now. Use the new one in your mail programs too.")


class OwnRoom(OwnPages, TemplateView):
    template_name = "own/room.html"


class OwnSetup(OwnPages, TemplateView):
    template_name = "own/setup.html"

    @property
    def mailbox(self):
        return self.actor

    def get_context_data(self, **kwargs):
        app = self.request.GET.get("app")
        return super().get_context_data(
            apps=APPS,
            app=app if app in APPS else "iphone",
            host=settings.MAIL_HOSTNAME,
            profile=self.profile() if app in {None, "iphone"} or app not in APPS else None,
            ports={
                kind: [one for one in SERVICES if one.kind == kind] for kind in ("imap", "smtp")
            },
            **kwargs,
        )

    def profile(self):
        name = reverse("apple-profile", args=[self.actor.domain_id])
        url = self.request.build_absolute_uri(f"{name}?{urlencode({'address': self.actor.pk})}")
        return {
            "url": url,
            "code": segno.make(url, micro=False).svg_data_uri(scale=4, light="#fff"),
        }
