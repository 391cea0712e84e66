"""What is forgotten of sign-ins: days older than SIGN_INS_DAYS, the oldest rows beyond SIGN_INS_MOST, and networks that are let in again."""

import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from mailboxes.models import RefusedNetwork, SignIn

TOGETHER = 1_000  # rows of one transaction


def forget_some(too_many=0):
    """Delete up to TOGETHER rows, of those that are too old or beyond the most; return their number."""
    RefusedNetwork.objects.filter(until__lt=time.time()).delete()
    rows = SignIn.objects.order_by("day")
    if not too_many:
        first = timezone.localdate() - timedelta(days=settings.SIGN_INS_DAYS)
        rows = rows.filter(day__lt=first)
    keys = list(rows.values_list("pk", flat=True)[: min(too_many, TOGETHER) or TOGETHER])
    return SignIn.objects.filter(pk__in=keys).delete()[0] if keys else 0


def too_many():
    return max(0, SignIn.objects.count() - settings.SIGN_INS_MOST)
