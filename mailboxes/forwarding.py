"""A mailbox's forwarding: the targets of its self-alias."""

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from aliases.away import away_targets, without_away
from aliases.loops import refuse_loops
from aliases.models import Alias
from aliases.refusals import refuse_external_targets
from aliases.targets import parse_targets
from domains.models import RoutingLock
from mailboxes.models import Mailbox
from panel.addresses import lookup_key
from panel.changes import changed_fields, created
from panel.transactions import in_transaction


def self_alias(mailbox):
    """The mailbox's self-alias, or None where another program has left it out.

    No statement for a mailbox that came ``with_self_alias()``.
    """
    if hasattr(mailbox, "goto"):
        return mailbox.goto and Alias(
            address=mailbox.pk,
            goto=mailbox.goto,
            domain_id=mailbox.domain_id,
            active=mailbox.forwarding_active,
            is_self_alias=True,
        )
    return Alias.objects.filter(pk=mailbox.pk).first()


def forwarding_of(row):
    """(targets except the mailbox itself and PostfixAdmin's away message, whether a copy is kept) of a self-alias or None."""
    if row is None:
        return [], True
    targets = without_away(row.pk, row.targets)
    others = [target for target in targets if target.lower() != row.pk]
    return others, len(others) < len(targets)


def is_away(row):
    return row is not None and bool(away_targets(row.pk, row.targets))


def refuse_own_address(mailbox, text):
    if mailbox.pk in {lookup_key(line) for line in text.splitlines()}:
        raise ValidationError(
            _("%(address)s is this mailbox itself. To keep mail here, choose “Keep a copy here”."),
            "own_address",
            {"address": mailbox},
        )


def read_targets(*, actor, address, targets, stored=()):
    """The list of ``targets`` (text or list) besides ``address`` itself. Refuses those to which the actor may not send mail on.

    ``stored`` are the targets that there are: those may stay.
    """
    text = targets if isinstance(targets, str) else "\n".join(targets)
    parsed = []
    if text.strip():
        try:
            parsed = [t for t in parse_targets(text, keep=stored) if t != address]
        except ValidationError as error:
            raise ValidationError({"targets": error.error_list}) from None
    refuse_external_targets(actor, parsed, stored)
    return parsed


def forwards(row):
    return row is not None and row.active and bool(forwarding_of(row)[0])


@in_transaction
def set_forwarding(*, actor, mailbox, targets=None, keep_copy=None):
    """Forward the mailbox's mail to ``targets`` (text or list; empty ends it), with or without a copy.

    None keeps what is stored; PostfixAdmin's away message always stays. A forwarding that another program deactivated becomes as active as the mailbox. One that
    is active while the mailbox is not, as another program leaves it, stays active until it ends.
    """
    RoutingLock.hold()
    mailbox = Mailbox.objects.select_for_update().get(pk=mailbox.pk)
    row, is_new = Alias.objects.select_for_update().get_or_create(
        pk=mailbox.pk,
        defaults={
            "goto": mailbox.pk,
            "domain_id": mailbox.domain_id,
            "active": mailbox.active,
            "is_self_alias": True,
        },
    )
    stored, keeps_copy = forwarding_of(row)
    targets = stored if targets is None else targets
    keep_copy = keeps_copy if keep_copy is None else keep_copy
    parsed = read_targets(actor=actor, address=mailbox.pk, targets=targets, stored=row.targets)
    if not parsed or keep_copy:
        parsed = [mailbox.pk, *parsed]
    parsed = without_away(mailbox.pk, parsed)
    away = away_targets(mailbox.pk, row.targets)
    # Another program leaves the self-alias of an inactive mailbox active, to forward its mail.
    goes_on = row.active and not is_new and parsed != [mailbox.pk]
    parsed += away
    active = mailbox.active or goes_on
    changes = changed_fields(row, {"goto": ",".join(parsed), "active": active})
    if is_new:  # another program had left it out
        changes = created(row, "goto", "active")
    if not changes:
        return row
    row.modified = timezone.now()
    row.save(update_fields=[*changes, "modified"])
    refuse_loops(actor, [row.pk], "targets")
    LogEntry.objects.record(
        actor, "edit_forwarding", domain=mailbox.domain_id, target=row.pk, changes=changes
    )
    return row
