from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from domains.deliveries import LogPosition
from mailadmin.deliveries import senders
from mailadmin.deliveries.follower import host_here
from mailadmin.deliveries.pages import SILENT
from mailadmin.doctor.checking import ERROR, WARNING, check

BEHIND_SECONDS = 900


@check(
    "deliveries-not-followed",
    WARNING,
    _("whether the delivery log is kept"),
    seen=_("Nobody follows the log of the mail server. Followed last: %(last)s"),
    why=_("“Was it delivered?” has no answer for mail of now, and nobody hears of a login that sends masses of it."),
    mend=_("Start its service, and look at what it says:"),
    command="systemctl restart mailadmin-deliveries; journalctl -u mailadmin-deliveries -n 5",
    page="deliveries",
)  # fmt: skip
def not_followed(host):
    if not settings.DELIVERY_LOGS:
        return
    rows = LogPosition.objects.filter(host=host_here(), source__in=settings.DELIVERY_LOGS)
    looked = min(rows.values_list("looked", flat=True), default=None)
    if looked is None:
        yield {"last": "-"}
    elif looked < timezone.now() - SILENT:
        yield {"last": f"{timezone.localtime(looked):%Y-%m-%d %H:%M}"}


@check(
    "deliveries-behind",
    WARNING,
    _("whether the delivery log keeps up"),
    seen=_("The delivery log is %(minutes)s minutes behind."),
    why=_("The log of the mail server grows faster than it is read, or the database is slow."),
    mend=_("It may be reading what was written while it was off. If it stays so, look at the load, and at what floods the log:"),
    command="journalctl -t postfix/smtpd -n 50; systemctl status mailadmin-deliveries",
    page="deliveries",
)  # fmt: skip
def behind(host):
    if not settings.DELIVERY_LOGS:
        return
    rows = LogPosition.objects.filter(
        host=host_here(), source__in=settings.DELIVERY_LOGS, behind__gt=BEHIND_SECONDS
    )
    for seconds in rows.values_list("behind", flat=True)[:1]:
        yield {"minutes": seconds // 60}


@check(
    "sends-unusually-much",
    ERROR,
    _("who sends far more than usual"),
    seen=_("%(sender)s wrote to %(number)s recipients on %(day)s; before, to %(most)s on the busiest day."),
    why=_("A stolen password is used like that, and soon the big receivers refuse all mail of this server."),
    mend=_("If it is not meant, give the mailbox a new password, end its sessions (page of the mailbox) and look at what is in the queue:"),
    command="postqueue -p | tail -1; mailadmin mailbox password '%(sender)s' --generate",
    page="deliveries",
)  # fmt: skip
def sends_unusually_much(host):
    yesterday = timezone.localdate() - timedelta(days=1)
    for row in senders.unusual(yesterday)[:20]:
        yield {
            "sender": row.sender,
            "number": row.recipients,
            "most": row.most,
            "day": row.day.isoformat(),
            "about": f"{row.sender} {row.day}",
        }
