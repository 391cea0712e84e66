from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from aliases import services as alias_services
from aliases.bulk import AddressWork, ManyBulk
from aliases.refusals import changed_since
from domains.forms import SizeField
from mailboxes import services
from mailboxes.forms import MailboxForm
from mailboxes.forwarding import self_alias
from mailboxes.models import SWITCHES, Mailbox
from mailboxes.views import COLUMNS, MailboxList, MailboxPages
from panel.formats import size

CHOSEN = (*SWITCHES, "app_only")


class MailboxWork(AddressWork):
    right = "mailboxes:write"
    kind, plural = "mailbox", "mailboxes"
    model = Mailbox
    list_view = MailboxList
    list_url_name = "mailbox-list"
    actions = (*AddressWork.actions, "quota", "switches")
    undoable = (*AddressWork.undoable, "quota", "switches")
    asks = ("quota", "switches")
    questions = {
        "activate": ngettext_lazy(
            "Switch on %(n)s mailbox?", "Switch on %(n)s mailboxes?", "count"
        ),
        "deactivate": ngettext_lazy(
            "Switch off %(n)s mailbox?", "Switch off %(n)s mailboxes?", "count"
        ),
        "delete": ngettext_lazy("Delete %(n)s mailbox?", "Delete %(n)s mailboxes?", "count"),
        "quota": ngettext_lazy("Quota of %(n)s mailbox", "Quota of %(n)s mailboxes", "count"),
        "switches": ngettext_lazy(
            "What %(n)s mailbox may be used for", "What %(n)s mailboxes may be used for", "count"
        ),
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
        "switches": gettext_lazy(
            "It counts at the next sign-in, and what is forbidden ends open sessions. With app passwords only, who has made none reads no mail."
        ),
    }
    results = {
        "activate": ngettext_lazy("%(n)s mailbox is on", "%(n)s mailboxes are on", "count"),
        "deactivate": ngettext_lazy("%(n)s mailbox is off", "%(n)s mailboxes are off", "count"),
        "delete": ngettext_lazy("%(n)s mailbox deleted", "%(n)s mailboxes deleted", "count"),
        "quota": ngettext_lazy(
            "%(n)s mailbox: quota %(size)s", "%(n)s mailboxes: quota %(size)s", "count"
        ),
        "switches": ngettext_lazy(
            "%(n)s mailbox: %(switches)s", "%(n)s mailboxes: %(switches)s", "count"
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

    def switches(self, row, options):
        return self.change(row, **options["switches"])

    def delete(self, row, _options):
        services.delete_mailbox(actor=self.actor, mailbox=row)
        return {}

    def choices(self, action):
        if action != "switches":
            return []
        return [(name, MailboxForm.base_fields[name].label) for name in CHOSEN]

    def check_options(self, task, post):
        if task.action == "switches":
            chosen = {name: post.get(name) == "on" for name in CHOSEN if post.get(name)}
            if not chosen or {post[name] for name in chosen} - {"on", "off"}:
                raise ValidationError(_("Choose what shall be on or off."), "nothing_chosen")
            return {"switches": chosen}
        if task.action != "quota":
            return super().check_options(task, post)
        mb = SizeField().clean(post.get("quota", ""))
        return {"quota": int(mb * settings.QUOTA_MULTIPLIER)}

    def said(self, task):
        quota = task.options.get("quota", 0)
        chosen = task.options.get("switches", {})
        told = [
            (_("%(what)s on") if chosen[name] else _("%(what)s off")) % {"what": words}
            for name, words in self.choices("switches")
            if name in chosen
        ]
        return {"size": size(quota) if quota else _("no limit"), "switches": ", ".join(told)}


class MailboxBulk(MailboxPages, ManyBulk):
    right = "mailboxes:write"
    template_name = "mailboxes/mailbox_confirm_bulk.html"
    work_class = MailboxWork
    table_columns = COLUMNS

    def lines(self, keys):
        rows = MailboxList.annotated(self.work.rows().filter(pk__in=keys))
        found = {row.pk: row for row in rows.values_list(*MailboxList.shown, named=True)}
        return [self.work.list_view().line(found[key]) for key in keys if key in found]
