"""Shared mailboxes: who opens which, besides the person who signs in to it."""

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import LogEntry
from domains.models import RoutingLock
from mailboxes.models import Mailbox, SendAs, Share
from mailboxes.send_as import end_send_as, let_send_as
from panel import helper
from panel.addresses import display_address, normalise_address, split_address
from panel.changes import collected, refuse
from panel.scoping import domains_managed
from panel.transactions import in_transaction

NOT_SHARED = {"shares": [], "opens": []}
SECONDS = 8  # that the helper may take
MOST = 100  # people of one mailbox, and mailboxes of one person


@in_transaction
def share_mailbox(*, actor, mailbox, person, may_write=True, send_as=True):
    """Let ``person``, an address, open the mailbox: read it, write to it, send as it. What was shared already is changed.

    The person sees it as shared/ADDRESS at the next sign-in. With the helper Dovecot has it when this returns, else ``applied`` is False
    and somebody types ``command``.
    """
    RoutingLock.hold()
    person = check_share(actor=actor, mailbox=mailbox, person=person)
    row = Share.objects.filter(owner=mailbox.pk, person=person).first()
    before = row and _told(row)
    if row is None:
        row = Share.objects.create(owner=mailbox.pk, person=person, may_write=may_write)
    elif row.may_write != may_write:
        row.may_write, row.applied = may_write, False
        row.save(update_fields=["may_write", "applied"])
    _set_send_as(actor, row, send_as)
    if before != _told(row):
        _record(actor, row, [before, _told(row)])
    apply_share(row)
    helper.after_commit("kick", person)
    return row


def check_share(*, actor, mailbox, person):
    errors, address = {}, ""
    with collected(errors, "person"):
        address = normalise_address(person)
        _check_person(actor, mailbox, address)
    refuse(errors)
    return address


def _check_person(actor, mailbox, address):
    seen = domains_managed(actor, {split_address(address)[1], mailbox.domain_id})
    both = {split_address(address)[1], mailbox.domain_id} == seen
    name = {"name": display_address(address)}
    if not both or not Mailbox.objects.filter(pk=address).exists():
        raise ValidationError(_("%(name)s is no mailbox that you manage."), "no_mailbox", name)
    if address == mailbox.pk:
        raise ValidationError(_("It is open to itself already."), "itself")
    others = Share.objects.exclude(owner=mailbox.pk, person=address)
    for found in (others.filter(owner=mailbox.pk), others.filter(person=address)):
        if found[:MOST].count() == MOST:
            text = _("A mailbox is shared with at most %(n)d others, and opens at most so many.")
            raise ValidationError(text, "too_many", {"n": MOST})


def _set_send_as(actor, row, wanted):
    found = SendAs.objects.filter(username=row.person, sender=row.owner).first()
    if wanted and found is None:
        let_send_as(actor=actor, mailbox=row.person, sender=row.owner)
    elif found and not wanted:
        end_send_as(actor=actor, row=found)


def apply_share(row):
    """The last step: if the helper refuses, nothing is saved."""
    if helper.is_there() and not row.applied:
        level = "write" if row.may_write else "read"
        # Others wait for the routing lock meanwhile and give up after 15 seconds. A right that was set too late opens nothing without its row.
        helper.ask("share", f"{row.owner} {row.pk} {level}", seconds=SECONDS)
        Share.objects.filter(pk=row.pk).update(applied=True)
        row.applied = True


@in_transaction
def end_share(*, actor, row):
    """Undo all of it, the right to send as the owner too. It counts at the person's next sign-in; with the helper open sessions end. Twice does no harm."""
    RoutingLock.hold()
    row = Share.objects.select_for_update().filter(pk=row.pk).first()
    if row is None:
        return
    Share.objects.filter(pk=row.pk).delete()
    _set_send_as(actor, row, False)
    _record(actor, row, [_told(row), None])
    # Without its group the right opens nothing: what fails here leaves a line in a file.
    helper.after_commit("unshare", f"{row.owner} {row.pk}")
    helper.after_commit("kick", row.person)


def _told(row):
    return f"{row.person}: {'write' if row.may_write else 'read'}"


def _record(actor, row, change):
    domain = split_address(row.owner)[1]
    LogEntry.objects.record(
        actor, "edit_share", domain=domain, target=row.owner, changes={"share": change}
    )


def shares_of(actor, **which):
    rows = Share.objects.visible_to(actor).filter(**which).order_by("owner", "person")
    return list(rows[:MOST])


def both_sides(actor, address):
    """What a mailbox's page shows: who opens it, and what it opens. One statement."""
    rows = Share.objects.visible_to(actor).filter(Q(owner=address) | Q(person=address))
    found = list(rows.order_by("owner", "person")[: 2 * MOST])
    return {
        "shares": [row for row in found if row.owner == address],
        "opens": [row for row in found if row.person == address],
    }
