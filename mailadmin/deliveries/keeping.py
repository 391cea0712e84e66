"""What is forgotten of the delivery log: what is older than DELIVERIES_DAYS, and the oldest rows beyond DELIVERIES_MOST."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max, Min, Sum
from django.utils import timezone

from domains.deliveries import (
    Delivery,
    DeliveryDay,
    DeliveryKey,
    LogPosition,
    OpenMail,
    SenderDay,
    found_under,
)
from mailadmin.deliveries.joining import LONGEST_OPEN

TOGETHER = 1_000  # rows of one transaction
FIGURES_DAYS = 400  # as the other figures of the plots


def forget_some(now=None):
    """Delete up to TOGETHER rows by their primary key; return whether there may be more."""
    now = now or timezone.now()
    _forget_others(now)
    oldest = now - timedelta(days=settings.DELIVERIES_DAYS)
    number = _too_many()
    first = Delivery.objects.order_by("pk").only("at").first()
    if first is None or not (number or first.at < oldest):
        return False
    rows = Delivery.objects.order_by("pk")[: min(number, TOGETHER) or TOGETHER]
    gone = [row for row in rows if number or row.at < oldest]
    if gone:
        _delete(gone)
    return len(gone) == TOGETHER


def _forget_others(now):
    day = timezone.localdate(now) - timedelta(days=FIGURES_DAYS)
    for model in (DeliveryDay, SenderDay):
        model.objects.filter(day__lt=day).delete()
    # Of more messages than a follower knows at once, or of a machine that is gone.
    OpenMail.objects.filter(at__lt=now - timedelta(seconds=LONGEST_OPEN)).delete()


def _too_many():
    """How many rows there are beyond DELIVERIES_MOST, by what the followers stored."""
    stored = LogPosition.objects.aggregate(all=Sum("stored"))["all"] or 0
    if stored <= settings.DELIVERIES_MOST:
        return 0
    edges = Delivery.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if edges["first"] is None:
        return 0
    return max(0, min(stored, edges["last"] - edges["first"] + 1) - settings.DELIVERIES_MOST)


@transaction.atomic
def _delete(rows):
    keys = [(*key, row.pk) for row in rows for key in found_under(row)]
    with connection.cursor() as cursor:
        cursor.executemany(
            f"DELETE FROM {DeliveryKey._meta.db_table} WHERE domain = %s AND address = %s AND delivery = %s",  # noqa: S608
            keys,
        )
    deleted, _each = Delivery.objects.filter(pk__in=[row.pk for row in rows]).delete()
    first = LogPosition.objects.order_by("host", "source").first()
    if first:
        LogPosition.objects.filter(host=first.host, source=first.source).update(
            stored=F("stored") - deleted
        )
