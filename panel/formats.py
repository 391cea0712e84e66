"""Numbers, sizes, limits and moments as people read them, in the language of the request."""

from functools import lru_cache, partial, wraps

from django.conf import settings
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.formats import date_format, get_format, number_format
from django.utils.safestring import mark_safe
from django.utils.timesince import timesince
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from markupsafe import escape  # Django's does the same, ten times slower

UNLIMITED = 0
KB_MB_GB = 1000 if settings.QUOTA_MULTIPLIER == 1_000_000 else 1024


def kept(function):
    """Keep what ``function`` returns for its arguments, in each language. It returns no URL: see ``kept_in_place``.

    ``found.now()`` is the same for the language of now, for fifty rows: that of the thread is slow to ask for.
    """
    made = lru_cache(maxsize=1_000)(lambda _language, *arguments: function(*arguments))

    @wraps(function)
    def found(*arguments):
        return made(get_language(), *arguments)

    found.now = lambda: partial(made, get_language())
    return found


def kept_in_place(function):
    """Keep what ``function`` returns likewise, for each place the panel is served at."""
    made = kept(lambda _place, *arguments: function(*arguments))
    return wraps(function)(lambda *arguments: made(get_script_prefix(), *arguments))


def breakable(text):
    """Return text as HTML whose lines may end behind an ``@``."""
    return mark_safe(str(escape(text)).replace("@", "@<wbr>"))  # noqa: S308 -- escaped


def number(value):
    """Return a whole number with its thousands set apart."""
    if isinstance(value, int) and -1000 < value < 1000:
        return str(value)
    return number_format(value, use_l10n=True, force_grouping=True)


@kept
def mb(value, whole=0):
    """Return a number of MB in the unit that reads best: ``1536`` is "1.5 GB".

    As a share of ``whole``, in the same unit if it is a tenth of one at least: "0.99 GB" of 1 GB.
    """
    units = (_("kB"), _("MB"), _("GB"), _("TB"))
    kilobytes = float(value or 0) * KB_MB_GB
    power, power_of_whole = _unit(kilobytes), _unit(float(whole) * KB_MB_GB)
    if kilobytes >= KB_MB_GB**power_of_whole / 10:
        power = max(power, power_of_whole)
    if power == 0:
        return f"{max(1, round(kilobytes))} {units[0]}" if kilobytes else f"0 {units[1]}"
    amount = kilobytes / KB_MB_GB**power
    rounded = round(amount, 2 if amount < 1 else 1 if amount < 100 else None)
    digits = str(int(rounded) if rounded == int(rounded) else rounded)
    return f"{digits.replace('.', get_format('DECIMAL_SEPARATOR'))} {units[power]}"


def _unit(kilobytes):
    """Return the power of KB_MB_GB whose unit a size reads best in: 0 for kB, 3 for TB."""
    power = 0
    while round(kilobytes / KB_MB_GB**power) >= KB_MB_GB and power < 3:
        power += 1
    return power


def size(value):
    """Return a number of bytes in words, in this installation's MB (QUOTA_MULTIPLIER)."""
    return mb((value or 0) / settings.QUOTA_MULTIPLIER)


def days(count):
    return ngettext("%(days)s day", "%(days)s days", count) % {"days": count}


def limit(value):
    """Return a limit of a domain in words: 0 is unlimited, below that none is allowed."""
    if value == UNLIMITED:
        return _("unlimited")
    return _("none allowed") if value < 0 else number(value)


def mb_limit(value):
    """Return a limit in MB in words: 0 is unlimited, below that the domain uses no quotas."""
    if value == UNLIMITED:
        return _("unlimited")
    return _("not used") if value < 0 else mb(value)


def bounded(count, bound=1000):
    """Return a count that stopped at ``bound`` + 1: "more than 1,000"."""
    if count > bound:
        return _("more than %(count)s") % {"count": number(bound)}
    return number(count)


def ago(moment):
    """Return a moment as "5 minutes ago", the exact time on hover; after a week as a date."""
    return ago_by(timezone.get_current_timezone(), timezone.now())(moment)


def ago_by(zone, now):
    """Return ``ago`` for one ``zone`` and one ``now``: fifty rows need not ask for them again."""

    date_of = _date.now()

    def told(moment):
        if moment is None or moment.year <= 2000:  # PostfixAdmin's word for "not known"
            return _("unknown")
        moment = moment.astimezone(zone)
        passed = now - moment
        date = date_of(moment.date())
        if passed.days >= 7:
            text = date
        elif passed.total_seconds() < 60:
            text = _("just now")
        else:
            text = _("%(time)s ago") % {"time": timesince(moment, depth=1)}
        exact = moment.isoformat("T", "seconds")
        return mark_safe(  # noqa: S308 -- escaped
            f'<time datetime="{exact}" title="{date}, {exact[11:19]}">{escape(text)}</time>'
        )

    return told


@kept
def _date(date):
    return escape(date_format(date, "DATE_FORMAT"))
