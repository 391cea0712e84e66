"""Sign-ins to mail, as pages and commands tell them; and networks that are let in again."""

import time
from datetime import timedelta

from django.conf import settings
from django.db.models import Max, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import LogEntry
from mailboxes.figures import PROTOCOLS
from mailboxes.models import IDLE_DAYS, AppPassword, RefusedNetwork, SignIn
from panel.transactions import in_transaction

RECENT_DAYS = 7
# Dovecot's words for a failure, where it has one.
REASONS = {
    "credentials": _("wrong password"),
    "policy": _("refused: too many wrong passwords came from there"),
    "account": _("not known, or not allowed"),
    "disabled": _("switched off"),
    "expired": _("the password’s lifetime is over"),
    "internal": _("nobody could look: the database was away"),
}


def are_kept():
    return bool(settings.SIGN_INS)


def with_words(rows, mailbox):
    """[(row, its protocol, the name of its app password or "", why it failed or "")] of sign-ins of one mailbox."""
    keys = {row.app_password for row in rows} - {0}
    names = {}
    if keys:
        found = AppPassword.objects.filter(username=mailbox, pk__in=keys)
        names = {row.pk: str(row) for row in found}
    return [
        (
            row,
            PROTOCOLS.get(row.protocol, row.protocol),
            names.get(row.app_password, _("one that was revoked")) if row.app_password else "",
            REASONS.get(row.reason, row.reason),
        )
        for row in rows
    ]


def failed_lately(mailbox):
    """{number: how many failed in the last RECENT_DAYS, last: when the last one did, in seconds since 1970}, or None."""
    if not are_kept():
        return None
    since = timezone.localdate() - timedelta(days=RECENT_DAYS)
    rows = SignIn.objects.filter(username=mailbox.pk, success=False, day__gte=since)
    found = rows.aggregate(number=Sum("number"), last=Max("at"))
    return found if found["number"] else None


def idle_since():
    """Whose last sign-in is before is idle: in seconds since 1970."""
    return int((timezone.now() - timedelta(days=IDLE_DAYS)).timestamp())


def refused_networks(rows):
    """Those of ``rows`` that are refused now, the last one first."""
    return rows.filter(until__gt=int(time.time())).order_by("-until", "network")


@in_transaction
def let_in(*, actor, network):
    """Forget what came from ``network``, a RefusedNetwork: within seconds people sign in from there again."""
    gone, _each = RefusedNetwork.objects.filter(pk=network.pk).delete()
    if gone:
        LogEntry.objects.record(actor, "let_in_network", target=network.pk)
    return bool(gone)
