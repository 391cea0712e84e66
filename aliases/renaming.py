"""Another name for an address: what leads to it goes on doing so.

As aliases/services.py: lock, check, save, log, in one transaction.
"""

from copy import copy

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from aliases.access_rules import list_number, refuse_name_it_moved_to
from aliases.cleaning import BATCH, referring_aliases
from aliases.loops import refuse_loops
from aliases.models import Alias, AliasTarget, Ending, OwnAlias
from aliases.referrers import with_alias_domain_names
from aliases.refusals import refuse_role_address, refuse_taken
from aliases.targets import MAX_BYTES
from domains.copies import copies_about
from domains.copy_services import rename_copies
from domains.models import RoutingLock
from mailboxes.models import SendAs
from panel.addresses import normalise_local_part, split_address
from panel.changes import collected, insert, refuse
from panel.paging import COUNT_BOUND, bounded_count
from panel.scoping import acting, sees_all_domains
from panel.transactions import in_transaction


@in_transaction
def rename_alias(*, actor, alias, local_part, domain=None, keep_alias=True, follow=None):
    """Give an alias another name, in ``domain`` if it is to leave its own, and return it with its targets as they are.

    Its old name becomes an alias that leads to the new one, unless ``keep_alias`` is False. Of ``follow``, a queryset of aliases, those
    that lead to the old name lead to the new one. Its last day, its user, if it is an own address, and who may send as it go along. The
    actor must manage both domains.
    """
    RoutingLock.hold()
    alias = Alias.objects.select_for_update().get(pk=alias.pk)
    alias.domain = alias.domain.fresh()
    moves = domain is not None and domain.pk != alias.domain_id
    domain = domain.fresh() if moves else alias.domain
    old = alias.pk
    new = check_new_name(
        actor=actor, alias=alias, local_part=local_part, domain=domain, keep_alias=keep_alias
    )
    new.modified = timezone.now()
    if not keep_alias:  # its number is the new one's
        Alias.objects.filter(pk=old).update(access_list=None)
    move_alias(actor=actor, old=old, new=new, keep_alias=keep_alias, follow=follow)
    refuse_loops(actor, [new.pk, old])
    record(actor, "rename_alias", "address", alias, new, keep_alias)
    return new


def move_alias(*, actor, old, new, keep_alias=True, follow=None):
    """Write ``new``, an unsaved Alias that was checked, in place of the address ``old``. The caller holds RoutingLock, refuses loops and writes the log."""
    names = with_alias_domain_names([old])
    # As they are before a trigger changes them.
    copies = copies_about([old] if keep_alias else names)
    # The new name first: no catch-all may see it free. The old one is there until the end, for its copies would end with it.
    insert(new)
    Alias.objects.filter(pk=old).update(goto=new.pk, modified=new.modified)
    _take_along(old, new)
    gone = None if keep_alias else names
    rename_copies(actor=actor, copies=copies, old=old, new=new.pk, gone=gone)
    if follow is not None:
        lead_on(actor=actor, old=old, new=new.pk, aliases=follow)
    lead_endings_on(actor=actor, old=old, new=new.pk)
    if not keep_alias:
        Alias.objects.filter(pk=old).delete()


def check_new_name(*, actor, alias, local_part, domain, keep_alias=True):
    """Return the unsaved Alias of that name. Raises all errors at once. Both domains come with their counters."""
    new, errors = copy(alias), {}
    new.domain, new._state.adding = domain, True
    if alias.is_catch_all or alias.is_self_alias:
        raise ValidationError(
            _("%(address)s has no name of its own to change."), "no_name", {"address": alias}
        )
    with collected(errors, "local_part"):
        name = normalise_local_part(local_part)
        refuse_role_address(actor, name)
        new.address = f"{name}@{domain.pk}"
        new.clean()
        refuse_taken(new.pk, wanted="alias")
    if "local_part" not in errors:
        with collected(errors, "local_part"):
            _refuse_itself(new)
            refuse_name_it_moved_to(new)
    # One row more than before, in one of the domains.
    moves = domain.pk != alias.domain_id
    if (moves or keep_alias) and (limit := domain.limit_error("aliases")):
        errors["domain" if moves else "keep_alias"] = [limit]
    try:
        new.access_list = None if keep_alias else alias.access_list
        new.access_list = list_number(new)
    except ValidationError as error:
        errors.setdefault("keep_alias", error.error_dict["access"])
    refuse(errors)
    return new


