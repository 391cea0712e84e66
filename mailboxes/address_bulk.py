"""What is done to several rows of a domain's own list, in which mailboxes and aliases stand together."""

from django.utils.translation import ngettext_lazy

from aliases import services as alias_services
from aliases.effects import fates, find_fallbacks
from aliases.models import Alias
from aliases.views import AddressBulk, referrers_context
from domains.models import Domain
from mailboxes import services
from mailboxes.models import Mailbox
from mailboxes.views import MailboxPages


class MixedBulk(MailboxPages, AddressBulk):
    also_gone = (Domain.DoesNotExist, Alias.DoesNotExist)
    template_name = "mailboxes/address_confirm_bulk.html"
    list_url_name = "mailbox-list"
    summaries = {
        "activate": ngettext_lazy("%(n)d address is on.", "%(n)d addresses are on.", "n"),
        "deactivate": ngettext_lazy("%(n)d address is off.", "%(n)d addresses are off.", "n"),
        "delete": ngettext_lazy("%(n)d address deleted.", "%(n)d addresses deleted.", "n"),
    }

    def rows_of(self, keys):
        aliases = Alias.objects.manageable_by(self.actor).filter(pk__in=keys)
        aliases = aliases.select_related("domain__alias_of__target_domain")
        return sorted([*super().rows_of(keys), *aliases], key=lambda row: row.pk)

    def consequences(self, rows):
        find_fallbacks(self.actor, rows)
        return {
            "fates": fates(rows),
            "mailboxes": sum(isinstance(row, Mailbox) for row in rows),
            **referrers_context(self.actor, [row.pk for row in rows]),
        }

    def activate(self, row):
        self.switch(row, active=True)

    def deactivate(self, row):
        self.switch(row, active=False)

    def switch(self, row, *, active):
        if isinstance(row, Mailbox):
            services.set_mailbox_active(actor=self.actor, mailbox=row, active=active)
        else:
            alias_services.set_alias_active(actor=self.actor, alias=row, active=active)

    def delete(self, row):
        if isinstance(row, Mailbox):
            services.delete_mailbox(actor=self.actor, mailbox=row)
        else:
            alias_services.delete_alias(actor=self.actor, alias=row)
