from decimal import Decimal

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.hand_over import HandOverMixin, InvitationPage
from accounts.views import FactorReset, hide_passwords
from aliases.effects import (
    EXTERNAL,
    FORWARDED,
    Destination,
    destinations,
    find_fallbacks,
    outcome,
)
from aliases.ending_rows import ending_of, with_ending
from aliases.models import Alias, Ending
from aliases.switching import SwitchView, UndoableEdit
from aliases.views import (
    SHOWN,
    RenameMixin,
    deletion_context,
    domain_list_url,
    recent_entries,
    referrers_context,
    referrers_panel,
    treatment_of_referrers,
)
from domains import sending_limits
from domains.lists import AddressListMixin
from domains.main_cf import RECIPIENT_ACCESS, due
from domains.models import Domain
from mailboxes import fetching, figures, order, services, sign_ins
from mailboxes.forms import (
    ForwardingForm,
    MailboxForm,
    MailboxPasswordForm,
    MailboxRenameForm,
)
from mailboxes.forwarding import (
    forwarding_of,
    forwards,
    is_away,
    self_alias,
)
from mailboxes.keeping import tag_of
from mailboxes.models import (
    IDLE_DAYS,
    NEARLY_FULL,
    SWITCHES,
    LastLogin,
    Mailbox,
    RemoteMailbox,
    Share,
    megabytes,
)
from mailboxes.sharing import NOT_SHARED, both_sides
from mailboxes.vacations import vacation_of
from panel import helper
from panel.export import TableMixin, moment
from panel.inline import InlineMixin
from panel.pages import (
    ConfirmView,
    ScopedDetailView,
    ScopedFormView,
    ScopedListView,
)

COLUMNS = {
    "address": gettext_lazy("Address"),
    "name": gettext_lazy("Name"),
    "quota_mb": gettext_lazy("Quota, MB"),
    "used_mb": gettext_lazy("Used, MB"),
    "active": gettext_lazy("Active"),
    "may_send": gettext_lazy("May send"),
    "last_sign_in": gettext_lazy("Last sign-in"),
}


class MailboxPages:
    model = Mailbox
    scope = "manageable_by"
    also_gone = (Domain.DoesNotExist,)
    context_object_name = "mailbox"

    def get_queryset(self):
        return (
            super()
            .get_queryset()
            .select_related("usage", "vacation", "domain__usage", "domain__alias_of__target_domain")
        )