def _refuse_itself(new):
    if new.pk in {target.lower() for target in new.targets}:
        text = _("This alias leads to %(address)s, so it cannot have that name.")
        raise ValidationError(text, "itself", {"address": new})


def _take_along(old, new):
    here = {"address": new.pk, "domain": new.domain_id}
    for model, key, values in (
        (Ending, "address", here),
        (OwnAlias, "address", here),
        (SendAs, "sender", {"sender": new.pk}),
    ):
        model.objects.filter(**{key: new.pk}).delete()  # left by another program
        model.objects.filter(**{key: old}).update(**values)


def record(actor, action, field, old, new, keep_alias):
    changes = {field: [old.pk, new.pk]}
    if keep_alias:
        changes["alias"] = [None, old.pk]
    # Where it leaves a domain, whoever manages that one alone reads it, too.
    for domain, target in ({old.domain_id: old.pk} | {new.domain_id: new.pk}).items():
        LogEntry.objects.record(actor, action, domain=domain, target=target, changes=changes)


def leading_to(actor, names):
    """(the aliases and forwardings that lead to ``names`` and follow, how many others do).

    At most COUNT_BOUND + 1 of either kind. What ``lead_on`` changes of ``Alias.objects.led_on_by(actor)`` are the first.
    """
    targets = AliasTarget.objects.referring_to(names)
    if sees_all_domains(actor):
        return list(targets.aliases(COUNT_BOUND + 1)), 0
    managed = acting(actor, "aliases:write").managed_names
    others = targets.exclude(owner__in=managed).values("alias").distinct()
    follow = targets.filter(owner__in=managed)
    return list(follow.aliases(COUNT_BOUND + 1)), bounded_count(others)


def lead_endings_on(*, actor, old, new):
    """Mail of mailboxes that end goes to ``new`` then, if it was to go to ``old``. The caller holds RoutingLock."""
    for ending in Ending.objects.select_for_update().filter(goto=old).order_by("pk"):
        Ending.objects.filter(pk=ending.pk).update(goto=new)
        changes = {"goto": [old, new]}
        LogEntry.objects.record(
            actor, "set_ending", domain=ending.domain, target=ending.pk, changes=changes
        )


def lead_on(*, actor, old, new, aliases):
    """Let those of ``aliases`` that lead to ``old``, or to its names in alias domains, lead to ``new``. An extension stays.

    ``aliases`` is a queryset. The caller holds RoutingLock, in its transaction; both addresses have a row.
    """
    names = with_alias_domain_names([old])
    found = sorted(alias.pk for alias in referring_aliases(aliases.only("pk"), names))
    for start in range(0, len(found), BATCH):
        rows = Alias.objects.select_for_update().filter(pk__in=found[start : start + BATCH])
        for row in rows.order_by("pk"):
            _lead_on(actor, row, set(names), new)
    for start in range(0, len(found), BATCH):  # after all changes: a loop may exist in between
        refuse_loops(actor, found[start : start + BATCH])


def _lead_on(actor, alias, names, new):
    stored = AliasTarget.objects.filter(alias=alias.pk).without_own_answer(besides=names)
    led = {
        target: renamed(target, bare, new)
        for target, bare in stored.values_list("target", "bare")
        if bare in names
    }
    goto = ",".join(dict.fromkeys(led.get(target.lower(), target) for target in alias.targets))
    if not led:  # changed since it was found
        return
    if len(goto.encode()) > MAX_BYTES:
        raise ValidationError(
            _("%(address)s has so many recipients that a longer one has no room among them."),
            "too_long",
            {"address": alias},
        )
    changes = {"goto": [alias.goto, goto]}
    alias.goto, alias.modified = goto, timezone.now()
    alias.save(update_fields=["goto", "modified"])
    action = "edit_forwarding" if alias.is_self_alias else "edit_alias"
    LogEntry.objects.record(
        actor, action, domain=alias.domain_id, target=alias.address, changes=changes
    )


def renamed(target, bare, new):
    """``target`` with another name: ``jo+list@example.org`` for ``joe+list@example.org``, which is ``bare`` with an extension."""
    extension = split_address(target)[0].removeprefix(split_address(bare)[0])
    local_part, domain = split_address(new)
    return f"{local_part}{extension}@{domain}"
