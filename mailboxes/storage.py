"""What a mailbox uses of its quota, as a terminal shows it. All sizes are in bytes; a quota of 0 is no limit."""

from mailboxes.models import FULL, NEARLY_FULL, megabytes
from panel.formats import NO_BREAK, of_whole, size


def exact(value):
    # Another program may have stored MB: a quota of 2048 bytes holds one short message.
    return f"{value:,} bytes" if 0 < megabytes(value) < 0.01 else _held(value)


def limit(quota):
    return exact(quota) if quota > 0 else "no limit"


def percent(used, quota):
    return used * 100 // quota if quota > 0 else None


def of(used, quota):
    if quota <= 0:
        return _held(used) if used else ""
    if megabytes(quota) < 0.01:
        return f"{_held(used)} of {exact(quota)}"
    return _plain("{used} of {total}".format(**of_whole(megabytes(used), megabytes(quota))))


def _held(value):
    return _plain(size(value))


def _plain(text):
    return text.replace(NO_BREAK, " ")  # which programs that read it would not take for a blank


def style(used, quota):
    share = percent(used, quota) or 0
    return "red" if share >= FULL else "yellow" if share >= NEARLY_FULL else ""
