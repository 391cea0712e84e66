from collections import Counter
from datetime import UTC, datetime, time, timedelta

from django.utils import timezone

from domains.mail_reports import DMARC, LET_THROUGH, QUARANTINED, TLS
from mailadmin.reports.report import Report
from mailadmin.reports.storing import store

DOMAIN = "brightwater.example"
DAYS = 24
REPORTERS = ("google.com", "Outlook.com", "Fastmail Pty Ltd")
OURS, NEWSLETTER, FORWARDER = "192.0.2.25", "198.51.100.40", "203.0.113.9"
FORGERS = ("203.0.113.77", "2001:db8:bad::1")
SERVER = f"mail.{DOMAIN}"


def write():
    today = timezone.now().date()
    for n in range(1, DAYS):
        begin = datetime.combine(today - timedelta(days=n), time.min, UTC)
        end = begin + timedelta(days=1, seconds=-1)
        for place, reporter in enumerate(REPORTERS):
            if (n + place) % 5 != 3:
                store(_of_senders(reporter, n, place, begin, end))
        if n % 3 == 1:
            store(_of_connections(n, begin, end))


def _of_senders(reporter, n, place, begin, end):
    much = 30 + (n * 11 + place * 17) % 41
    senders = Counter(
        {
            (OURS, True, True, LET_THROUGH): much,
            (FORWARDER, False, True, LET_THROUGH): much // 9,
        }
    )
    vouched = {OURS: DOMAIN, FORWARDER: "lists.sailing.example"}
    if n % 7 == 2:
        senders[NEWSLETTER, False, False, LET_THROUGH] = 120 + n
        vouched[NEWSLETTER] = "letters.mailing.example"
    if n % 4 == 1:
        senders[FORGERS[place % 2], False, False, QUARANTINED] = 3 + n % 6
    return Report(
        *(DMARC, reporter, f"{DOMAIN}-{n}-{place}", DOMAIN, begin, end),
        policy="p=none; adkim=r; aspf=r",
        senders=senders,
        vouched=vouched,
    )


def _of_connections(n, begin, end):
    failures = Counter({("certificate-expired", SERVER): 4}) if n < 5 else Counter()
    return Report(
        *(TLS, REPORTERS[0], f"{DOMAIN}-tls-{n}", DOMAIN, begin, end),
        policy="no-policy-found",
        sessions=180 + n,
        failures=failures,
    )
