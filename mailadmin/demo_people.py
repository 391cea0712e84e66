"""What the people of the sample data made of their mailboxes: who is away, shares, writes as somebody else, was warned."""

from datetime import timedelta

from aliases.access import CLOSED, INTERNAL
from aliases.ending_rows import OFF
from aliases.models import Alias
from aliases.services import update_alias
from mailboxes.endings import set_ending, today
from mailboxes.models import FULL, NEARLY_FULL, FullMailbox, Mailbox, QuotaWarning, Share
from mailboxes.own_aliases import create_own_alias, set_limit
from mailboxes.send_as import let_send_as
from mailboxes.vacations import DAY, set_vacation

AWAY = "yuki.tanaka@brightwater.example"
SHARED = "bookings@brightwater.example"


def write(superadmin, captain, domain, user):
    """``captain`` is the administrator of ``domain``, ``user`` the address of its mailbox whose person signs in here."""
    set_limit(actor=superadmin, row=domain, most=5)
    set_vacation(
        actor=superadmin,
        mailbox=Mailbox.objects.get(pk=AWAY),
        subject="On the water until the end of the month",
        body="I am at sea and read no mail. The office knows more: bookings@brightwater.example",
        interval=7 * DAY,
    )
    _access(captain)
    person = Mailbox.objects.get(pk=user)
    create_own_alias(actor=person, local_part="sails", note="Sail loft, online shop")
    last_day = today() + timedelta(days=40)
    create_own_alias(actor=person, local_part="raffle", note="Summer raffle", last_day=last_day)
    # Not by its service, which would ask the helper for folders that there are none of.
    Share.objects.create(owner=SHARED, person=user, applied=True)
    let_send_as(actor=captain, mailbox=user, sender=SHARED)
    QuotaWarning.objects.bulk_create(
        QuotaWarning(pk=name, percent=FULL if percent >= FULL else NEARLY_FULL)
        for name, percent in FullMailbox.objects.values_list("pk", "percent")
        if percent >= NEARLY_FULL
    )


def _access(captain):
    update_alias(
        actor=captain, alias=Alias.objects.get(pk="team@brightwater.example"), access=INTERNAL
    )
    closed = Alias.objects.get(pk="m.castellanos@brightwater.example")
    text = "We write names in full now"
    update_alias(actor=captain, alias=closed, access=CLOSED, access_text=text)
    set_ending(actor=captain, row=closed, last_day=today() + timedelta(days=5), action=OFF)
