from decimal import Decimal

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import View
from django.views.generic.detail import SingleObjectMixin

from accounts.views import FactorReset, HandOverMixin, hide_passwords
from aliases.effects import (
    EXTERNAL,
    FORWARDED,
    Destination,
    destinations,
    find_fallbacks,
    outcome,
)
from aliases.models import Alias
from aliases.switching import SwitchView, UndoableEdit
from aliases.views import (
    SHOWN,
    deletion_context,
    domain_list_url,
    recent_entries,
    referrers_context,
    referrers_panel,
    treatment_of_referrers,
)
from domains import sending_limits
from domains.lists import AddressListMixin
from domains.models import Domain
from mailboxes import figures, order, services
from mailboxes.forms import (
    ForwardingForm,
    MailboxForm,
    MailboxPasswordForm,
    RenameForm,
)
from mailboxes.forwarding import (
    end_away_message,
    forwarding_of,
    forwards,
    is_away,
    self_alias,
)
from mailboxes.models import NEARLY_FULL, Mailbox, megabytes
from panel import helper
from panel.export import TableMixin, moment
from panel.inline import InlineMixin
from panel.pages import (
    ConfirmView,
    ScopedDetailView,
    ScopedFormView,
    ScopedListView,
    ScopedMixin,
)

HEADINGS = (
    *(gettext_lazy("Address"), gettext_lazy("Name"), gettext_lazy("Quota, MB")),
    *(gettext_lazy("Used, MB"), gettext_lazy("Active"), gettext_lazy("May send")),
    gettext_lazy("Last sign-in"),
)


class MailboxPages:
    model = Mailbox
    scope = "manageable_by"
    also_gone = (Domain.DoesNotExist,)
    context_object_name = "mailbox"

    def get_queryset(self):
        return (
            super()
            .get_queryset()
            .select_related("usage", "domain__usage", "domain__alias_of__target_domain")
        )


class MailboxList(MailboxPages, TableMixin, AddressListMixin, ScopedListView):
    template_name = "mailboxes/mailbox_list.html"
    extra_context = {"most_sorted": order.SORTED}
    word_kinds = ("mailbox",)
    orderings = {
        "address": ("domain_id", "username"),
        "changed": ("modified", "username"),
        **order.ORDERINGS,
    }
    shown = (
        *("pk", "domain_id", "name", "quota", "active", "smtp_active", "modified"),
        *("usage__bytes", "last_sign_in"),
    )

    table_name = "mailboxes"
    headings = HEADINGS

    @staticmethod
    def annotated(rows):
        return rows.annotate(last_sign_in=figures.last_sign_in())

    def line(self, row):
        sizes = megabytes(row.quota), megabytes(row.usage__bytes or 0)
        states = row.active, row.smtp_active, moment(row.last_sign_in)
        return row.pk, row.name, *sizes, *states

    @cached_property
    def ordering(self):
        fullest_first = "sort" not in self.request.GET and self.is_full_list()
        return "-storage" if fullest_first and "storage" in self.sortable() else super().ordering

    def is_full_list(self):
        return self.filters()["state"] == "full"

    def sortable(self):
        names = super().sortable()
        if self.domain and self.domain.usage.mailboxes <= order.SORTED:
            return names
        one_index = self.domain or not self.actor.scope_domains
        by_storage = self.is_full_list() and one_index and not self.filters()["q"]
        left_out = order.ORDERINGS.keys() - ({"storage"} if by_storage else set())
        return [name for name in names if name not in left_out]

    def columns(self):
        by_storage = self.ordering.removeprefix("-") == "storage"
        full_first = by_storage and self.is_full_list() and not self.filters()["q"]
        return order.NEARLY_FULL_FIRST if full_first else super().columns()

    def edge_of(self, row):
        columns = self.columns()
        computed = columns[0] not in {"domain_id", "modified", "username"}
        return order.edge_of(row, columns) if computed else super().edge_of(row)

    def filter_rows(self, rows):
        rows = super().filter_rows(rows)
        if self.is_full_list():
            rows = rows.filter(full__percent__gte=NEARLY_FULL)
        ordering = self.ordering.removeprefix("-")
        if self.columns() == order.NEARLY_FULL_FIRST:
            return rows.filter(full__domain=self.domain.pk) if self.domain else rows
        return order.annotated(rows, ordering) if ordering in order.ORDERINGS else rows

    def state_wanted(self):
        if self.filters()["state"] == "full":
            return {"mailbox": ("full_mailbox", "username", "percent >=", NEARLY_FULL)}
        return super().state_wanted()

    def in_all(self, domain):
        return domain.usage.mailboxes


class OneMailbox(MailboxPages):
    def get_queryset(self):
        return super().get_queryset().with_self_alias()


class MailboxPage(OneMailbox, ScopedDetailView):
    template_name = "mailboxes/mailbox_page.html"
    template_engine = "jinja2"

    def get_queryset(self):
        return figures.with_past(super().get_queryset())

    def get_context_data(self, **kwargs):
        mailbox = self.object
        row = self_alias(mailbox)
        lookup = find_fallbacks(self.actor, [mailbox], [row] if row else [])
        result = outcome(self.actor, mailbox, row, lookup)
        if result.kind == FORWARDED or (mailbox.active and row):
            forwarding = result.destinations or destinations(self.actor, row, lookup=lookup)
        else:
            forwarding = [Destination(t, EXTERNAL) for t in forwarding_of(row)[0]]
        return super().get_context_data(
            outcome=result,
            forwarding=forwarding,
            targets=forwarding[:SHOWN],
            more_targets=max(0, len(forwarding) - SHOWN),
            forwarding_off=bool(forwarding) and not forwards(row),
            away=is_away(row),
            sending_limit=sending_limits.are_kept() and mailbox.sending_limit,
            log_entries=recent_entries(mailbox),
            **figures.past_of(mailbox),
            **referrers_panel(self.actor, mailbox.pk),
            **kwargs,
        )


