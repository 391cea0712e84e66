"""From where, and until when, something that stands in for a password opens anything: app passwords and API tokens."""

import re
from datetime import date, datetime, time, timedelta

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.factors import network_of

MOST_NETWORKS = 20
LAST_DAY = date(2099, 12, 31)


def read_networks(text):
    """The addresses and networks that somebody typed, with commas between; "" for everywhere."""
    found = []
    for one in filter(None, re.split(r"[\s,;]+", text)):
        network = network_of(one)
        if network is None:
            raise ValidationError(
                _(
                    "Write addresses or networks, such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/48. This is none: %(text)s"
                ),
                "no_network",
                {"text": one[:60]},
            )
        alone = network.num_addresses == 1
        found.append(str(network.network_address if alone else network))
    if len(found) > MOST_NETWORKS:
        text = _("Write at most %(n)d networks.")
        raise ValidationError(text, "too_many_networks", {"n": MOST_NETWORKS})
    return ",".join(dict.fromkeys(found))


def end_of(last_day):
    """The moment at which it ends, if ``last_day`` is the last on which it is to open anything."""
    if last_day < timezone.localdate():
        raise ValidationError(_("This day is over."), "past")
    if last_day > LAST_DAY:
        raise ValidationError(_("Choose a day before 2100."), "too_far")
    return datetime.combine(last_day + timedelta(days=1), time(), timezone.get_current_timezone())
