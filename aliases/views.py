from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from accounts.models import LogEntry
from aliases import cleaning, services
from aliases.access import EVERYBODY, MEMBERS
from aliases.dead_ends import dead_ends
from aliases.effects import MISSING, destinations, find_fallbacks, in_words, outcome
from aliases.ending_rows import ending_of, with_ending
from aliases.forms import AliasForm, AliasRenameForm
from aliases.models import Alias, AliasTarget, Ending, is_role_address
from aliases.referrers import with_alias_domain_names
from aliases.switching import SwitchView, UndoableEdit
from domains.copies import copies_about, ending
from domains.lists import AddressListMixin
from domains.main_cf import MEMBERS as MEMBER_LISTS
from domains.main_cf import RECIPIENT_ACCESS, due
from domains.models import Domain
from mailboxes.keeping import tag_of
from mailboxes.models import SendAs
from mailboxes.send_as import senders_of
from panel.addresses import split_address, split_targets, without_extension
from panel.export import TableMixin
from panel.fields import KeyField
from panel.forms import digest
from panel.inline import InlineMixin
from panel.pages import (
    ConfirmView,
    PreviewMixin,
    ScopedDetailView,
    ScopedFormView,
    ScopedListView,
)
from panel.paging import COUNT_BOUND, bounded_count
from panel.prepared import in_scope, padded, prepared
from panel.scoping import (
    acting,
    domains_in_sight,
    domains_managed,
    may,
    may_change_role_addresses,
    sees_all_domains,
)

SHOWN = 50
COLUMNS = {
    "address": gettext_lazy("Address"),
    "recipients": gettext_lazy("Recipients"),
    "description": gettext_lazy("Description"),
    "active": gettext_lazy("Active"),
}


class AliasPages:
    model = Alias
    scope = "manageable_by"
    also_gone = (Domain.DoesNotExist,)
    context_object_name = "alias"

    def get_queryset(self):
        return super().get_queryset().select_related("domain__alias_of__target_domain")


class AliasList(AliasPages, TableMixin, AddressListMixin, ScopedListView):
    right = "aliases:read"
    scope = "visible_to"
    template_name = "aliases/alias_list.html"
    word_kinds = ("alias",)
    orderings = {"address": ("domain_id", "address"), "changed": ("modified", "address")}
    shown = ("pk", "domain_id", "goto", "description", "active", "modified", "last_day", "access")
    table_name = "aliases"
    table_columns = COLUMNS

    @staticmethod
    def annotated(rows):
        ending = Ending.objects.filter(pk=OuterRef("pk")).values("last_day")
        return rows.annotate(last_day=Subquery(ending))

    def line(self, row):
        return row.pk, split_targets(row.goto), row.description, row.active

    def in_all(self, domain):
        return domain.alias_count

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        keys = [row.pk for row in context["object_list"]]
        may_all = may_change_role_addresses(self.actor)
        return context | {
            "manageable": {key for key in keys if may_all or not is_role_address(key)},
            "gone": dead_ends(self.actor, keys),
        }


class AliasPage(AliasPages, ScopedDetailView):
    right = "aliases:read"
    scope = "visible_to"
    template_name = "aliases/alias_page.html"
    template_engine = "jinja2"

    def get_queryset(self):
        of_domain = Q(sender=Concat(Value("@"), OuterRef("domain_id"), output_field=KeyField()))
        rows = SendAs.objects.filter(Q(sender=OuterRef("pk")) | of_domain)
        return with_ending(super().get_queryset()).annotate(has_senders=Exists(rows))

    def get_context_data(self, **kwargs):
        alias = self.object
        lookup = find_fallbacks(self.actor, [alias])
        targets = destinations(self.actor, alias, lookup=lookup)
        return super().get_context_data(
            targets=targets[:SHOWN],
            outcome=outcome(self.actor, alias, alias, lookup),
            more_targets=max(0, len(targets) - SHOWN),
            goes_to=in_words(targets),
            missing=[target for target in targets if target.kind == MISSING],
            stored=digest(alias.targets) if 1 < len(alias.targets) <= SHOWN else "",
            locked=not may_manage(self.actor, alias.pk),
            manageable=may_manage(self.actor, alias.pk)
            and may(self.actor, AliasEdit.right, alias.domain_id),
            ending=ending_of(alias),
            due=sorted(due(blocks_of(alias))),
            senders=senders_of(self.actor, alias.pk) if alias.has_senders else [],
            log_entries=recent_entries(alias),
            **referrers_panel(self.actor, alias.pk),
            **kwargs,
        )


