"""Operations on aliases: lock, check, save, log, in one transaction.

``actor`` is the account named in the log, or None for the command line. Permission is the
caller's job: pass rows that came out of ``manageable_by(actor)``. Each function raises
ValidationError and then has written nothing. Postfix sees a change at its next look-up.
"""

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from aliases.access_rules import checked_access, list_number
from aliases.away import with_own
from aliases.cleaning import KEEP, REMOVE, clean_referrers, has_no_recipient
from aliases.loops import refuse_loops
from aliases.models import LOGGED, Alias, AliasTarget
from aliases.referrers import with_alias_domain_names
from aliases.refusals import (
    changed_since,
    refuse_external_targets,
    refuse_itself,
    refuse_own_whole_domain,
    refuse_role_address,
    refuse_taken,
)
from aliases.targets import parse_targets
from domains.copies import copies_about
from domains.copy_services import end_copies
from domains.models import RoutingLock
from mailboxes.deleted_rows import ALIAS
from mailboxes.keeping import keep
from panel.addresses import normalise_local_part
from panel.changes import (
    changed_fields,
    collected,
    created,
    insert,
    refuse,
    removed,
    validate_changed,
)
from panel.transactions import in_transaction


@in_transaction
def create_alias(*, actor, domain, local_part, targets, **fields):
    """Create an alias and return it.

    ``local_part`` is the name before the @, or ``*`` (or nothing) for the catch-all. ``targets`` is
    text (one a line, or commas) or a list. ``fields`` are ``active``, ``description``, ``access``, ``access_text``. Locks the domain: its alias limit holds under
    concurrency. Refuses addresses in use, loops and too large an expansion.
    """
    RoutingLock.hold()
    domain = domain.fresh()
    alias = check_new_alias(
        actor=actor,
        domain=domain,
        local_part=local_part,
        targets=targets,
        **fields,
    )
    alias.access_list = list_number(alias)
    insert(alias)
    refuse_loops(actor, [alias.address], "targets")
    LogEntry.objects.record(
        actor,
        "create_alias",
        domain=domain.pk,
        target=alias.address,
        changes=created(alias, *LOGGED),
    )
    return alias


def check_new_alias(*, actor, domain=None, local_part=None, targets=None, in_use=None, **fields):
    """Return the unsaved Alias. Raises all errors at once; an argument that is None is not checked.

    ``in_use`` are the taken addresses, where the caller has asked for those of many together.
    """
    errors = {}
    alias = Alias(domain=domain, **fields)
    catch_all = local_part in ("", "*")
    if local_part is not None and not catch_all:
        with collected(errors, "local_part"):
            local_part = normalise_local_part(local_part)
            refuse_role_address(actor, local_part)
    if domain is not None and (limit_error := domain.limit_error("aliases")):
        errors["domain"] = [limit_error]
    if domain is not None and local_part is not None and "local_part" not in errors:
        alias.address = f"{'' if catch_all else local_part}@{domain.pk}"
        with collected(errors, "local_part"):
            alias.clean()
            if in_use is None or alias.address in in_use:
                refuse_taken(alias.address, wanted="alias")
    if targets is not None:
        with collected(errors):
            alias.goto = ",".join(_checked_targets(actor, alias, targets, catch_all=catch_all))
    with collected(errors):
        alias.clean_fields(exclude=["address", "domain", "goto"])
    with collected(errors):
        alias.access_text = checked_access(alias)
    refuse(errors)
    return alias


def _checked_targets(actor, alias, text, *, catch_all):
    stored = alias.targets
    parsed = _named("targets", parse_targets, text, catch_all=catch_all, keep=stored)
    errors = {}
    with collected(errors):
        refuse_own_whole_domain(parsed, stored)
    with collected(errors):
        refuse_external_targets(actor, parsed, stored)
    if not errors and alias.address:
        with collected(errors):
            refuse_itself(alias, parsed, stored)
    refuse(errors)
    return parsed


@in_transaction
def update_alias(*, actor, alias, targets=None, **fields):
    RoutingLock.hold()
    alias = Alias.objects.select_for_update().get(pk=alias.pk)
    changes = check_alias(alias, actor=actor, targets=targets, **fields)
    if not changes:
        return alias
    alias.modified, alias.access_list = timezone.now(), list_number(alias)
    alias.save(update_fields=[*changes, "modified", "access_list"])
    if changes.keys() & {"goto", "active"}:
        field = "targets" if targets is not None else None
        refuse_loops(actor, [alias.address], field)
    action = "edit_alias_state" if set(changes) == {"active"} else "edit_alias"
    LogEntry.objects.record(
        actor, action, domain=alias.domain_id, target=alias.address, changes=changes
    )
    return alias


