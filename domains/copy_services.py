from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from aliases.refusals import refuse_role_address
from domains.copies import MOST, TO, Copy
from domains.models import Domain, RoutingLock
from mailboxes.models import Mailbox
from panel.addresses import display_address, normalise_address, normalise_local_part, split_address
from panel.changes import collected, refuse
from panel.scoping import (
    domains_managed,
    may_change_role_addresses,
    may_use_external_targets,
)
from panel.transactions import in_transaction


@in_transaction
def add_copy(*, actor, domain, direction, goto, local_part=""):
    RoutingLock.hold()
    copy = check_copy(
        actor=actor, domain=domain, direction=direction, goto=goto, local_part=local_part
    )
    copy.save(force_insert=True)
    _record(actor, copy, [None, copy.goto])
    return copy


def check_copy(*, actor, domain, direction, goto, local_part="", also=0):
    """``also`` is how many copies more the domain will have before it."""
    errors, name, target = {}, "", ""
    with collected(errors, "local_part"):
        name = normalise_local_part(local_part) if local_part else ""
        if direction == TO:
            _check_role_addresses(actor, name)
    with collected(errors, "goto"):
        target = normalise_address(goto)
        _check_target(actor, target)
    address = f"{name}@{domain.pk}"
    if target == address:
        errors["goto"] = [ValidationError(_("Mail goes there already."), "itself")]
    copies = Copy.objects.filter(domain=domain.pk)
    if not errors and copies.filter(direction=direction, address=address).exists():
        errors["local_part"] = [
            ValidationError(
                _("There is a copy already: Postfix makes one for each address. Remove it first."),
                "taken",
            )
        ]
    if copies.count() + also >= MOST:
        errors["__all__"] = [
            ValidationError(_("A domain has at most %(n)d copies."), "too_many", {"n": MOST})
        ]
    refuse(errors)
    return Copy(domain=domain.pk, direction=direction, address=address, goto=target)


def _check_role_addresses(actor, name):
    # Who reads mail for role addresses can get a TLS certificate: a copy is as good as the mail.
    refuse_role_address(actor, name)
    if not name and not may_change_role_addresses(actor):
        raise ValidationError(
            _(
                "Only a superadmin may have all mail to a domain copied: that to postmaster@ and the like is among it. Enter one name."
            ),
            "role",
        )


def _check_target(actor, target):
    host = split_address(target)[1]
    if not Domain.objects.filter(pk=host).exists():
        if not may_use_external_targets(actor):
            raise ValidationError(
                _(
                    "%(target)s is an external address. Only a superadmin may send copies outside this server's domains."
                ),
                "external",
                {"target": display_address(target)},
            )
        return
    known = domains_managed(actor, {host})
    if not known or not Mailbox.objects.filter(pk=target, active=True).exists():
        raise ValidationError(
            _(
                "%(target)s is no mailbox that you manage and that is on. Copies go to a mailbox, or to an external address."
            ),
            "no_mailbox",
            {"target": display_address(target)},
        )


@in_transaction
def remove_copy(*, actor, copy):
    RoutingLock.hold()
    copy = Copy.objects.select_for_update().get(pk=copy.pk)
    Copy.objects.filter(pk=copy.pk).delete()
    _record(actor, copy, [copy.goto, None])


def end_copies(*, actor, copies):
    """Delete ``copies`` with what they were of, or went to. The caller holds RoutingLock, in its transaction."""
    copies = list(copies)
    if not copies:  # as most often
        return
    Copy.objects.filter(pk__in=[copy.pk for copy in copies]).delete()
    for copy in copies:
        _record(actor, copy, [copy.goto, None])


def rename_copies(*, actor, copies, old, new, gone=None):
    """What went to the mailbox ``old`` goes to ``new``, and mail to and from the new name is copied as that of the old one is.

    ``copies`` are those about the old name as it was. The caller holds RoutingLock. The old name stays an alias and keeps its copies,
    unless ``gone`` names it, and its names in alias domains, whose copies end.
    """
    ended = [
        copy
        for copy in copies
        if (copy.address in (gone or ()) and copy.address != old)
        or (copy.goto == old and copy.address == new)
    ]
    end_copies(actor=actor, copies=ended)
    rest = [copy for copy in copies if copy not in ended]
    for copy in rest:
        if copy.goto == old:
            Copy.objects.filter(pk=copy.pk).update(goto=new)
            _record(actor, copy, [old, new])
            copy.goto = new
    for copy in rest:
        if copy.address != old:
            continue
        if not Copy.objects.filter(direction=copy.direction, address=new).exists():
            again = Copy(direction=copy.direction, address=new, goto=copy.goto)
            again.domain = split_address(new)[1]
            again.save(force_insert=True)
            _record(actor, again, [None, again.goto])
        if gone:
            end_copies(actor=actor, copies=[copy])


def _record(actor, copy, change):
    action = "edit_copies_to" if copy.direction == "to" else "edit_copies_from"
    LogEntry.objects.record(
        actor, action, domain=copy.domain, target=copy.address, changes={"copy": change}
    )
