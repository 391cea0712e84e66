"""A domain with mailboxes becomes another name of another domain: each address moves there, or stays as it is.

As mailboxes/services.py: lock, check, save, log, in one transaction. What becomes of which address: mailboxes/joining.py.
"""

from django.utils import timezone

from accounts.models import LogEntry
from aliases.access_rules import list_number
from aliases.loops import MAX_UPSTREAM_OF_DOMAIN, refuse_loops
from aliases.models import Alias
from aliases.renaming import move_alias, record
from aliases.services import LOGGED
from domains import renamed_rows, sending_limits
from domains.models import Copy, RoutingLock
from domains.services import create_alias_domain
from mailboxes.deleted_rows import ALIAS
from mailboxes.joining import MOST, check_joining, for_members, with_recipients
from mailboxes.keeping import keep
from mailboxes.models import SendAs
from mailboxes.renaming import move_mailbox
from panel import helper
from panel.addresses import split_address
from panel.changes import removed
from panel.transactions import in_transaction

TOGETHER = 1_000


@in_transaction
def join_domain(*, actor, domain, target_domain, names=None, add=(), leave=(), most=MOST):
    """Move the addresses of ``domain`` into ``target_domain``, make it an alias domain of that, and return the AliasDomain.

    ``names``, ``add`` and ``leave`` answer what becomes of names that are taken there: see check_joining(). The old address of one that
    gets another name stays as an alias that leads to it, for the alias domain would lead to somebody else. The catch-all stays. Users
    sign in with the new names, and sessions end. The actor must manage both domains.
    """
    RoutingLock.hold()
    domain, target = domain.fresh(), target_domain.fresh()
    answers = {"names": names, "add": add, "leave": leave}
    plan = check_joining(actor=actor, domain=domain, target=target, most=most, lock=True, **answers)
    _move(actor, plan)
    for into in {into.pk: into for _alias, into in plan.added}.values():
        _add(actor, plan, into)
    gone = [move.row.pk for move in plan.moves if not move.stays]
    merged = [*plan.same, *(alias for alias, _into in plan.added)]
    for alias in merged:  # its copies stay
        keep(actor=actor, kind=ALIAS, row=alias, note=alias.goto)
    _merge_senders(actor, plan, merged)
    _drop(domain, [*gone, *(alias.pk for alias in merged)])
    if merged:
        changes = {alias.pk: removed(alias, *LOGGED) for alias in merged}
        LogEntry.objects.record_many(actor, "delete_alias", domain=domain.pk, changes=changes)
    _end_senders(actor, domain)
    renamed_rows.shrink(domain.pk, reseller="")
    if domain.sending_limit is not None:
        sending_limits.tell({"sending_limit"})
    link = create_alias_domain(
        actor=actor,
        alias_domain=domain,
        target_domain=target,
        description=domain.description,
    )
    _refuse_loops(actor, plan)
    LogEntry.objects.record(
        actor,
        "join_domain",
        domain=domain.pk,
        target=domain.pk,
        changes={
            "target_domain": [None, target.pk],
            "mailbox_count": [domain.usage.mailboxes, None],
            "alias_count": [domain.alias_count, None],
        },
    )
    if plan.mailboxes:
        helper.after_commit("kick-domain", domain.pk)
    return link


def _move(actor, plan):
    everything, now = Alias.objects.all(), timezone.now()
    for move in plan.mailboxes:
        move_mailbox(
            actor=actor,
            mailbox=move.row,
            new=move.new,
            follow=everything,
            takes_over=move.takes_over,
        )
        record(actor, "rename_mailbox", "username", move.row, move.new, move.stays)
    for move in plan.aliases:
        move.new.modified = now
        if for_members(move):
            if not move.stays:  # its number is the new one's
                Alias.objects.filter(pk=move.row.pk).update(access_list=None)
                move.new.access_list = move.row.access_list
            move.new.access_list = list_number(move.new)
        # As it is by now: it may have led to one that has moved.
        move.new.goto = Alias.objects.values_list("goto", flat=True).get(pk=move.row.pk)
        move_alias(actor=actor, old=move.row.pk, new=move.new, follow=everything)
        record(actor, "rename_alias", "address", move.row, move.new, move.stays)


def _add(actor, plan, into):
    stored = Alias.objects.select_for_update().get(pk=into.pk)
    for alias, _into in plan.added:  # it may have led to one that has moved
        alias.refresh_from_db(fields=["goto"])
    changes = {"goto": [stored.goto, with_recipients(plan, stored)]}
    if changes["goto"][0] == changes["goto"][1]:
        return
    stored.goto, stored.modified = changes["goto"][1], timezone.now()
    stored.save(update_fields=["goto", "modified"])
    LogEntry.objects.record(
        actor, "edit_alias", domain=stored.domain_id, target=stored.pk, changes=changes
    )


def _merge_senders(actor, plan, merged):
    """Whoever was let send as an alias that another one stands for now may send as that one."""
    for row in SendAs.objects.filter(sender__in=[alias.pk for alias in merged]):
        new = f"{split_address(row.sender)[0]}@{plan.target.pk}"
        if row.username == new or SendAs.objects.filter(username=row.username, sender=new).exists():
            continue
        SendAs(username=row.username, sender=new).save(force_insert=True)
        _record_sender(actor, row.username, [row.sender, new])


def _end_senders(actor, domain):
    """Who might send as every name of the domain: as the other one's names it was not meant."""
    for row in SendAs.objects.filter(sender=f"@{domain.pk}").order_by("username"):
        SendAs.objects.filter(pk=row.pk).delete()
        _record_sender(actor, row.username, [row.sender, None])


def _record_sender(actor, username, change):
    home = split_address(username)[1]
    LogEntry.objects.record(
        actor, "edit_send_as", domain=home, target=username, changes={"sender": change}
    )


def _drop(domain, names):
    """Delete the aliases of these old addresses, which the alias domain answers from now on: copies of mail to and from them stay."""
    copies = list(Copy.objects.filter(domain=domain.pk))
    for start in range(0, len(names), TOGETHER):
        Alias.objects.filter(pk__in=names[start : start + TOGETHER]).delete()
    there = set(Copy.objects.filter(domain=domain.pk).values_list("pk", flat=True))
    for copy in copies:
        if copy.pk not in there:
            copy.save(force_insert=True)


def _refuse_loops(actor, plan):
    names = [move.new.pk for move in plan.moves] + [into.pk for _alias, into in plan.added]
    for start in range(0, len(names), TOGETHER):
        refuse_loops(actor, names[start : start + TOGETHER], bound=MAX_UPSTREAM_OF_DOMAIN)
