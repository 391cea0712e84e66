"""What a mailbox uses of its quota, as a terminal shows it. All sizes are in bytes; a quota of 0 is no limit."""

from django.conf import settings

from mailboxes.models import FULL, NEARLY_FULL, megabytes
from panel.formats import mb, size


def exact(value):
    # Another program may have stored MB: a quota of 2048 bytes holds one short message.
    return f"{value:,} bytes" if 0 < megabytes(value) < 0.01 else size(value)


def limit(quota):
    return exact(quota) if quota > 0 else "no limit"


def percent(used, quota):
    """None without a limit."""
    return used * 100 // quota if quota > 0 else None


def of(used, quota):
    """As on the pages: “1.9 of 2 GB”."""
    if quota <= 0:
        return size(used) if used else ""
    used_mb, quota_mb = (value / settings.QUOTA_MULTIPLIER for value in (used, quota))
    amount, _blank, unit = mb(used_mb, quota_mb).partition(" ")
    total = exact(quota)
    return f"{amount} of {total}" if total.endswith(f" {unit}") else f"{amount} {unit} of {total}"


def style(used, quota):
    share = percent(used, quota) or 0
    return "red" if share >= FULL else "yellow" if share >= NEARLY_FULL else ""
