"""Taking addresses that end out of the aliases that name them."""

from django.apps import apps
from django.db import transaction
from django.utils import timezone

from accounts.models import LogEntry
from aliases.routing import refuse_loops


@transaction.atomic
def drop_targets(*, actor, addresses, aliases):
    """Take ``addresses`` out of the targets of ``aliases``.

    An alias left with nothing is deleted; a mailbox's own row then leads to the mailbox again.
    The caller holds RoutingLock.
    """
    Alias = apps.get_model("aliases", "Alias")
    AliasTarget = apps.get_model("aliases", "AliasTarget")
    dead, deleted = set(addresses), []
    names = [alias.pk for alias in aliases]
    for alias in Alias.objects.select_for_update().filter(pk__in=names).order_by("pk"):
        named = AliasTarget.objects.filter(alias=alias.pk, bare__in=dead)
        gone = set(named.values_list("target", flat=True))
        left = [target for target in alias.targets if target.lower() not in gone]
        if left == alias.targets:
            continue
        if left in ([], [alias.address]):  # itself alone is nobody, but for a mailbox
            left = [alias.address] if alias.of_mailbox else []
        old, alias.goto = alias.goto, ",".join(left)
        if left:
            alias.modified = timezone.now()
            alias.save(update_fields=["goto", "modified"])
            action = "edit_alias"
        else:
            Alias.objects.filter(pk=alias.pk).delete()
            deleted.append(alias.pk)
            action = "delete_alias"
        LogEntry.objects.record(
            actor,
            action,
            domain=alias.domain_id,
            target=alias.address,
            changes={"goto": [old, alias.goto or None]},
        )
    if deleted:
        refuse_loops(actor, deleted)
