"""Letters to people whose mailbox gets full: at each of LEVELS once, until it was below again. Dovecot says when (deploy/dovecot, service quota-warning)."""

from accounts import letters
from mailboxes.models import FULL, NEARLY_FULL, Mailbox, QuotaUsage, QuotaWarning
from panel.transactions import in_transaction

LEVELS = (NEARLY_FULL, FULL)  # percent of the quota


@in_transaction
def warn(*, address, percent):
    """Write to the mailbox that it is above ``percent``, in its language, if it was not told so. Return whether it was."""
    mailbox = Mailbox.objects.select_for_update().filter(pk=address).first()
    if mailbox is None or mailbox.quota <= 0:
        return False
    told = QuotaWarning.objects.filter(pk=address).first()
    if told is not None and told.percent >= percent:
        return False
    QuotaWarning.objects.update_or_create(pk=address, defaults={"percent": percent})
    if mailbox.receives:
        letters.send_after_commit("quota", mailbox, [address], percent=percent, quota=mailbox.quota)
    return True


@in_transaction
def is_below(*, address, percent):
    """The mailbox is below ``percent`` again: above it, there is a letter again."""
    rows = QuotaWarning.objects.filter(pk=address, percent__gte=percent)
    below = max((level for level in LEVELS if level < percent), default=None)
    if below is None:
        rows.delete()
    else:
        rows.update(percent=below)


def look_again(mailbox):
    """After another quota: Dovecot says nothing of that. In the transaction of the change."""
    used = QuotaUsage.objects.filter(pk=mailbox.pk).values_list("bytes", flat=True).first() or 0
    for percent in reversed(LEVELS):
        if mailbox.quota <= 0 or used * 100 < mailbox.quota * percent:
            is_below(address=mailbox.pk, percent=percent)
