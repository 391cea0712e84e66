from django.db.models import Q
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy, ngettext_lazy

from aliases.bulk import AddressWork, AliasWork, ManyBulk
from aliases.models import Alias
from aliases.views import AliasList
from domains import addresses
from domains.matching import Matching
from domains.models import Domain, RoutingLock
from domains.page import DomainPage
from mailboxes.bulk import MailboxWork
from mailboxes.forwarding import self_alias
from mailboxes.models import Mailbox
from mailboxes.views import MailboxPages
from panel.addresses import lookup_key
from panel.scoping import acting
from panel.tasks import Entry


def changeable(actor):
    """Aliases, and the self-aliases of mailboxes: of each where the actor's role has it."""
    rows = Alias.objects.cleanable_by(actor)
    names = acting(actor, MailboxWork.right).managed_names
    if names == acting(actor, AliasWork.right).managed_names:
        return rows
    return rows.exclude(~Q(domain__in=names), is_self_alias=True)


class AddressMatching(Matching):
    """``listed`` also names the domain. The rows are those of ``alias``: each mailbox has its own one there."""

    def __init__(self, actor, listed, since, lead=None):
        super().__init__(DomainPage, actor, listed, since, lead)
        name = lookup_key(QueryDict(listed).get("domain", ""))
        self.list.object = Domain.objects.manageable_by(actor).filter(pk=name).first()

    def lead(self):
        return super().lead() if self.list.object else None

    def rows(self):
        rows = changeable(self.list.actor).filter(domain=self.list.object)
        return rows.filter(created__lte=self.since)

    def there(self, keys):
        there = super().there(keys) - {f"@{self.list.object.pk}"}
        if self.list.filters["state"] == "dead":
            there = {row.pk for row in self.list.rows_found(None, keys) if row.pk in there}
        return there

    def after(self, position, size):
        if self.list.object is None:
            return [], None
        if self.list.words:
            return self._with_words(position, size)
        filters = self.list.filters
        found = addresses.keys(
            *(self.list.actor, self.list.object.pk, filters["state"], size),
            begin=lookup_key(filters["q"]),
            edge=position[0] if position else None,
        )
        there = super().there(found)
        entries = [Entry(key, [key]) for key in found if key in there]
        return entries, [found[-1]] if len(found) == size else None


class AddressesWork(AddressWork):
    right = "aliases:write"
    kind, plural = "address", "addresses"
    list_url_name = "mailbox-list"
    questions = {
        "activate": ngettext_lazy(
            "Switch on %(n)s address?", "Switch on %(n)s addresses?", "count"
        ),
        "deactivate": ngettext_lazy(
            "Switch off %(n)s address?", "Switch off %(n)s addresses?", "count"
        ),
        "delete": ngettext_lazy("Delete %(n)s address?", "Delete %(n)s addresses?", "count"),
    }
    leads = {
        "activate": gettext_lazy(
            "They work again immediately: mailboxes with the same passwords and mail, aliases with the same recipients."
        ),
        "deactivate": gettext_lazy(
            "The users of mailboxes can no longer sign in, read or send, and nothing is forwarded. Mail"
            " and targets are kept."
        ),
        "delete": gettext_lazy(
            "The users of mailboxes can no longer sign in, read or send, and their forwardings end. Files stay"
            " on the server’s disk. The log keeps the recipients of aliases."
        ),
    }
    results = {
        "activate": ngettext_lazy("%(n)s address is on", "%(n)s addresses are on", "count"),
        "deactivate": ngettext_lazy("%(n)s address is off", "%(n)s addresses are off", "count"),
        "delete": ngettext_lazy("%(n)s address deleted", "%(n)s addresses deleted", "count"),
    }

    @cached_property
    def mailboxes(self):
        return MailboxWork(self.actor)

    @cached_property
    def aliases(self):
        return AliasWork(self.actor)

    def rows(self):
        return changeable(self.actor)

    def all_of(self, listed, since, lead=None):
        return AddressMatching(self.actor, listed, since, lead)

    def act(self, task, entry):
        RoutingLock.hold()
        row = self.rows().get(pk=entry.key)
        return (self.mailboxes if row.is_self_alias else self.aliases).act(task, entry)

    def changed_rows(self, task):
        return [*self.mailboxes.changed_rows(task), *self.aliases.changed_rows(task)]

    def alias_of(self, row):
        return self_alias(row) if isinstance(row, Mailbox) else row


class AddressBulk(MailboxPages, ManyBulk):
    right = "aliases:write"
    template_name = "mailboxes/address_confirm_bulk.html"
    work_class = AddressesWork
    table_columns = {
        "address": gettext_lazy("Address"),
        "name": gettext_lazy("Name"),
        "recipients": gettext_lazy("Recipients"),
        "description": gettext_lazy("Description"),
        "active": gettext_lazy("Active"),
    }

    def rows_of(self, keys):
        aliases = self.work.aliases.rows().filter(pk__in=keys)
        aliases = aliases.select_related("domain__alias_of__target_domain")
        mailboxes = self.get_queryset() & self.work.mailboxes.rows()
        return sorted([*mailboxes.filter(pk__in=keys), *aliases], key=lambda row: row.pk)

    def confirm(self, rows, back, **context):
        mailboxes = sum(isinstance(row, Mailbox) for row in rows)
        return super().confirm(rows, back, mailboxes=mailboxes, **context)

    def lines(self, keys):
        rows = self.work.rows().filter(pk__in=keys)
        shown = rows.values_list("pk", "goto", "description", "active", named=True)
        found = {row.pk: AliasList().line(row) for row in shown}
        names = dict(Mailbox.objects.filter(pk__in=found).values_list("pk", "name"))
        for key in keys:
            if key in found:
                address, *rest = found[key]
                yield address, names.get(key, ""), *rest
