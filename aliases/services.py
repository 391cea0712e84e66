"""Operations on aliases: lock, check, save, log, in one transaction.

``actor`` is the account named in the log, or None for the command line. Permission is the
caller's job: pass rows that came out of ``manageable_by(actor)``. Each function raises
ValidationError and then has written nothing. Postfix sees a change at its next look-up.
"""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from aliases.models import Alias, AliasTarget
from aliases.pruning import drop_targets, leading_to
from aliases.routing import refuse_loops
from aliases.targets import parse_targets
from domains.addresses import display_address, normalise_local_part, split_address
from domains.models import AliasDomain, Domain, RoutingLock
from domains.services import insert, lock_domain
from panel.changes import changed_fields, check, created, removed
from panel.fields import KeyField
from panel.scoping import may_change_role_addresses, may_lead_outside
from panel.transactions import in_transaction


def refuse_role_address(actor, local_part):
    """Role addresses are the superadmins': who reads them can get a TLS certificate."""
    if local_part in settings.ROLE_ADDRESSES and not may_change_role_addresses(actor):
        raise ValidationError(
            {
                "local_part": ValidationError(
                    _("%(name)s is a role address. Ask a superadmin to set it up."),
                    "role",
                    {"name": local_part},
                )
            }
        )


def refuse_outside_targets(actor, targets, stored=()):
    """Where OUTSIDE_TARGETS says so, mail is sent on within our domains only; what is ``stored`` stays."""
    if may_lead_outside(actor):
        return
    new = set(targets) - {target.lower() for target in stored}
    domains = {target: split_address(target)[1] for target in targets if target in new}
    ours = set(Domain.objects.in_bulk(set(domains.values())))
    outside = [target for target in domains if domains[target] not in ours]
    if outside:
        raise ValidationError(
            {
                "targets": ValidationError(
                    _("%(target)s is outside. Here, only a superadmin may send mail on to there."),
                    "outside",
                    {"target": display_address(outside[0])},
                )
            }
        )


@in_transaction
def create_alias(*, actor, domain, local_part, targets, active=True, description=""):
    """Create an alias and return it.

    ``local_part`` is the name before the @, or ``*`` (or nothing) for the catch-all. ``targets``
    is text (one a line, or commas) or a list. Locks the domain: its alias limit holds under
    concurrency. Refuses taken addresses, loops and too deep nests.
    """
    RoutingLock.hold()
    domain = lock_domain(domain)
    catch_all = local_part in ("", "*")
    if not catch_all:
        local_part = _named("local_part", normalise_local_part, local_part)
        refuse_role_address(actor, local_part)
    limit_error = domain.limit_error("aliases")
    if limit_error:
        raise ValidationError({"domain": limit_error})
    parsed = _named("targets", parse_targets, targets, catch_all=catch_all)
    refuse_outside_targets(actor, parsed)
    alias = Alias(
        address=f"{'' if catch_all else local_part}@{domain.pk}",
        domain=domain,
        goto=",".join(parsed),
        active=active,
        description=description,
    )
    if alias.address in parsed:
        raise ValidationError(
            {"targets": ValidationError(_("An alias cannot lead to itself."), "itself")}
        )
    alias.full_clean(validate_unique=False)  # clean() says it in better words
    insert(alias)
    refuse_loops(actor, [alias.address], "targets", alias.loop_bound)
    LogEntry.objects.record(
        actor,
        "create_alias",
        domain=domain.pk,
        target=alias.address,
        changes=created(alias, "goto", "description", "active"),
    )
    return alias


