from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone


@cache
def names():
    """The names that people know: places, and UTC."""
    areas = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic")
    areas += ("Australia", "Europe", "Indian", "Pacific")
    return ("UTC", *sorted(n for n in available_timezones() if n.partition("/")[0] in areas))


def zone_named(name):
    """TIME_ZONE for "", and for a name that this machine does not know any more."""
    return ZoneInfo(name) if name in names() else timezone.get_default_timezone()
