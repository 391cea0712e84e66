import re
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailadmin.doctor.checking import ERROR, WARNING, check

LONG = timedelta(hours=6)
MANY = 100
DATABASE = re.compile(
    r"address resolver failure|[Tt]emporary lookup failure|lookup error|query error|[Tt]emporary internal error"
    r"|mail system configuration error|(?:table|map) lookup (?:problem|failure)"
)
BLOCKED = re.compile(r"connect to (\S+?)\[\S+\]:25: (?:Connection timed out|Connection refused|No route|Network is unreachable)")  # fmt: skip
REFUSED = re.compile(r"\b(?:spamhaus|barracuda|block ?list|blacklist|blocked|reputation|poor|bulk|unusual rate|5\.7\.\d+|4\.7\.\d+)\b", re.IGNORECASE)  # fmt: skip
NAMED = 3


@check(
    "postfix-down",
    ERROR,
    _("whether Postfix is running"),
    seen=_("Postfix is not running."),
    why=_("No mail comes in and none leaves; other servers try again for some days."),
    mend=_("Start it, and look at why it ended:"),
    command="systemctl restart postfix; journalctl -u 'postfix*' -n 20",
)
def postfix_down(host):
    if "Mail system is down" in host.failure("queue"):
        yield {}


@check(
    "queue-since-database-was-away",
    WARNING,
    _("whether mail still waits because the database was away"),
    seen=_("%(number)s messages or more wait since the database could not be asked: %(says)s"),
    why=_("Postfix tries again after up to an hour and more, though the database answers again."),
    mend=_("Try now; if they still wait, look at the findings about maps:"),
    command="postqueue -f",
)
def since_database_was_away(host):
    queue = host.part("queue")
    ours = [
        (count, reason)
        for reason, count in queue["reasons"]
        if " said: " not in reason or "[private/" in reason  # Dovecot, not another server
    ]
    found = [(count, reason) for count, reason in ours if DATABASE.search(reason)]
    if found:
        yield {"number": sum(count for count, _reason in found), "says": found[0][1][:300]}


@check(
    "outgoing-blocked",
    ERROR,
    _("whether mail can leave by port 25"),
    seen=_("No connection to port 25 of other servers: %(hosts)s."),
    why=_("Nothing leaves. Many providers block port 25 for new customers."),
    mend=_("Ask the provider to open it, or send through a relay host:"),
    command="%(command)s",
)  # fmt: skip
def outgoing_blocked(host):
    reasons = [reason for reason, _count in host.part("queue")["reasons"]]
    hosts = list(dict.fromkeys(found[1] for found in map(BLOCKED.search, reasons) if found))
    if len(hosts) >= NAMED:
        command = SEND_THROUGH
        if host.installer:
            command = f"{host.installer} --relayhost smtp.example.net:587 && postqueue -f    # with a login: --relayhost-user NAME"
        yield {"hosts": ", ".join(hosts[:NAMED]), "command": command}


SEND_THROUGH = "postconf -e 'relayhost = [smtp.example.net]:587' && postfix reload && postqueue -f    # with a login: docs/operations.md"


@check(
    "receivers-refuse",
    WARNING,
    _("whether other servers put our mail off for its origin"),
    seen=_("Another server does not take mail from here: %(says)s"),
    why=_("It judges this server’s address or its DNS records; until that is mended its users get nothing."),
    mend=_("See what the DNS page says (PTR, SPF, DKIM, block lists), and follow the address in its answer; or send through a relay host. Then try again:"),
    command="postqueue -f",
    page="dns-host",
)  # fmt: skip
def receivers_refuse(host):
    for reason, _count in host.part("queue")["reasons"]:
        said = reason.partition(" said: ")[2]
        if said and REFUSED.search(said):
            yield {"says": reason[:300]}
            return


@check(
    "mail-waits",
    WARNING,
    _("how long mail waits in the queue"),
    seen=_("%(deferred)s messages wait in the queue, the oldest for %(hours)s hours. Most often: %(says)s"),
    why=_("Their senders believe that they have arrived. After five days they get them back."),
    mend=_("See which and why, then try again:"),
    command="postqueue -p; postqueue -f",
)  # fmt: skip
def mail_waits(host):
    queue = host.part("queue")
    if not queue["oldest"]:
        return
    waits = timezone.now() - datetime.fromtimestamp(queue["oldest"], UTC)
    if waits > LONG:
        says = queue["reasons"][0][0][:200] if queue["reasons"] else "?"
        hours = int(waits.total_seconds() // 3600)
        yield {"deferred": queue["deferred"], "hours": hours, "says": says}


@check(
    "queue-grows",
    WARNING,
    _("whether the queue grows"),
    seen=_("%(now)s messages are in the queue; at the last look there were %(before)s."),
    why=_("Something holds mail up, or somebody sends masses of it: perhaps with a stolen password."),
    mend=_("See whose mail it is, and end the sessions of a sender who should not (page of the mailbox):"),
    command="qshape -s active deferred | head; postqueue -p | tail -1",
    page="mailbox-list",
)  # fmt: skip
def queue_grows(host):
    now, before = host.part("queue")["messages"], host.before.get("messages", 0)
    if now >= MANY and now > 2 * before:
        yield {"now": now, "before": before}