@in_transaction
def update_alias(*, actor, alias, targets=None, **fields):
    """Change targets, ``description`` or ``active`` of an alias and return it."""
    RoutingLock.hold()
    alias = Alias.objects.select_for_update().get(pk=alias.pk)
    if targets is not None:
        parsed = _named(
            "targets", parse_targets, targets, catch_all=alias.is_catch_all, keep=alias.targets
        )
        refuse_outside_targets(actor, parsed, alias.targets)
        # What another program wrote may stay, beside others.
        if parsed == [alias.address] or alias.address in set(parsed) - set(alias.targets):
            raise ValidationError(
                {"targets": ValidationError(_("An alias cannot lead to itself."), "itself")}
            )
        fields["goto"] = ",".join(parsed)
    changes = changed_fields(alias, fields)
    if not changes:
        return alias
    check(alias, changes)
    alias.modified = timezone.now()
    alias.save(update_fields=[*changes, "modified"])
    if changes.keys() & {"goto", "active"}:
        field = "targets" if targets is not None else None
        refuse_loops(actor, [alias.address], field, alias.loop_bound)
    action = "edit_alias_state" if set(changes) == {"active"} else "edit_alias"
    LogEntry.objects.record(
        actor, action, domain=alias.domain_id, target=alias.address, changes=changes
    )
    return alias


def set_alias_active(*, actor, alias, active):
    """Switch an alias on or off. Off, its mail goes to the catch-all or is refused."""
    return update_alias(actor=actor, alias=alias, active=active)


@in_transaction
def delete_alias(*, actor, alias, drop_from=None):
    """Delete an alias; it is taken out of those of ``drop_from``, a queryset, that lead to it.

    Pass what came out of ``Alias.objects.prunable_by(actor)``.
    """
    RoutingLock.hold()
    alias = Alias.objects.select_for_update().get(pk=alias.pk)
    if alias.of_mailbox:
        raise ValidationError(
            _("%(address)s belongs to its mailbox. Delete the mailbox instead."),
            "of_mailbox",
            {"address": alias.address},
        )
    Alias.objects.filter(pk=alias.pk).delete()
    LogEntry.objects.record(
        actor,
        "delete_alias",
        domain=alias.domain_id,
        target=alias.address,
        changes=removed(alias, "goto", "description", "active"),
    )
    drop_everywhere(actor=actor, address=alias.address, aliases=drop_from)
    refuse_loops(actor, [alias.address])


def drop_everywhere(*, actor, address, aliases):
    """Take ``address`` out of those of ``aliases``, a queryset or None, that lead to it: of all of them.

    Its names in alias domains too, which nobody answers any more either.
    """
    if aliases is not None:
        names = all_names([address])
        rows = leading_to(aliases.only("pk"), names)
        drop_targets(actor=actor, addresses=names, aliases=rows)


def names_leading_to(addresses):
    """Return the addresses of the alias rows (mailboxes' own rows included) that lead to one of ``addresses``."""
    targets = AliasTarget.objects.leading_to(all_names(addresses))
    return set(targets.values_list("alias", flat=True))


def all_names(addresses):
    """Return ``addresses`` and, in one statement, the names in alias domains that they answer to.

    A mailbox or an alias of that name in the alias domain answers there itself, even if it is switched
    off now. A catch-all is asked for no name, so it has no other.
    """
    named = map(_names_in_alias_domains, addresses)
    return [*addresses, *AliasDomain.objects.none().union(*named, all=True)]


def _names_in_alias_domains(address):
    local_part, domain = split_address(address)
    if not local_part:
        return AliasDomain.objects.none()
    name = Concat(Value(f"{local_part}@"), "pk", output_field=KeyField())
    links = AliasDomain.objects.filter(target_domain=domain, active=True).annotate(name=name)
    alias = Alias.objects.filter(pk=OuterRef("name"))
    mailbox = Domain.objects.filter(mailbox__pk=OuterRef("name"))
    return links.exclude(Exists(alias) | Exists(mailbox)).values_list("name", flat=True)


def _named(field, function, *args, **kwargs):
    """Call ``function``; put its ValidationError at ``field``."""
    try:
        return function(*args, **kwargs)
    except ValidationError as error:
        raise ValidationError({field: error.error_list}) from None
