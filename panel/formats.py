import re
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache, partial, wraps

from django.conf import settings
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.formats import date_format, get_format, number_format, time_format
from django.utils.safestring import SafeString  # mark_safe() takes three times as long
from django.utils.translation import get_language, ngettext, override
from django.utils.translation import gettext as _
from markupsafe import escape  # Django's does the same, ten times slower

UNLIMITED = 0
NO_BREAK = "\u00a0"  # between a number and its unit; commands write a blank in its place
KB_MB_GB = 1000 if settings.QUOTA_MULTIPLIER == 1_000_000 else 1024


def cached_per_language(function):
    """Remember what ``function`` returns for its arguments, per language; it must return no URL.

    ``function.now()`` returns it for the current language, for loops over rows: to look the
    language up each time is slow.
    """
    made = lru_cache(maxsize=1_000)(
        lambda _language, /, *arguments, **named: function(*arguments, **named)
    )

    @wraps(function)
    def found(*arguments, **named):
        return made(get_language(), *arguments, **named)

    found.now = lambda: partial(made, get_language())
    return found


def cached_per_language_and_path(function):
    made = cached_per_language(lambda _place, /, *arguments, **named: function(*arguments, **named))

    @wraps(function)
    def found(*arguments, **named):
        return made(get_script_prefix(), *arguments, **named)

    found.now = lambda: partial(made.now(), get_script_prefix())
    return found


def breakable(text):
    text = str(escape(text))
    # Not behind one that begins it, as a catch-all's: it would stand alone.
    return SafeString(text[:1] + text[1:].replace("@", "@<wbr>"))


def number(value):
    if isinstance(value, int) and -1000 < value < 1000:
        return str(value)
    return number_format(value, use_l10n=True, force_grouping=True)


@cached_per_language
def mb(value, whole=0):
    """A number of MB in the unit that reads best: ``1536`` is "1.5 GB".

    As a share of ``whole``, in the same unit if it is at least a tenth of it: "0.99 GB" of 1 GB.
    """
    units = (_("kB"), _("MB"), _("GB"), _("TB"))
    kilobytes = float(value or 0) * KB_MB_GB
    power, power_of_whole = _unit(kilobytes), _unit(float(whole) * KB_MB_GB)
    if kilobytes >= KB_MB_GB**power_of_whole / 10:
        power = max(power, power_of_whole)
    if power == 0:
        digits, unit = (max(1, round(kilobytes)), units[0]) if kilobytes else (0, units[1])
        return f"{digits}{NO_BREAK}{unit}"
    amount = kilobytes / KB_MB_GB**power
    rounded = round(amount, 2 if amount < 1 else 1 if amount < 100 else None)
    digits = str(int(rounded) if rounded == int(rounded) else rounded)
    return f"{digits.replace('.', get_format('DECIMAL_SEPARATOR'))}{NO_BREAK}{units[power]}"


@cached_per_language
def of_whole(value, whole):
    """Both in words, numbers of MB, for a text such as "%(used)s of %(total)s". A unit of both is said once: "1.9 of 2 GB"."""
    total = mb(whole)
    unit = total.rpartition(NO_BREAK)[2]
    return {"used": mb(value, whole).removesuffix(f"{NO_BREAK}{unit}"), "total": total}


def typed_size(value):
    return exact_mb(value).replace(NO_BREAK, " ")


@cached_per_language
def exact_mb(value):
    """A number of MB, nothing rounded: ``1536`` is "1.5 GB", ``1537`` is "1537 MB"."""
    amount = Decimal(str(value))
    for power, unit in ((2, _("TB")), (1, _("GB"))):
        larger = amount / KB_MB_GB**power
        if larger >= 1 and larger == round(larger, 2):
            return f"{_typed(larger)}{NO_BREAK}{unit}"
    return f"{_typed(amount)}{NO_BREAK}{_('MB')}"


def _typed(amount):
    plain = f"{amount:f}"
    digits = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return digits.replace(".", get_format("DECIMAL_SEPARATOR"))


SIZE = re.compile(r"([0-9]+(?:[.,][0-9]+)?)([^0-9.,]*)")
POWERS = {"k": -1, "m": 0, "g": 1, "t": 2}


@cache
def _units():
    ends = ("", "b", "o", "ib", "io")
    units = {"": 0} | {letter + end: power for letter, power in POWERS.items() for end in ends}
    for code, _name in settings.LANGUAGES:
        with override(code):
            names = (_("kB"), _("MB"), _("GB"), _("TB"))
            units |= {name.lower(): power for power, name in enumerate(names, start=-1)}
    return units