def check_alias(alias, *, actor, targets=None, **fields):
    errors = {}
    if targets is not None:
        with collected(errors):
            parsed = _checked_targets(actor, alias, targets, catch_all=alias.is_catch_all)
            fields["goto"] = ",".join(parsed)
    changes = changed_fields(alias, fields)
    with collected(errors):
        validate_changed(alias, changes)
    if changes.keys() & {"access", "access_text"}:
        before = changes.pop("access_text", [alias.access_text])[0]
        with collected(errors):
            alias.access_text = checked_access(alias)
        if alias.access_text != before:
            changes["access_text"] = [before, alias.access_text]
    refuse(errors)
    return changes


def set_alias_active(*, actor, alias, active):
    return update_alias(actor=actor, alias=alias, active=active)


@in_transaction
def put_back(*, actor, alias, changes):
    """Give a row of ``alias``, a forwarding among them, the values it had, as they were stored.

    ``changes`` are {field: [earlier, now]}; if somebody changed one of them since, nothing is put back.
    """
    RoutingLock.hold()
    alias = Alias.objects.select_for_update().get(pk=alias.pk)
    if any(getattr(alias, name) != now for name, (_earlier, now) in changes.items()):
        raise changed_since()
    back = changed_fields(alias, {name: earlier for name, (earlier, _now) in changes.items()})
    alias.modified, alias.access_list = timezone.now(), list_number(alias)
    alias.save(update_fields=[*back, "modified", "access_list"])
    refuse_loops(actor, [alias.address])
    action = "edit_forwarding" if alias.is_self_alias else "edit_alias"
    LogEntry.objects.record(
        actor, action, domain=alias.domain_id, target=alias.address, changes=back
    )
    return back


@in_transaction
def leave_out_dead_targets(*, actor, alias):
    """Take the targets that nobody answers out of ``alias`` and return the changes, as put_back() takes them.

    A self-alias that has no other leads to its mailbox again; another alias is switched off and keeps its list. Mail goes where
    it went before: Postfix is not told of such targets.
    """
    RoutingLock.hold()
    alias = Alias.objects.select_for_update().get(pk=alias.pk)
    stored = AliasTarget.objects.filter(alias=alias.pk)
    dead = set(stored.dangling().values_list("target", flat=True))
    rest = [target for target in alias.targets if target.lower() not in dead]
    if alias.is_self_alias:
        rest = with_own(alias.address, rest)
    fields = (
        {"active": False} if not rest or has_no_recipient(alias, rest) else {"goto": ",".join(rest)}
    )
    if (rest and rest == alias.targets) or not (changes := changed_fields(alias, fields)):
        return {}
    alias.modified = timezone.now()
    alias.save(update_fields=[*changes, "modified"])
    if "active" in changes:
        refuse_loops(actor, [alias.address])
        action = "edit_alias_state"
    else:
        action = "edit_forwarding" if alias.is_self_alias else "edit_alias"
    LogEntry.objects.record(
        actor, action, domain=alias.domain_id, target=alias.address, changes=changes
    )
    return changes


@in_transaction
def delete_alias(*, actor, alias, clean=None, others=REMOVE, emptied=KEEP):
    """Delete an alias, and the copies (BCC) of its mail. What happens to the aliases that lead to it: see ``clean_referrers``.

    Returns the Deleted, or None if nothing is kept.
    """
    RoutingLock.hold()
    alias = Alias.objects.select_for_update().get(pk=alias.pk)
    if alias.is_self_alias:
        raise ValidationError(
            _("%(address)s belongs to its mailbox. Delete the mailbox instead."),
            "is_self_alias",
            {"address": alias.address},
        )
    copies = copies_about(with_alias_domain_names([alias.address]))
    kept = keep(actor=actor, kind=ALIAS, row=alias, note=alias.goto, copies=copies)
    Alias.objects.filter(pk=alias.pk).delete()
    LogEntry.objects.record(
        actor,
        "delete_alias",
        domain=alias.domain_id,
        target=alias.address,
        changes=removed(alias, *LOGGED),
    )
    end_copies(actor=actor, copies=copies)
    clean_referrers(
        actor=actor, addresses=[alias.address], aliases=clean, others=others, emptied=emptied
    )
    refuse_loops(actor, [alias.address])
    return kept


def _named(field, function, *args, **kwargs):
    errors = {}
    with collected(errors, field):
        return function(*args, **kwargs)
    raise ValidationError(errors)
