"""What of a row of the delivery log an account is told: what is of the side that it is on.

Who wrote is told what another server answered, and of recipients here the result alone. Who received is told nothing of the
sign-in. Where an alias leads, and what became of it there, is told to those whose address that is, or who may read the alias.
"""

from aliases.models import AliasTarget
from domains.deliveries import RECIPIENT, REFUSED, WROTE
from panel.scoping import domains_in_sight, sees_all_domains


def told(actor, rows):
    """``rows``, which ``actor`` may see, without what is the other side's affair. They are not to be saved."""
    if sees_all_domains(actor):
        return rows
    led, found = _targets(actor, [row for row in rows if row.asked]), []
    for row in rows:
        wrote, received, asked = _sides(actor, row)
        if not (wrote or received or asked):
            continue
        is_named = not row.asked or (row.asked, row.recipient) in led
        if not wrote:
            row.client = "" if row.login else row.client
            row.login = ""
        if not received:
            _leave_out(row, is_named)
        found.append(row)
    return found


def _sides(actor, row):
    """Whether ``actor`` is who wrote, who received, and whose address was written to."""
    if not actor.is_mailbox_user:
        wrote = row.ours & WROTE and _in_sight(actor, row.login)
        return wrote, _in_sight(actor, row.recipient), _in_sight(actor, row.asked)
    own = actor.username
    wrote, asked = row.ours & WROTE and row.login == own, row.asked == own
    # On neither of these sides, only a tag of their address can be why they see it.
    return wrote, row.recipient == own or not (wrote or asked), asked


def _in_sight(actor, address):
    return bool(domains_in_sight(actor, {address.rpartition("@")[2]}))


def _targets(actor, rows):
    """{(alias, target)} of those aliases that ``actor`` may read: they know this much anyway."""
    if not rows:
        return set()
    asked, recipients = {row.asked for row in rows}, {row.recipient for row in rows}
    targets = AliasTarget.objects.visible_to(actor).filter(alias__in=asked, target__in=recipients)
    return set(targets.values_list("alias", "target"))


def _leave_out(row, is_named):
    if not is_named:
        row.recipient, row.asked, row.direction = row.asked, "", ""
    if row.ours & RECIPIENT or not is_named:
        row.place = row.relay = ""
        row.says = row.says if row.result == REFUSED else ""
