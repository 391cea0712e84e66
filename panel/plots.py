from typing import NamedTuple

WIDTH = 600
ROOM = 3  # left above and below a line
GAP = 0.2  # of a day's width, between two bars


class Plot(NamedTuple):
    """``path`` of a line or of bars, ``area`` under a line, ``at`` the middle of each day, ``low`` and ``high`` the scale."""

    height: int
    path: str
    area: str
    at: str
    low: int
    high: int

    width = WIDTH


def line(days, values, height):
    """A line through ``values``. Its scale begins at the lowest: what matters is the way, not the distance from 0."""
    first, span = days[0].toordinal(), (days[-1] - days[0]).days or 1
    low, high = min(values), max(values)
    scale = (height - 2 * ROOM) / ((high - low) or 1)
    places = [_short((day.toordinal() - first) * WIDTH / span) for day in days]
    flat = low == high
    heights = [height / 2 if flat else height - ROOM - (value - low) * scale for value in values]
    path = "M" + "L".join(f"{x},{_short(y)}" for x, y in zip(places, heights, strict=True))
    area = f"{path}V{height}H0z"
    return Plot(height, path, area, " ".join(places), low, high)


def bars(days, values, height, *, width=1):
    first, span = days[0].toordinal(), (days[-1] - days[0]).days + width
    high = max(values)
    one = WIDTH * width / span
    places, path = [], ""
    for day, value in zip(days, values, strict=True):
        left = (day.toordinal() - first) * WIDTH / span
        places.append(_short(left + one / 2))
        if value:
            tall = max(1, value * (height - ROOM) / high)
            path += f"M{_short(left + one * GAP / 2)},{height}v-{_short(tall)}h{_short(one * (1 - GAP))}v{_short(tall)}z"
    return Plot(height, path, "", " ".join(places), 0, high)


def _short(number):
    return f"{number:.1f}".removesuffix(".0")