class MailboxList(MailboxPages, TableMixin, AddressListMixin, ScopedListView):
    right = "mailboxes:read"
    template_name = "mailboxes/mailbox_list.html"
    extra_context = {"most_sorted": order.SORTED, "idle_days": IDLE_DAYS}
    word_kinds = ("mailbox",)
    orderings = {
        "address": ("domain_id", "username"),
        "changed": ("modified", "username"),
        **order.ORDERINGS,
    }
    shown = (
        *("pk", "domain_id", "name", "quota", "active", "modified"),
        *("smtp_active", "receives", "sign_in_active"),
        *("usage__bytes", "last_sign_in", "last_day", "warning__percent"),
        *("vacation__active", "vacation__activefrom", "vacation__activeuntil"),
    )

    table_name = "mailboxes"
    table_columns = COLUMNS

    @staticmethod
    def annotated(rows):
        ending = Subquery(Ending.objects.filter(pk=OuterRef("pk")).values("last_day"))
        return rows.annotate(last_sign_in=figures.last_sign_in(), last_day=ending)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(now=timezone.now(), **kwargs)
        # As a column that others sort by: sorted by it, the first may never have signed in.
        by_it = self.ordering.endswith("signed_in")
        signed_in = any(row.last_sign_in for row in context["object_list"])
        return context | {"shows_sign_ins": by_it or signed_in}

    def line(self, row):
        sizes = megabytes(row.quota), megabytes(row.usage__bytes or 0)
        states = row.active, row.smtp_active, moment(row.last_sign_in)
        return row.pk, row.name, *sizes, *states

    @cached_property
    def ordering(self):
        fullest_first = "sort" not in self.request.GET and self.is_full_list()
        return "-storage" if fullest_first and "storage" in self.sortable() else super().ordering

    def is_full_list(self):
        return self.filters["state"] == "full"

    @property
    def columns_of_state(self):
        return order.OF_STATE.get(self.filters["state"])

    def sortable(self):
        names = super().sortable()
        if self.columns_of_state:  # of which there is one index
            names = [name for name in names if name != "changed"]
        if self.domain and self.domain.usage.mailboxes <= order.SORTED:
            return names
        one_index = self.domain or not self.actor.scope_domains
        by_storage = self.is_full_list() and one_index and not self.filters["q"]
        left_out = order.ORDERINGS.keys() - ({"storage"} if by_storage else set())
        return [name for name in names if name not in left_out]

    def columns(self):
        by_storage = self.ordering.removeprefix("-") == "storage"
        full_first = by_storage and self.is_full_list() and not self.filters["q"]
        by_index = self.columns_of_state and self.ordering.endswith("address")
        if by_index and not self.filters["q"]:
            return self.columns_of_state
        return order.NEARLY_FULL_FIRST if full_first else super().columns()

    def edge_of(self, row):
        columns = self.columns()
        computed = columns[0] not in {"domain_id", "modified", "username"}
        return order.edge_of(row, columns) if computed else super().edge_of(row)

    def filter_rows(self, rows):
        rows = super().filter_rows(rows)
        if self.is_full_list():
            rows = rows.filter(full__percent__gte=NEARLY_FULL)
        if self.filters["state"] == "idle":
            rows = self.idle(rows)
        if self.filters["state"] == "warned":
            rows = rows.filter(**self.within("warning"))
        ordering = self.ordering.removeprefix("-")
        if self.columns() == order.NEARLY_FULL_FIRST:
            return rows.filter(full__domain=self.domain.pk) if self.domain else rows
        return order.annotated(rows, ordering) if ordering in order.ORDERINGS else rows

    def idle(self, rows):
        """As the last snapshot found them; who signed in since is none of them."""
        since = sign_ins.idle_since()
        signed_in = LastLogin.objects.filter(username=OuterRef("pk"), at__gte=since)
        return rows.filter(~Exists(signed_in), **self.within("idle"))

    def within(self, table):
        names = (self.domain.pk,) if self.domain else self.actor.scope_domains
        return {f"{table}__domain__in": names} if names else {f"{table}__isnull": False}

    def state_wanted(self):
        if self.filters["state"] == "full":
            return {"mailbox": ("full_mailbox", "username", "percent >=", NEARLY_FULL)}
        if self.filters["state"] == "idle":
            return {"mailbox": ("idle_mailbox", "username", "at <", sign_ins.idle_since())}
        if self.filters["state"] == "warned":
            return {"mailbox": ("quota_warning", "username", "percent >=", NEARLY_FULL)}
        return super().state_wanted()

    def in_all(self, domain):
        return domain.usage.mailboxes


class OneMailbox(MailboxPages):
    def get_queryset(self):
        return super().get_queryset().with_self_alias()


class MailboxPage(OneMailbox, ScopedDetailView):
    right = "mailboxes:read"
    template_name = "mailboxes/mailbox_page.html"
    template_engine = "jinja2"

    def get_queryset(self):
        rows = with_ending(figures.with_past(super().get_queryset()).with_app_passwords())
        rows = rows.with_manager()
        shares = Share.objects.filter(Q(owner=OuterRef("pk")) | Q(person=OuterRef("pk")))
        remotes = RemoteMailbox.objects.filter(mailbox=OuterRef("pk"))
        failing = remotes.filter(active=True).exclude(outcome__in=fetching.FINE)
        rows = rows.annotate(
            is_shared=Exists(shares), fetches=Exists(remotes), fetching_fails=Exists(failing)
        )
        return rows.annotate(warned_percent=F("warning__percent"), warned_at=F("warning__at"))

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
            vacation=vacation_of(mailbox),
            ending=ending_of(mailbox),
            away_messages=settings.AWAY_MESSAGES,
            offers_fetching=fetching.is_offered(),
            app_passwords=mailbox.app_password_count,
            due=[] if mailbox.receives else sorted(due({RECIPIENT_ACCESS})),
            sending_limit=sending_limits.are_kept() and mailbox.sending_limit,
            failed_lately=sign_ins.failed_lately(mailbox),
            keeps_sign_ins=sign_ins.are_kept(),
            **(both_sides(self.actor, mailbox.pk) if mailbox.is_shared else NOT_SHARED),
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
    right = "mailboxes:write"
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
        fields = (
            "name",
            *SWITCHES,
            "app_only",
            "sending_limit",
            "phone",
            "email_other",
            "must_change",
        )
        return {name: getattr(mailbox, name) for name in fields} | {
            "quota_mb": Decimal(str(max(0, mailbox.quota_mb)))
        }


