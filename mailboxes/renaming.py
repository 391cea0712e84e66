"""Another name for a mailbox, in its domain or in another one.

As mailboxes/services.py: lock, check, save, log, in one transaction. The directory is a column and stays, so no mail is moved.
"""

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import factors, managers
from aliases.access import CLOSED, CLOSED_TEXT
from aliases.loops import refuse_loops
from aliases.models import Alias, OwnAlias, is_role_address
from aliases.referrers import with_alias_domain_names
from aliases.refusals import refuse_taken
from aliases.renaming import lead_endings_on, lead_on, record
from domains import sending_limits
from domains.copies import copies_about
from domains.copy_services import rename_copies
from domains.models import RoutingLock
from mailboxes.forwarding import is_away, self_alias
from mailboxes.models import Mailbox, QuotaUsage, quota_error
from mailboxes.services import password_expiry_of, set_name
from panel import helper
from panel.changes import collected, insert, refuse
from panel.scoping import may_change_role_addresses
from panel.transactions import in_transaction


@in_transaction
def rename_mailbox(*, actor, mailbox, local_part, domain=None, keep_alias=True, follow=None):
    """Give a mailbox another name, in ``domain`` if it is to leave its own, and return it.

    Its old name becomes an alias that leads to it, closed if it only sends, unless ``keep_alias`` is False. Of ``follow``, a queryset of aliases, those that
    lead to the old name lead to the new one. Directory, password, app passwords, second factor, quota, switches and forwarding stay; its
    user signs in with the new name, and open sessions end. The actor must manage both domains.
    Not while PostfixAdmin's away message is on, which answers from the old name and is ended by it.
    """
    RoutingLock.hold()
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    mailbox.domain = mailbox.domain.fresh()
    moves = domain is not None and domain.pk != mailbox.domain_id
    domain = domain.fresh() if moves else mailbox.domain
    new = check_new_name(
        actor=actor, mailbox=mailbox, local_part=local_part, domain=domain, keep_alias=keep_alias
    )
    move_mailbox(actor=actor, mailbox=mailbox, new=new, keep_alias=keep_alias, follow=follow)
    refuse_loops(actor, [new.pk, mailbox.pk])
    record(actor, "rename_mailbox", "username", mailbox, new, keep_alias)
    helper.after_commit("kick", mailbox.pk)
    return Mailbox.objects.get(pk=new.pk)


def move_mailbox(*, actor, mailbox, new, keep_alias=True, follow=None, takes_over=False):
    """Write the name of ``new``, an unsaved Mailbox that was checked. The caller holds RoutingLock, refuses loops, writes the log and ends sessions of Dovecot.

    ``takes_over``: an alias has this name, and becomes the mailbox's own.
    """
    old, now, domain = mailbox.pk, timezone.now(), new.domain
    names = with_alias_domain_names([old])
    # As they are before a trigger changes them.
    copies = copies_about([old] if keep_alias else names)
    own = self_alias(mailbox)
    # The new name first: no catch-all may see it free. The old one is there until the end, for its copies would end with it.
    _write_self_alias(mailbox, own, new, takes_over)
    _leave_alias(mailbox, own, new, now)
    values = {"username": new.pk, "local_part": new.local_part, "domain": domain, "modified": now}
    moves = domain.pk != mailbox.domain_id
    if moves and domain.password_expiry and not mailbox.domain.password_expiry:
        # What the column has without a lifetime would end the password at once.
        values["password_expiry"] = password_expiry_of(domain)
    manage = managers.managers_at([old])
    managers.sessions_of(mailbox).delete()
    Mailbox.objects.filter(pk=old).update(**values)
    managers.record_renamed(actor, manage)
    QuotaUsage.objects.filter(pk=new.pk).delete()  # left by another program
    QuotaUsage.objects.filter(pk=old).update(username=new.pk)
    factors.rename(mailbox, new.pk)
    rename_copies(
        actor=actor, copies=copies, old=old, new=new.pk, gone=None if keep_alias else names
    )
    if follow is not None:
        lead_on(actor=actor, old=old, new=new.pk, aliases=follow)
    lead_endings_on(actor=actor, old=old, new=new.pk)
    if not keep_alias:
        Alias.objects.filter(pk=old).delete()
    if mailbox.sending_limit is not None:
        sending_limits.tell({"sending_limit"})


def check_new_name(*, actor, mailbox, local_part, domain, keep_alias=True):
    """Return the unsaved Mailbox with that name. Raises all errors at once. Both domains come with their counters."""
    new, errors = Mailbox(domain=domain, quota=mailbox.quota), {}
    with collected(errors, "local_part"):
        set_name(new, actor, local_part)
        refuse_taken(new.pk, wanted="mailbox")
    if is_away(self_alias(mailbox)):
        text = _("An away message of PostfixAdmin answers for this mailbox. End it on its page first.")  # fmt: skip
        errors.setdefault("local_part", ValidationError(text, "away"))
    if domain.pk != mailbox.domain_id:
        others = domain.usage.allotted
        limit = domain.limit_error("mailboxes") or quota_error(domain, new.quota, others=others)
        if limit:
            errors["domain"] = [limit]
    if keep_alias:
        if limit := mailbox.domain.limit_error("aliases"):
            errors["keep_alias"] = [limit]
    elif is_role_address(mailbox.pk) and not may_change_role_addresses(actor):
        text = _("%(address)s is a role address, which must go on receiving mail. Keep it as an alias.")  # fmt: skip
        params = {"address": mailbox}
        errors["keep_alias"] = [ValidationError(text, "role", params)]
    refuse(errors)
    return new


def _write_self_alias(mailbox, own, new, takes_over):
    old = mailbox.pk
    targets = [_own_name(target, old, new.pk) for target in (own.targets if own else [old])]
    active = own.active if own else mailbox.active
    goto = ",".join(targets)
    values = {
        "goto": goto,
        "active": active,
        "is_self_alias": True,
        "access": "",
        "access_text": "",
    }
    if (
        takes_over
    ):  # no row is deleted: who may send as it, and copies of its mail, would end with it
        Alias.objects.filter(pk=new.pk).update(**values, access_list=None, modified=timezone.now())
        OwnAlias.objects.filter(pk=new.pk).delete()
    else:
        insert(Alias(address=new.pk, domain=new.domain, **values))


def _own_name(target, old, new):
    return new if target.lower() == old else target


def _leave_alias(mailbox, own, new, now):
    row = own or Alias(address=mailbox.pk, domain=mailbox.domain)
    row.goto, row.active, row.modified, row.is_self_alias = new.pk, mailbox.active, now, False
    if not mailbox.receives:  # what reaches it by an alias is delivered: see aliases/access.py
        row.access, row.access_text = CLOSED, CLOSED_TEXT
    row.save()
