from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import LogEntry
from aliases.loops import refuse_loops
from aliases.models import Alias
from aliases.services import check_new_alias
from domains.models import RoutingLock
from mailboxes.models import Mailbox
from panel.changes import created, insert_many, refuse_rows, taken
from panel.transactions import in_transaction


@in_transaction
def create_aliases(*, actor, domain, aliases):
    """Create many aliases of one domain by the rules of ``create_alias``: all of them, or none.

    ``aliases`` are dictionaries of ``local_part``, ``targets`` and the other fields. Holds RoutingLock: about a
    thousand at a time is a good number. The error has a line for each thing that is wrong.
    """
    if not aliases:
        return []
    RoutingLock.hold()
    domain = domain.fresh()
    names = [f"{fields['local_part'].strip('*').lower()}@{domain.pk}" for fields in aliases]
    in_use = {
        *Alias.objects.filter(pk__in=names).values_list("pk", flat=True),
        *Mailbox.objects.filter(pk__in=names).values_list("pk", flat=True),
    }
    new, refused, moment = [], [], timezone.now()
    for fields in aliases:
        try:
            alias = check_new_alias(actor=actor, domain=domain, in_use=in_use, **fields)
        except ValidationError as error:
            refused.append((f"{fields['local_part']}@{domain}", error))
            continue
        if alias.address in in_use:  # by this list itself
            refused.append((str(alias), taken(alias)))
        in_use.add(alias.address)
        alias.created = alias.modified = moment
        new.append(alias)
        # Count as the triggers will, for the next one's limit. Only this function has this object.
        domain.usage.alias_rows += 1
    refuse_rows(refused)
    insert_many(new)
    refuse_loops(actor, [alias.address for alias in new])
    LogEntry.objects.record_many(
        actor,
        "create_alias",
        domain=domain.pk,
        changes={alias.address: created(alias, "goto", "description", "active") for alias in new},
    )
    return new