class MailboxRename(MailboxPages, RenameMixin, ScopedFormView):
    right = "mailboxes:write"
    template_name = "mailboxes/mailbox_rename.html"
    form_class = MailboxRenameForm


class MailboxForwarding(UndoableEdit, OneMailbox, ScopedFormView):
    right = "forwarding:write"
    kind = "mailbox"
    template_name = "mailboxes/mailbox_forwarding.html"
    form_class = ForwardingForm
    success_message = gettext_lazy("Forwarding of %(object)s saved.")

    def get_queryset(self):
        return super().get_queryset().select_related(None)

    def get_initial(self):
        targets, keep_copy = forwarding_of(self_alias(self.object))
        return {"targets": "\n".join(targets), "keep_copy": keep_copy}


@hide_passwords
class MailboxPassword(MailboxHandOver, MailboxPages, ScopedFormView):
    right = "mailboxes:password"
    template_name = "mailboxes/mailbox_password.html"
    form_class = MailboxPasswordForm
    success_message = gettext_lazy("New password of %(object)s saved.")

    def get_queryset(self):
        return super().get_queryset().select_related(None)

    def get_context_data(self, **kwargs):
        return super().get_context_data(sessions_go_on=services.sessions_go_on(), **kwargs)


class MailboxState(OneMailbox, SwitchView):
    right = "mailboxes:write"
    kind = "mailbox"
    template_name = "mailboxes/mailbox_confirm_state.html"

    def get_queryset(self):
        return super().get_queryset().with_manager()

    def get_context_data(self, **kwargs):
        row = self_alias(self.object)
        lookup = find_fallbacks(self.actor, [self.object], [row] if row else [])
        active = self.object.active
        return super().get_context_data(
            forwards=forwards(row),
            outcome=outcome(self.actor, self.object, row, lookup),
            after=outcome(self.actor, self.object, row, lookup, then=not active),
            sessions_go_on=services.sessions_go_on(),
            **referrers_context(self.actor, [self.object.pk]),
            **kwargs,
        )

    def set_active(self, active):
        services.set_mailbox_active(actor=self.actor, mailbox=self.object, active=active)

    def alias_of(self, row):
        return self_alias(row)


class MailboxSessions(OneMailbox, ConfirmView):
    right = "mailboxes:sessions"
    template_name = "mailboxes/mailbox_confirm_sessions.html"
    success_message = gettext_lazy("The open sessions of %(object)s are ended.")

    def get_context_data(self, **kwargs):
        return super().get_context_data(nothing_to_do=not helper.is_there(), **kwargs)

    def perform(self):
        services.end_sessions(actor=self.actor, mailbox=self.object)
        return self.get_success_url()


class MailboxFactor(OneMailbox, FactorReset):
    right = "mailboxes:factor"


class MailboxInvite(MailboxHandOver, MailboxPages, InvitationPage):
    right = "mailboxes:password"


class MailboxDelete(OneMailbox, ConfirmView):
    right = "mailboxes:write"
    template_name = "mailboxes/mailbox_confirm_delete.html"
    success_message = gettext_lazy("Mailbox %(object)s deleted.")

    def get_queryset(self):
        return super().get_queryset().with_manager()

    def get_context_data(self, **kwargs):
        key = self.object.pk
        row, _mailbox = find_fallbacks(self.actor, [self.object]).rows([key])[key]
        return super().get_context_data(
            forwards=forwards(row),
            **deletion_context(self.actor, [key]),
            **kwargs,
        )

    def perform(self):
        kept = services.delete_mailbox(
            actor=self.actor,
            mailbox=self.object,
            clean=Alias.objects.cleanable_by(self.actor),
            **treatment_of_referrers(self.request.POST),
        )
        self.tag = tag_of(kept)
        return self.back or domain_list_url("mailbox-list", self.object)
