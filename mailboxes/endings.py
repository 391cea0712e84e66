"""End dates of aliases and mailboxes: what happens after the last day is chosen when it is set, and done by `manage.py endings`.

Mail that was accepted is not touched: what is in a mailbox stays on disk, and what Postfix holds is delivered, or returned to its
sender where the mailbox is gone. Later mail is refused, or taken by the domain's catch-all, as for any address that is off.
"""

import logging
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import managers
from accounts.models import LogEntry
from aliases import services as alias_services
from aliases.ending_rows import DELETE, FIELDS, LEAD, OFF, let_go
from aliases.loops import refuse_loops
from aliases.models import Alias, Ending
from aliases.refusals import refuse_external_targets
from domains.models import RoutingLock
from mailboxes import services
from mailboxes.models import Mailbox
from panel.addresses import display_address, normalise_address
from panel.changes import changed_fields, collected, refuse
from panel.transactions import in_transaction

ACTIONS = {Alias: (OFF, DELETE), Mailbox: (OFF, DELETE, LEAD)}
FIRST_TOLD = timedelta(days=7)  # before the end, on the home page
MOST_DAYS = 3_650
LAST_DAY = date(2099, 12, 31)
log = logging.getLogger(__name__)


def today():
    return timezone.localdate(timezone=timezone.get_default_timezone())


@in_transaction
def set_ending(*, actor, row, last_day, action, goto="", days=0):
    """Give ``row``, an Alias or a Mailbox, a last day (of TIME_ZONE) and say what happens then; return the Ending.

    ``goto`` and ``days`` are for LEAD alone.
    """
    RoutingLock.hold()
    row = type(row).objects.select_for_update().get(pk=row.pk)
    ending = check_ending(
        actor=actor, row=row, last_day=last_day, action=action, goto=goto, days=days
    )
    stored = Ending.objects.filter(pk=row.pk).first()
    _record(actor, row, stored, ending)
    ending.save()
    return ending


def check_ending(*, actor, row, last_day=None, action=None, goto="", days=0):
    """Return the unsaved Ending. Raises all errors at once; of ``last_day`` and ``action`` None is not checked."""
    errors, ending = {}, Ending(address=row.pk, domain=row.domain_id, last_day=last_day)
    if isinstance(row, Alias) and row.is_self_alias:
        raise ValueError("a self-alias ends with its mailbox")
    if isinstance(row, Mailbox):
        with collected(errors):
            managers.refuse_own_mailbox(actor, row)
    if last_day is not None and last_day < today():
        errors["last_day"] = ValidationError(_("This day is over."), "past")
    elif last_day is not None and last_day > LAST_DAY:
        errors["last_day"] = ValidationError(_("Choose a day before 2100."), "too_far")
    if action is not None and action not in ACTIONS[type(row)]:
        errors["action"] = ValidationError(_("Choose what happens then."), "action")
    ending.action = action or ""
    if action == LEAD:
        ending.days = days or 0
        if not 1 <= ending.days <= MOST_DAYS:
            text = _("Enter a number of days from 1 to %(n)d.")
            errors["days"] = ValidationError(text, "days", {"n": MOST_DAYS})
        with collected(errors, "goto"):
            ending.goto = _target(actor, row, goto)
    refuse(errors)
    return ending


def _target(actor, mailbox, text):
    address = normalise_address(text)
    if address == mailbox.pk:
        text = _("%(address)s is this mailbox itself. Enter another address.")
        raise ValidationError(text, "itself", {"address": display_address(address)})
    try:
        refuse_external_targets(actor, [address])
    except ValidationError as error:
        raise ValidationError(error.error_dict["targets"]) from None
    return address


@in_transaction
def remove_ending(*, actor, row):
    RoutingLock.hold()
    stored = Ending.objects.select_for_update().filter(pk=row.pk).first()
    if stored is not None:
        _record(actor, row, stored, None)
        stored.delete()


def _record(actor, row, old, new):
    told = [
        {} if ending is None else {name: _plain(getattr(ending, name)) for name in FIELDS}
        for ending in (old, new)
    ]
    changes = {
        "at_end" if name == "action" else name: [told[0].get(name), told[1].get(name)]
        for name in FIELDS
        if (told[0].get(name) or None) != (told[1].get(name) or None)
    }
    if changes:
        action = "set_ending" if new is not None else "remove_ending"
        LogEntry.objects.record(actor, action, domain=row.domain_id, target=row.pk, changes=changes)


def _plain(value):
    return value.isoformat() if isinstance(value, date) else value


def end_due():
    """Do what is due, each row in a transaction of its own. Return [(address, what was done or the refusal, whether it was refused)].

    What is refused stays due. A second run at the same time waits for the first, and finds nothing left.
    """
    done = []
    for address in list(
        Ending.objects.due().order_by("last_day", "pk").values_list("pk", flat=True)
    ):
        try:
            said = _end(address)
        except ValidationError as error:
            done.append((address, " ".join(error.messages), True))
            log.warning("%s does not end: %s", address, " ".join(error.messages))
            continue
        if said:
            done.append((address, said, False))
    return done


@in_transaction
def _end(address):
    RoutingLock.hold()
    ending = Ending.objects.select_for_update().due().filter(pk=address).first()
    if ending is None:  # another run has done it, or somebody has given it another day
        return ""
    mailbox = Mailbox.objects.filter(pk=address).first()
    alias = Alias.objects.filter(pk=address, is_self_alias=False).first()
    if mailbox is not None:
        return _end_mailbox(ending, mailbox)
    if alias is not None:
        return _end_alias(ending, alias)
    ending.delete()
    return "was gone"


def _cleanable(ending):
    """Those that whoever could set the end date manages."""
    return Alias.objects.filter(domain=ending.domain)


def _end_alias(ending, alias):
    ending.delete()
    if ending.action == DELETE:
        alias_services.delete_alias(actor=None, alias=alias, clean=_cleanable(ending))
        return "deleted"
    alias_services.set_alias_active(actor=None, alias=alias, active=False)
    let_go(alias)  # if its user made it
    return "switched off"


def _end_mailbox(ending, mailbox):
    if ending.action == LEAD:
        return _lead(ending, mailbox)
    ending.delete()
    if ending.action == DELETE:
        services.delete_mailbox(actor=None, mailbox=mailbox, clean=_cleanable(ending))
        return "deleted"
    services.set_mailbox_active(actor=None, mailbox=mailbox, active=False)
    return "switched off"


def _lead(ending, mailbox):
    """Nobody signs in any more; the mailbox stays, with its mail, until the address is gone, too."""
    services.set_mailbox_active(actor=None, mailbox=mailbox, active=False)
    row, _new = Alias.objects.select_for_update().get_or_create(
        pk=mailbox.pk,
        defaults={"domain_id": mailbox.domain_id, "goto": mailbox.pk, "is_self_alias": True},
    )
    changes = changed_fields(row, {"goto": ending.goto, "active": True})
    row.modified = timezone.now()
    row.save(update_fields=["goto", "active", "modified"])
    refuse_loops(None, [row.pk])
    LogEntry.objects.record(
        None, "edit_forwarding", domain=mailbox.domain_id, target=mailbox.pk, changes=changes
    )
    then = Ending(
        address=mailbox.pk,
        domain=mailbox.domain_id,
        last_day=today() + timedelta(days=ending.days - 1),
        action=DELETE,
    )
    _record(None, mailbox, ending, then)
    then.save()
    return f"switched off; its mail goes to {ending.goto} until {then.last_day}"
