"""Generated passwords: groups of four letters that can be read out.

The browser (static/js/app.js) generates the same form. A group has 12 or 13 bits of entropy;
letters and digits that look alike are left out.
"""

import re
import secrets

from django.conf import settings

CONSONANTS = "bcdfghjkmnprstvwxz"
VOWELS = "aeiou"
DIGITS = "23456789"
_GROUP = f"[{CONSONANTS}][{VOWELS}][{CONSONANTS}][{VOWELS}]"
_MADE = re.compile(f"{_GROUP}(-{_GROUP}){{3,}}(-[{DIGITS}]{{4}})*")


def made_password():
    digits = -(-settings.PASSWORD_MIN_DIGITS // 4)
    letters = -(-settings.PASSWORD_MIN_LETTERS // 4)
    groups = max(4, letters, -(-(settings.PASSWORD_MIN_LENGTH + 1) // 5) - digits)
    made = [_drawn(CONSONANTS, VOWELS, CONSONANTS, VOWELS) for _group in range(groups)]
    made += [_drawn(DIGITS, DIGITS, DIGITS, DIGITS) for _group in range(digits)]
    return "-".join(made)


def nobodys_password():
    """For an account whose owner is about to set one, or has none: it is stored hashed, and known to nobody."""
    return secrets.token_urlsafe(32) + "a1" * 64  # enough letters and digits for any rule


def looks_made(password):
    return bool(_MADE.fullmatch(password))


def _drawn(*kinds):
    return "".join(map(secrets.choice, kinds))
