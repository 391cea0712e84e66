"""Who sends far more than usual. The rule, in one sentence: more than SENDING_ALARM recipients on a day, and more than TIMES as
many as on that login's busiest day of the DAYS before."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Max

from domains.deliveries import SenderDay

TIMES, DAYS = 5, 30


def look(day, senders):
    """Mark those of ``senders``, whose figures of ``day`` just changed, for whom the rule holds."""
    if not settings.SENDING_ALARM:
        return
    of_day = SenderDay.objects.filter(day=day, sender__in=senders, unusual=False)
    for row in of_day.filter(recipients__gt=settings.SENDING_ALARM):
        before = SenderDay.objects.filter(
            sender=row.sender, day__lt=day, day__gte=day - timedelta(days=DAYS)
        )
        most = before.aggregate(most=Max("recipients"))["most"] or 0
        if row.recipients > TIMES * most:
            SenderDay.objects.filter(sender=row.sender, day=day).update(unusual=True, most=most)


def unusual(since):
    return SenderDay.objects.filter(unusual=True, day__gte=since).order_by("-day", "-recipients")