def typed_mb(text):
    """Return the MB of a size as people type it, "2 GB", "1,5 Go" or "500", as a Decimal; None for what is none."""
    words = "".join(text.lower().split())
    separator = re.escape(get_format("THOUSAND_SEPARATOR"))
    found = SIZE.fullmatch(re.sub(rf"{separator}(?=\d{{3}}(\D|$))", "", words))
    power = _units().get(found[2]) if found else None
    if power is None:
        return None
    return Decimal(found[1].replace(",", ".")) * Decimal(KB_MB_GB) ** power


def _unit(kilobytes):
    power = 0
    while round(kilobytes / KB_MB_GB**power) >= KB_MB_GB and power < 3:
        power += 1
    return power


def size(value):
    return mb((value or 0) / settings.QUOTA_MULTIPLIER)


def days(count):
    return ngettext("%(days)s day", "%(days)s days", count) % {"days": count}


def seconds(count):
    """A time that is left, in words: to ten seconds, from two minutes on in minutes."""
    if count >= 120:
        return minutes(round(count / 60))
    rounded = count if count < 10 else round(count, -1)
    return ngettext("%(n)s second", "%(n)s seconds", rounded) % {"n": rounded}


def minutes(count):
    if count and count % 60 == 0:
        hours = count // 60
        return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}
    return ngettext("%(n)s minute", "%(n)s minutes", count) % {"n": count}


def limit(value):
    if value == UNLIMITED:
        return _("unlimited")
    return _("none allowed") if value < 0 else number(value)


def mb_limit(value):
    if value == UNLIMITED:
        return _("unlimited")
    return _("not used") if value < 0 else mb(value)


def bounded(count, bound=1000):
    """``count`` in words, up to ``bound`` if there is one; nothing for None, when nobody has counted."""
    if count is None:
        return ""
    if bound and count > bound:
        return _("more than %(count)s") % {"count": number(bound)}
    return number(count)


def bounded_briefly(count, bound=1000):
    return f"{number(bound)}+" if bound and count > bound else number(count)


def ago(moment):
    return ago_by(timezone.get_current_timezone(), timezone.now())(moment)


def ago_by(zone, now):
    date_of, passed_in_words = _date.now(), _passed.now()

    def told(moment):
        if moment is None or moment.year <= 2000:  # PostfixAdmin's value for "not known"
            return _("unknown")
        moment = moment.astimezone(zone)
        passed = now - moment
        date = date_of(moment.date())
        text = date if passed.days >= 7 else passed_in_words(int(passed.total_seconds()) // 60)
        exact = moment.isoformat("T", "seconds")
        return SafeString(f'<time datetime="{exact}" title="{date}, {exact[11:19]}">{text}</time>')

    return told


@cached_per_language
def _passed(minutes):
    if (n := minutes // 1440) > 0:
        return escape(ngettext("%(n)s day ago", "%(n)s days ago", n) % {"n": n})
    if (n := minutes // 60) > 0:
        return escape(ngettext("%(n)s hour ago", "%(n)s hours ago", n) % {"n": n})
    if minutes > 0:
        return escape(ngettext("%(n)s minute ago", "%(n)s minutes ago", minutes) % {"n": minutes})
    return escape(_("just now"))


def day_by(zone, today):
    """Return a function that says the day of a moment (seconds since 1970), within a week of
    ``today`` in words."""
    date_of, near = _date.now(), _near_day.now()

    def told(seconds):
        if not seconds:
            return ""
        moment = datetime.fromtimestamp(seconds, zone)
        passed = (today - moment.date()).days
        return near(max(0, passed)) if passed < 7 else date_of(moment.date())

    return told


def moment(seconds):
    """On which day and at what time it was, in seconds since 1970: "yesterday, 14:03"."""
    zone = timezone.get_current_timezone()
    then = datetime.fromtimestamp(seconds, zone)
    words = {"day": day_by(zone, timezone.localdate())(seconds), "time": time_format(then)}
    exact = then.isoformat("T", "seconds")
    return SafeString(f'<time datetime="{exact}">{escape(_("%(day)s, %(time)s") % words)}</time>')


@cached_per_language
def _near_day(passed):
    words = [_("today"), _("yesterday")]
    return escape(
        words[passed]
        if passed < 2
        else ngettext("%(n)s day ago", "%(n)s days ago", passed) % {"n": passed}
    )


@cached_per_language
def _date(date):
    return escape(date_format(date, "DATE_FORMAT"))


def day(moment):
    local = timezone.localtime(moment)
    this_year = local.year == timezone.localtime().year
    return date_format(local, "MONTH_DAY_FORMAT" if this_year else "DATE_FORMAT")


def date_words(day):
    return _date(day.date() if isinstance(day, datetime) else day)
