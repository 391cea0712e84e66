"""What becomes of aliases that lead to what is deleted. As in aliases/services.py: lock, check, save, log, in one transaction."""

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from aliases.away import with_own
from aliases.loops import refuse_loops
from aliases.models import LOGGED, Alias, AliasTarget
from aliases.referrers import with_alias_domain_names
from aliases.refusals import refuse_external_targets
from domains.copies import copies_about
from domains.copy_services import end_copies
from domains.models import RoutingLock
from mailboxes.keeping import Losses
from panel.addresses import display_address, normalise_address, without_extension
from panel.changes import collected, refuse, removed
from panel.transactions import in_transaction

KEEP, REMOVE, DELETE = "keep", "remove", "delete"
BATCH = 1_000  # rows held at once: an address may be the target of 100,000 aliases


def clean_referrers(*, actor, addresses, aliases, others=REMOVE, emptied=KEEP):
    """Treat those of ``aliases`` that lead to ``addresses``, or to their names in alias domains.

    ``aliases`` is a queryset, what came out of ``Alias.objects.cleanable_by(actor)``, or None for none.
    ``others``: KEEP them, REMOVE the addresses from them, or an address that takes their place.
    ``emptied``, those that would have no recipient: KEEP them, DELETE them, or an address that they lead to.
    """
    if aliases is not None and (others, emptied) != (KEEP, KEEP):
        _clean_referrers(actor, addresses, aliases, others, emptied)


@in_transaction
def _clean_referrers(actor, addresses, aliases, others, emptied):
    others, emptied = check_treatment(actor, addresses, others=others, emptied=emptied)
    RoutingLock.hold()
    names = with_alias_domain_names(addresses)
    remove_target_from_aliases(
        actor=actor,
        addresses=names,
        aliases=referring_aliases(aliases.only("pk"), names),
        others=others,
        emptied=emptied,
    )


def check_treatment(actor, addresses, *, others, emptied):
    names, errors = with_alias_domain_names(addresses), {}
    same = emptied == others
    with collected(errors, "replace_by"):
        others = _replacement(actor, others, names)
    if same:
        emptied = others
    else:
        with collected(errors, "emptied"):
            emptied = _replacement(actor, emptied, names)
    refuse(errors)
    return others, emptied


def _replacement(actor, text, gone):
    if text in {KEEP, REMOVE, DELETE}:
        return text
    address = normalise_address(text)
    if without_extension(address) in gone:
        raise ValidationError(
            _("%(address)s itself is being deleted. Enter another address."),
            "itself",
            {"address": display_address(address)},
        )
    try:
        refuse_external_targets(actor, [address])
    except ValidationError as error:
        raise ValidationError(error.error_dict["targets"]) from None
    return address


@in_transaction
def remove_target_from_aliases(
    *, actor, addresses, aliases, domains=(), others=REMOVE, emptied=DELETE
):
    """Treat ``aliases`` that lead to ``addresses`` as ``clean_referrers`` does; a self-alias leads to its mailbox again.

    ``domains`` are those that are deleted whole. The caller holds RoutingLock.
    """
    dead, changed, losses = set(addresses), [], Losses(addresses=addresses, domains=domains)
    for names in _batches(sorted(alias.pk for alias in aliases)):
        rows = Alias.objects.select_for_update().filter(pk__in=names).order_by("pk")
        treatment = dead, losses, others, emptied
        changed += [row.pk for row in rows if _remove_targets(actor, row, *treatment)]
    losses.store()
    for names in _batches(changed):  # after all changes: a loop may exist in between
        refuse_loops(actor, names)


def _remove_targets(actor, alias, dead, losses, others, emptied):
    """Return whether the change may close a loop: the alias is gone, or leads elsewhere."""
    stored = AliasTarget.objects.filter(alias=alias.pk).without_own_answer()
    targets = stored.values_list("target", "bare")
    gone = {target: bare for target, bare in targets if bare in dead}
    rest = [target for target in alias.targets if target.lower() not in gone]
    if len(rest) == len(alias.targets):
        return False
    choice = emptied if has_no_recipient(alias, rest) else others
    if choice == KEEP:
        return False
    if choice in {REMOVE, DELETE}:
        left = rest if choice == REMOVE else []
    else:
        left = _with_replacement(alias, gone, choice)
    if alias.is_self_alias:
        left = with_own(alias.address, left)
    if left:
        action = "edit_forwarding" if alias.is_self_alias else "edit_alias"
        changes = {"goto": [alias.goto, ",".join(left)]}
        before, alias.goto, alias.modified = alias.goto, ",".join(left), timezone.now()
        alias.save(update_fields=["goto", "modified"])
        losses.note(alias, before, gone)
    else:
        action, changes = "delete_alias", removed(alias, *LOGGED)
        copies = copies_about(with_alias_domain_names([alias.address]))
        losses.note_deleted(alias, gone, copies)
        end_copies(actor=actor, copies=copies)
        Alias.objects.filter(pk=alias.pk).delete()
    LogEntry.objects.record(
        actor, action, domain=alias.domain_id, target=alias.address, changes=changes
    )
    return choice != REMOVE


def has_no_recipient(alias, targets):
    if alias.is_self_alias:
        return False
    # Itself alone is nobody, unless the domain's next server knows the address.
    is_nobody = alias.is_catch_all or alias.domain.ends_here
    return not ({target.lower() for target in targets} - ({alias.address} if is_nobody else set()))


def _with_replacement(alias, gone, address):
    # An alias must not lead to itself, so the target is dropped; for a self-alias it means a copy is kept.
    instead = "" if address == alias.address and not alias.is_self_alias else address
    new = [instead if target.lower() in gone else target for target in alias.targets]
    left = list(dict.fromkeys(filter(None, new)))
    if has_no_recipient(alias, left):
        raise ValidationError(
            _("%(address)s would itself have no recipient. Enter another address."),
            "itself",
            {"address": alias},
        )
    return left


def referring_aliases(aliases, addresses):
    targets = AliasTarget.objects.referring_to(addresses)
    for names in _batches(sorted(set(targets.values_list("alias", flat=True)))):
        yield from aliases.filter(pk__in=names)


def _batches(items):
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