def blocks_of(alias):
    """The blocks of main.cf without which who may write to the alias has no effect."""
    if alias.access == EVERYBODY:
        return set()
    return {RECIPIENT_ACCESS, MEMBER_LISTS} if alias.access == MEMBERS else {RECIPIENT_ACCESS}


def may_manage(actor, address):
    return may_change_role_addresses(actor) or not is_role_address(address)


def referrers_panel(actor, address):
    names = with_alias_domain_names([address])
    seen = domains_in_sight(actor, {split_address(name)[1] for name in names})
    return {
        "referrers": _referring_aliases(actor, COUNT_BOUND, *padded(names))[:SHOWN],
        "other_names": [name for name in names[1:] if split_address(name)[1] in seen][:SHOWN],
    }


@in_scope(prepared)
def _referring_aliases(actor, bound, *names):
    return AliasTarget.objects.referring_to(names).visible_to(actor).aliases(bound)


def recent_entries(row):
    return _entries_about(row.domain_id, row.pk)


@prepared
def _entries_about(domain, address):
    # The domain, for an administrator of the same name has entries of no domain.
    entries = LogEntry.objects.filter(about=address, domain=domain)
    return entries.order_by("-timestamp", "-pk").stored()[:5]


class AliasEdit(UndoableEdit, InlineMixin, AliasPages, ScopedFormView):
    right = "aliases:write"
    kind = "alias"
    template_name = "aliases/alias_form.html"
    form_class = AliasForm
    inline = ("description", "targets")
    success_message = gettext_lazy("Alias %(object)s saved.")

    def get_queryset(self):
        return super().get_queryset().select_related(None)

    def get_initial(self):
        alias = self.object
        return {
            "targets": "\n".join(alias.targets),
            "description": alias.description,
            "access": alias.access,
            "access_text": alias.access_text,
        }


class RenameMixin(PreviewMixin):
    """A page that gives the address of a row another name."""

    def get_initial(self):
        local_part, domain = split_address(self.object.pk)
        return {"local_part": local_part, "domain": domain}

    def save(self, form):
        self.old = self.object
        return super().save(form)

    def get_success_message(self, form):
        text = (
            gettext("%(old)s is now %(new)s.")
            if form.cleaned_data["give_up"]
            else gettext("%(old)s is now %(new)s, and an alias that leads there.")
        )
        return text % {"old": self.old, "new": self.object}


class AliasRename(AliasPages, RenameMixin, ScopedFormView):
    right = "aliases:write"
    template_name = "aliases/alias_rename.html"
    form_class = AliasRenameForm

    def get_queryset(self):
        return (
            super()
            .get_queryset()
            .select_related("domain__usage", "domain__alias_of__target_domain")
        )

    def get_object(self, queryset=None):
        alias = super().get_object(queryset)
        if alias.is_catch_all:
            raise Http404
        return alias


class AliasState(AliasPages, SwitchView):
    right = "aliases:write"
    kind = "alias"
    template_name = "aliases/alias_confirm_state.html"

    def get_context_data(self, **kwargs):
        alias = self.object
        lookup = find_fallbacks(self.actor, [alias])
        targets = destinations(self.actor, alias, lookup=lookup)
        return super().get_context_data(
            outcome=outcome(self.actor, alias, alias, lookup),
            after=outcome(self.actor, alias, alias, lookup, then=not alias.active),
            goes_to=in_words(targets),
            **referrers_context(self.actor, [alias.pk]),
            **kwargs,
        )

    def set_active(self, active):
        services.set_alias_active(actor=self.actor, alias=self.object, active=active)

    def alias_of(self, row):
        return row