class MailboxHandOver(HandOverMixin):
    def login_name(self, key):
        return key  # as mail programs must send it

    def how_to_sign_in(self):
        host = settings.MAIL_HOSTNAME
        rows = [(_("Receiving (IMAP)"), _("%(host)s, port 993, SSL/TLS") % {"host": host})]
        if self.object is None or self.object.smtp_active:
            sending = _("%(host)s, port 465, SSL/TLS; or port 587, STARTTLS") % {"host": host}
            rows.append((_("Sending (SMTP)"), sending))
        return rows + super().how_to_sign_in()


class MailboxEdit(InlineMixin, MailboxPages, ScopedFormView):
    template_name = "mailboxes/mailbox_form.html"
    form_class = MailboxForm
    inline = ("name", "quota_mb", "smtp_active")
    success_message = gettext_lazy("Mailbox %(object)s saved.")

    def get_queryset(self):
        return super().get_queryset().select_related(None).select_related("domain__usage")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"domain": self.object.domain}

    def get_initial(self):
        mailbox = self.object
        fields = ("name", "smtp_active", "sending_limit", "phone", "email_other")
        return {name: getattr(mailbox, name) for name in fields} | {
            "quota_mb": Decimal(str(max(0, mailbox.quota_mb)))
        }


class MailboxRename(MailboxPages, ScopedFormView):
    template_name = "mailboxes/mailbox_rename.html"
    form_class = RenameForm

    def get_initial(self):
        return {"local_part": self.object.local_part}

    def save(self, form):
        self.old = self.object
        return super().save(form)

    def get_success_message(self, form):
        text = _("%(old)s is now %(new)s, and an alias that leads there.")
        return text % {"old": self.old, "new": self.object}


class MailboxForwarding(UndoableEdit, OneMailbox, ScopedFormView):
    kind = "mailbox"
    template_name = "mailboxes/mailbox_forwarding.html"
    form_class = ForwardingForm
    success_message = gettext_lazy("Forwarding of %(object)s saved.")

    def get_queryset(self):
        return super().get_queryset().select_related(None)

    def get_initial(self):
        targets, keep_copy = forwarding_of(self_alias(self.object))
        return {"targets": "\n".join(targets), "keep_copy": keep_copy}


class MailboxAway(MailboxPages, ScopedMixin, SingleObjectMixin, View):
    """Ends PostfixAdmin's away message; only PostfixAdmin can begin it again."""

    http_method_names = ["post", "options"]

    def post(self, request, *args, **kwargs):
        mailbox = self.get_object()
        url = mailbox.get_absolute_url()
        try:
            if end_away_message(actor=self.actor, mailbox=mailbox):
                text = _("The away message of %(mailbox)s is ended.")
                messages.success(request, text % {"mailbox": mailbox})
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(url)


@hide_passwords
class MailboxPassword(MailboxHandOver, MailboxPages, ScopedFormView):
    template_name = "mailboxes/mailbox_password.html"
    form_class = MailboxPasswordForm
    success_message = gettext_lazy("New password of %(object)s saved.")

    def get_queryset(self):
        return super().get_queryset().select_related(None)


class MailboxState(OneMailbox, SwitchView):
    kind = "mailbox"
    template_name = "mailboxes/mailbox_confirm_state.html"

    def get_context_data(self, **kwargs):
        row = self_alias(self.object)
        lookup = find_fallbacks(self.actor, [self.object], [row] if row else [])
        active = self.object.active
        return super().get_context_data(
            forwards=forwards(row),
            outcome=outcome(self.actor, self.object, row, lookup),
            after=outcome(self.actor, self.object, row, lookup, then=not active),
            **referrers_context(self.actor, [self.object.pk]),
            **kwargs,
        )

    def set_active(self, active):
        services.set_mailbox_active(actor=self.actor, mailbox=self.object, active=active)

    def alias_of(self, row):
        return self_alias(row)


class MailboxSessions(OneMailbox, ConfirmView):
    template_name = "mailboxes/mailbox_confirm_sessions.html"
    success_message = gettext_lazy("The open sessions of %(object)s are ended.")

    def get_context_data(self, **kwargs):
        return super().get_context_data(nothing_to_do=not helper.is_there(), **kwargs)

    def perform(self):
        services.end_sessions(actor=self.actor, mailbox=self.object)
        return self.get_success_url()


class MailboxFactor(OneMailbox, FactorReset):
    pass


class MailboxDelete(OneMailbox, ConfirmView):
    template_name = "mailboxes/mailbox_confirm_delete.html"
    success_message = gettext_lazy("Mailbox %(object)s deleted.")

    def get_context_data(self, **kwargs):
        key = self.object.pk
        row, _mailbox = find_fallbacks(self.actor, [self.object]).rows([key])[key]
        return super().get_context_data(
            forwards=forwards(row),
            **deletion_context(self.actor, [key]),
            **kwargs,
        )

    def perform(self):
        services.delete_mailbox(
            actor=self.actor,
            mailbox=self.object,
            clean=Alias.objects.cleanable_by(self.actor),
            **treatment_of_referrers(self.request.POST),
        )
        return self.back or domain_list_url("mailbox-list", self.object)
