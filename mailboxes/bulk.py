from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from aliases import services as alias_services
from aliases.bulk import AddressWork, ManyBulk
from aliases.refusals import changed_since
from domains.forms import SizeField
from mailboxes import services
from mailboxes.forwarding import self_alias
from mailboxes.models import Mailbox
from mailboxes.views import HEADINGS, MailboxList, MailboxPages
from panel.formats import size


class MailboxWork(AddressWork):
    kind, plural = "mailbox", "mailboxes"
    model = Mailbox
    list_view = MailboxList
    list_url_name = "mailbox-list"
    actions = (*AddressWork.actions, "quota")
    undoable = (*AddressWork.undoable, "quota")
    questions = {
        "activate": ngettext_lazy(
            "Switch on %(n)s mailbox?", "Switch on %(n)s mailboxes?", "count"
        ),
        "deactivate": ngettext_lazy(
            "Switch off %(n)s mailbox?", "Switch off %(n)s mailboxes?", "count"
        ),
        "delete": ngettext_lazy("Delete %(n)s mailbox?", "Delete %(n)s mailboxes?", "count"),
        "quota": ngettext_lazy("Quota of %(n)s mailbox", "Quota of %(n)s mailboxes", "count"),
        "edit": gettext_lazy("Forwarding of a mailbox"),
    }
    leads = {
        "activate": gettext_lazy("They work again immediately, with the same passwords and mail."),
        "deactivate": gettext_lazy(
            "Their users can no longer sign in, read or send, and nothing is forwarded."
            " Their mail is kept."
        ),
        "delete": gettext_lazy(
            "Their users can no longer sign in, read or send, and their forwardings end. Files stay on the"
            " server’s disk; a new mailbox of the same name starts empty."
        ),
        "quota": gettext_lazy(
            "Each gets this quota. Where its domain does not allow it, it keeps its own."
        ),
    }
    results = {
        "activate": ngettext_lazy("%(n)s mailbox is on", "%(n)s mailboxes are on", "count"),
        "deactivate": ngettext_lazy("%(n)s mailbox is off", "%(n)s mailboxes are off", "count"),
        "delete": ngettext_lazy("%(n)s mailbox deleted", "%(n)s mailboxes deleted", "count"),
        "quota": ngettext_lazy(
            "%(n)s mailbox: quota %(size)s", "%(n)s mailboxes: quota %(size)s", "count"
        ),
        "edit": gettext_lazy("Forwarding changed"),
    }

    def alias_of(self, row):
        return self_alias(row)

    def update(self, row, **fields):
        return services.update_mailbox(actor=self.actor, mailbox=row, **fields)

    def put_back(self, row, changes):
        if "goto" not in changes:
            return super().put_back(row, changes)
        alias = self_alias(row)
        if alias is None:  # another program took it out
            raise changed_since()
        return alias_services.put_back(actor=self.actor, alias=alias, changes=changes)

    def quota(self, row, options):
        return self.change(row, quota=options["quota"])

    def delete(self, row, _options):
        services.delete_mailbox(actor=self.actor, mailbox=row)
        return {}

    def check_options(self, task, post):
        if task.action != "quota":
            return super().check_options(task, post)
        mb = SizeField().clean(post.get("quota", ""))
        return {"quota": int(mb * settings.QUOTA_MULTIPLIER)}

    def said(self, task):
        quota = task.options.get("quota", 0)
        return {"size": size(quota) if quota else _("no limit")}


class MailboxBulk(MailboxPages, ManyBulk):
    template_name = "mailboxes/mailbox_confirm_bulk.html"
    work_class = MailboxWork
    headings = HEADINGS

    def lines(self, keys):
        rows = MailboxList.annotated(self.work.rows().filter(pk__in=keys))
        found = {row.pk: row for row in rows.values_list(*MailboxList.shown, named=True)}
        return [self.work.list_view().line(found[key]) for key in keys if key in found]