class AliasDelete(AliasPages, ConfirmView):
    right = "aliases:write"
    template_name = "aliases/alias_confirm_delete.html"
    success_message = gettext_lazy("Alias %(object)s deleted.")

    def get_context_data(self, **kwargs):
        key = self.object.pk
        find_fallbacks(self.actor, [self.object])
        return super().get_context_data(**deletion_context(self.actor, [key]), **kwargs)

    def perform(self):
        kept = services.delete_alias(
            actor=self.actor,
            alias=self.object,
            clean=Alias.objects.cleanable_by(self.actor),
            **treatment_of_referrers(self.request.POST),
        )
        self.tag = tag_of(kept)
        return self.back or domain_list_url("alias-list", self.object)


def domain_list_url(url_name, row):
    return f"{reverse(url_name)}?{urlencode({'domain': row.domain_id})}"


def treatment_of_referrers(post):
    replace_by = post.get("replace_by", "").strip()
    others = replace_by or (cleaning.REMOVE if "drop" in post else cleaning.KEEP)
    emptied = post.get("emptied", replace_by or cleaning.KEEP)
    if emptied == "send":
        emptied = post.get("emptied_to", "").strip()
        if not emptied:
            raise ValidationError(gettext("Enter the address that they lead to then."), "required")
    return {"others": others, "emptied": emptied}


def deletion_context(actor, addresses):
    names = with_alias_domain_names(addresses)
    return ending(actor, copies_about(names)) | referrers_context(actor, addresses, names)


def _leading_there(actor, names):
    # One statement, unless so many that others' aliases might push out those the actor may clean.
    rows = list(_all_referring_aliases(COUNT_BOUND + 1, *padded(sorted(names))))
    actor = acting(actor, "aliases:write")
    if len(rows) <= COUNT_BOUND or sees_all_domains(actor):
        managed = domains_managed(actor, {alias.domain_id for alias in rows})
        found = [alias for alias in rows if alias.domain_id in managed]
        return found, len(rows) - len(found)
    others = AliasTarget.objects.referring_to(names).exclude(owner__in=actor.managed_names)
    return (
        _cleanable_aliases(actor, COUNT_BOUND + 1, *padded(sorted(names))),
        bounded_count(others.values("alias").distinct(), COUNT_BOUND),
    )


@in_scope(prepared)
def _cleanable_aliases(actor, bound, *names):
    return AliasTarget.objects.referring_to(names).manageable_by(actor).aliases(bound)


@prepared
def _all_referring_aliases(bound, *names):
    return AliasTarget.objects.referring_to(names).aliases(bound)


def referrers_context(actor, addresses, names=None):
    """What leads to ``addresses``: aliases the actor may clean, and the number of others.

    Self-aliases (forwardings) may be cleaned too. ``alias.emptied``: the alias would have no target left.
    At most COUNT_BOUND + 1 of either kind are counted.
    """
    names = set(with_alias_domain_names(addresses) if names is None else names)
    managed, elsewhere = _leading_there(actor, names)
    found = [alias for alias in managed if alias.is_self_alias or may_manage(actor, alias.pk)]
    elsewhere += len(managed) - len(found)
    for alias in found[:SHOWN]:
        stay = set((alias.named or "").split(",")) - set(addresses)
        left = [
            target
            for target in alias.targets
            if without_extension(target.lower()) not in names or target.lower() in stay
        ]
        alias.emptied = left in ([], [alias.pk]) and not alias.is_self_alias
    return {
        "referrers": found[:SHOWN],
        "referrers_others": [alias for alias in found[:SHOWN] if not alias.emptied],
        "referrers_emptied": [alias for alias in found[:SHOWN] if alias.emptied],
        "referrers_more": max(0, len(found) - SHOWN),
        "referrers_more_bound": COUNT_BOUND - SHOWN,
        "referrers_elsewhere": elsewhere,
        "referrers_elsewhere_bound": COUNT_BOUND,
    }
