from datetime import timedelta

from django.utils import timezone

from mailboxes import snapshots
from mailboxes.models import (
    KEPT_DAYS,
    SERVER,
    FullMailbox,
    LastLogin,
    Mailbox,
    MailboxDay,
    RefusedNetwork,
    SignIn,
    UsageDay,
)

FILLING_DAYS = 90
HOUR = 3600


def write():
    today = timezone.localdate()
    snapshots.take(today)
    now = {row.domain: row for row in UsageDay.objects.filter(day=today)}
    rows = []
    for n in range(1, KEPT_DAYS):
        day = today - timedelta(days=n)
        changes = snapshots.changes_on(day)
        then = [_before(row, n, day, changes[row.domain]) for row in now.values() if row.domain]
        rows += [*then, _together(then, day)]
    UsageDay.objects.bulk_create(rows, batch_size=500)
    _sizes(today)
    _sign_ins()


def _before(row, n, day, changes):
    seed = sum(map(ord, row.domain))
    share = 1 - 0.55 * n / KEPT_DAYS - 0.02 * ((n * 7 + seed) % 11) / 11
    gone = n // 45
    if not changes and n > 30 and day.weekday() < 5 and row.mailboxes:
        changes = (n * n + seed) % 13 // 4
    return UsageDay(
        domain=row.domain,
        day=day,
        bytes=int(row.bytes * share),
        messages=int(row.messages * share),
        mailboxes=max(min(row.mailboxes, 3), row.mailboxes - gone),
        aliases=max(min(row.aliases, 2), row.aliases - gone // 2),
        changes=changes,
        domains=1,
    )


def _together(rows, day):
    total = UsageDay(domain=SERVER, day=day, domains=0)
    for name in ("bytes", "messages", "mailboxes", "aliases", "changes", "domains"):
        setattr(total, name, sum(getattr(row, name) for row in rows))
    return total


def _sizes(today):
    rows = FullMailbox.objects.values_list("pk", "percent", "username__usage__bytes")
    sizes = [
        MailboxDay(
            username=name,
            day=today - timedelta(days=n),
            bytes=int(size * (1 - n / FILLING_DAYS * (percent - 80) / percent)),
        )
        for name, percent, size in rows
        for n in range(1, FILLING_DAYS)
    ]
    MailboxDay.objects.bulk_create(sizes, batch_size=500)


def _sign_ins():
    now = int(timezone.now().timestamp())
    rows = []
    for n, name in enumerate(Mailbox.objects.order_by("pk").values_list("pk", flat=True)):
        if n % 9 != 8:  # some people only have their mail forwarded
            rows.append(
                LastLogin(username=name, protocol="imap", at=now - (n * n * 5 % 700) * HOUR // 2)
            )
        if n % 6 == 1:
            rows.append(LastLogin(username=name, protocol="pop3", at=now - (40 + n * 29) * HOUR))
    LastLogin.objects.bulk_create(rows)
    of_one = [row for row in rows if row.protocol == "imap"][:40]
    SignIn.objects.bulk_create(
        SignIn(
            username=row.username,
            day=timezone.localdate() - timedelta(days=day),
            protocol=protocol,
            address=f"198.51.100.{10 + (n * 7 + day) % 200}",
            success=success,
            reason="" if success else "credentials",
            app_password=0,
            at=now - day * 24 * HOUR - n * 97 % 3_000,
            number=1 + (n + day) % 30 if success else 1 + n % 4,
        )
        for n, row in enumerate(of_one)
        for day in range(0, 14, 1 + n % 3)
        for protocol, success in (("imap", True), ("smtp", (n + day) % 5 != 4))
    )
    guessed = {"since": now - HOUR // 4, "until": now + HOUR // 2}
    RefusedNetwork.objects.create(pk="203.0.113.77/32", failures=20, **guessed)
