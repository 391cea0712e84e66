import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.passwords import MAX_PASSWORD_BYTES, looks_like_hash
from panel.formats import cached_per_language


def _is_unseen(character):
    return character.isspace() or unicodedata.category(character or "x") == "Cf"


class StrengthValidator:
    """PASSWORD_MIN_LENGTH, PASSWORD_MIN_LETTERS and PASSWORD_MIN_DIGITS.

    Also refused: control characters (C programs end at NUL), texts over MAX_PASSWORD_BYTES, and two
    mistakes of pasting: a blank at either end, and a stored hash in place of the password.
    """

    def validate(self, password, user=None):
        errors = []
        if len(password) < settings.PASSWORD_MIN_LENGTH:
            errors.append(
                ngettext(
                    "Use at least %(n)d character.",
                    "Use at least %(n)d characters.",
                    settings.PASSWORD_MIN_LENGTH,
                )
                % {"n": settings.PASSWORD_MIN_LENGTH}
            )
        if sum(c.isalpha() for c in password) < settings.PASSWORD_MIN_LETTERS:
            errors.append(
                ngettext(
                    "Use at least %(n)d letter.",
                    "Use at least %(n)d letters.",
                    settings.PASSWORD_MIN_LETTERS,
                )
                % {"n": settings.PASSWORD_MIN_LETTERS}
            )
        if sum(c.isdigit() for c in password) < settings.PASSWORD_MIN_DIGITS:
            errors.append(
                ngettext(
                    "Use at least %(n)d digit.",
                    "Use at least %(n)d digits.",
                    settings.PASSWORD_MIN_DIGITS,
                )
                % {"n": settings.PASSWORD_MIN_DIGITS}
            )
        if len(password.encode()) > MAX_PASSWORD_BYTES or any(ord(c) < 32 for c in password):
            errors.append(
                _("Use at most %(n)d bytes and no control characters.") % {"n": MAX_PASSWORD_BYTES}
            )
        if _is_unseen(password[:1]) or _is_unseen(password[-1:]):
            errors.append(_("The password begins or ends with a blank. Leave the blank out."))
        if looks_like_hash(password):
            errors.append(
                _(
                    "This looks like a stored hash, not like a password. Type the password itself;"
                    " a hash is taken by the command “mailbox password --hash” only."
                )
            )
        if errors:
            raise ValidationError([ValidationError(error, "password_weak") for error in errors])

    def get_help_text(self):
        return _help(
            settings.PASSWORD_MIN_LENGTH,
            settings.PASSWORD_MIN_LETTERS,
            settings.PASSWORD_MIN_DIGITS,
        )


@cached_per_language
def _help(length, letters, digits):
    parts = [
        ngettext("At least %(n)d character", "At least %(n)d characters", length) % {"n": length}
    ]
    if letters:
        parts.append(ngettext("%(n)d letter", "%(n)d letters", letters) % {"n": letters})
    if digits:
        parts.append(ngettext("%(n)d digit", "%(n)d digits", digits) % {"n": digits})
    return ", ".join(parts) + "."
