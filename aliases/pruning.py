"""Taking addresses that end out of the aliases that name them."""

from django.apps import apps
from django.utils import timezone

from accounts.models import LogEntry
from aliases.routing import refuse_loops
from panel.changes import removed
from panel.transactions import in_transaction

BATCH = 1_000  # rows held at once: an address may be the target of 100,000 aliases


def leading_to(aliases, addresses):
    """Yield those of ``aliases``, a queryset, that name one of ``addresses``: all of them."""
    targets = apps.get_model("aliases", "AliasTarget").objects.leading_to(addresses)
    for names in _batches(sorted(set(targets.values_list("alias", flat=True)))):
        yield from aliases.filter(pk__in=names)


@in_transaction
def drop_targets(*, actor, addresses, aliases):
    """Take ``addresses`` out of the targets of ``aliases``.

    An alias left with nothing is deleted; a mailbox's own row then leads to the mailbox again.
    The caller holds RoutingLock.
    """
    Alias = apps.get_model("aliases", "Alias")
    dead, deleted = set(addresses), []
    for names in _batches(sorted(alias.pk for alias in aliases)):
        rows = Alias.objects.select_for_update().filter(pk__in=names).order_by("pk")
        deleted += [alias.pk for alias in rows if _drop(actor, alias, dead)]
    for names in _batches(deleted):  # once all is as it will be
        refuse_loops(actor, names)


def _drop(actor, alias, dead):
    """Take the targets ``dead`` out of one alias; say whether that was its end."""
    AliasTarget = apps.get_model("aliases", "AliasTarget")
    stored = AliasTarget.objects.filter(alias=alias.pk).without_own_answer()
    gone = {target for target, bare in stored.values_list("target", "bare") if bare in dead}
    left = [target for target in alias.targets if target.lower() not in gone]
    if left == alias.targets:
        return False
    if left in ([], [alias.address]):  # itself alone is nobody, but for a mailbox
        left = [alias.address] if alias.of_mailbox else []
    if left:
        action, changes = "edit_alias", {"goto": [alias.goto, ",".join(left)]}
        alias.goto, alias.modified = ",".join(left), timezone.now()
        alias.save(update_fields=["goto", "modified"])
    else:
        action, changes = "delete_alias", removed(alias, "goto", "description", "active")
        type(alias).objects.filter(pk=alias.pk).delete()
    LogEntry.objects.record(
        actor, action, domain=alias.domain_id, target=alias.address, changes=changes
    )
    return not left


def _batches(items):
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
