"""The names of browser and system in a User-Agent header, for people who look for their own. Nothing is decided by them."""

import re

# The first that fits: many name others, too.
BROWSERS = {
    "Edge": r"Edg(e|A|iOS)?/",
    "Opera": r"OPR/|Opera",
    "Samsung Internet": r"SamsungBrowser/",
    "Firefox": r"Firefox/|FxiOS/",
    "Chrome": r"Chrom(e|ium)/|CriOS/",
    "Safari": r"Safari/",
}
SYSTEMS = {
    "iPhone": r"iPhone",
    "iPad": r"iPad",
    "Android": r"Android",
    "Windows": r"Windows",
    "ChromeOS": r"CrOS",
    "macOS": r"Macintosh|Mac OS X",
    "Linux": r"Linux|X11",
}


def named(user_agent):
    """[browser, system]; "" for one that is not known."""
    text = user_agent[:500]
    return [_first(BROWSERS, text), _first(SYSTEMS, text)]


def _first(names, text):
    return next((name for name, pattern in names.items() if re.search(pattern, text)), "")
