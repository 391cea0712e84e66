"""Mail addresses, domains and login names: as typed, as stored, as shown.

Domains are stored as lower-case A-labels and shown as Unicode (RFC 5890); local parts are stored in
lower case. ``normalise_*`` refuse an invalid name, ``lookup_key`` takes any text. Sources:
RFC 5321 4.1.2 and 4.5.3.1, RFC 5322 3.2.3, UTS 46.
"""

import re
import unicodedata

import idna
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# No valid address is longer, not even in Unicode with separate accents (NFD).
MAX_TYPED = 1_000
MAX_ADDRESS = 254
PLAIN = "a-z0-9@._+=&$'-"  # what an address of ours is made of
PLAIN_IN_SQL = PLAIN.replace("'", "''")  # between single quotes
# What Postfix reads as the end of a target besides a comma, for the database's regular expressions:
# a semicolon, and white space after a ">" or between two addresses.
_WORD = '[^[:space:]@<>()",;:]'
BETWEEN_TARGETS = (
    ";|(?<=>)[[:space:]]+(?=[^[:space:],;>(])"
    f"|(?<=[^[:space:],;:<@()])[[:space:]]+(?={_WORD}+@{_WORD})"
)
MAX_LOCAL_PART = 64
MAX_DOMAIN = 253

# Our own addresses: no character that a path, a LIKE pattern or a list would read.
_OWN_LOCAL_PART = re.compile(r"[a-z0-9_][a-z0-9_+=&$'-]*(?:\.[a-z0-9_+=&$'-]+)*")
# An external address may have any dot-atom, except what Postfix would take for a command, file or list.
_ANY_LOCAL_PART = re.compile(
    r"[a-z0-9!#$%&*+=?^_{}~-][a-z0-9!#$%&'*+/=?^_{}~-]*(?:\.[a-z0-9!#$%&'*+/=?^_{}~-]+)*"
)
_BETWEEN_TARGETS = re.compile(",|" + BETWEEN_TARGETS.replace("[:space:]", r"\s"))
_COMMAS_ALONE = re.compile(r"[^\s;<>]*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}
# A name of these alone reads like one in Latin letters. Source: Chromium's rule for the address bar.
_CYRILLIC_LIKE_LATIN = set("асԁеһіјӏорԛѕԝхуъьҽпгѵѡ0123456789-")
ANY_EXTENSION = "…"


def _typed(text):
    """``text`` in lower case without blanks around it, and whether it is short enough to go on.

    NFC and IDNA take quadratic time: nothing longer may reach them.
    """
    text = str(text).strip()
    return text[: MAX_TYPED + 1].lower(), len(text) <= MAX_TYPED


def normalise_domain(text):
    """The A-label form of a domain name, e.g. ``xn--mller-kva.example``. Raises ``invalid_domain``."""
    name, is_short = _typed(text)
    problem = ValidationError(
        _("“%(name)s” is not a domain name. Write it like example.org."),
        "invalid_domain",
        {"name": str(text).strip()[:100]},
    )
    if not is_short:
        raise problem
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode()
        except (idna.IDNAError, UnicodeError):
            raise problem from None
    labels = name.split(".")
    if (
        len(labels) < 2
        or len(name) > MAX_DOMAIN
        or labels[-1].isdigit()
        or not all(_LABEL.fullmatch(label) for label in labels)
    ):
        raise problem
    for label in labels:
        if label.startswith("xn--"):
            try:
                idna.decode(label)
            except (idna.IDNAError, UnicodeError):
                raise problem from None
    return name


def split_targets(goto):
    """The targets in a ``goto`` of the table ``alias``, as Postfix separates them.

    The same as in ``alias_target``, but with capitals. A line end or a tab within a target becomes a blank.
    """
    if _COMMAS_ALONE.fullmatch(goto):  # as most are
        return [target for target in goto.split(",") if target]
    parts = _BETWEEN_TARGETS.split(goto.replace("><", "> <"))
    return [target for part in parts if (target := re.sub(r"[\t\n\r]", " ", part).strip(" "))]


def stored_spelling(address):
    return address.strip().lower()


def split_address(address):
    local_part, _at, domain = address.rpartition("@")
    return local_part, domain


def without_extension(address):
    """``user@example.org`` for ``user+tag@example.org``: what Postfix looks up next."""
    local_part, domain = split_address(address)
    bare = local_part.partition(settings.RECIPIENT_DELIMITER)[0]
    return f"{bare}@{domain}" if bare else address


def with_any_extension(address):
    """``user+…@example.org``: stands for all extensions that no row names."""
    local_part, domain = split_address(without_extension(address))
    return f"{local_part}{settings.RECIPIENT_DELIMITER}{ANY_EXTENSION}@{domain}"


def normalise_local_part(text):
    local_part, _is_short = _typed(text)
    if len(local_part) > MAX_LOCAL_PART:
        raise ValidationError(
            _("The part before the @ has more than %(n)d characters. Use a shorter one."),
            "invalid_local_part",
            {"n": MAX_LOCAL_PART},
        )
    if "@" in local_part:
        raise ValidationError(
            _("Write the part before the @ only; the domain has its own field."),
            "invalid_local_part",
        )
    if not _OWN_LOCAL_PART.fullmatch(local_part):
        raise ValidationError(
            _(
                "“%(text)s” is not a valid local part (the part before the @). Use letters a to z,"
                " digits, and . _ - + = & $ ', with a letter, a digit or _ first and no two dots in a row."
            ),
            "invalid_local_part",
            {"text": local_part[:80]},
        )
    return local_part


def normalise_mailbox_name(text):
    local_part = normalise_local_part(text)
    if settings.RECIPIENT_DELIMITER in local_part:
        raise ValidationError(
            _("A mailbox name has no “%(delimiter)s”: mail for it would go to the name before it."),
            "delimiter",
            {"delimiter": settings.RECIPIENT_DELIMITER},
        )
    return local_part


def normalise_address(text, *, own=False):
    """A whole address in stored form. Raises ``invalid_address``.

    ``own``: the local part must follow the narrower rules of addresses in our own tables.
    """
    address, is_short = _typed(text)
    local_part, at, domain = address.partition("@")
    problem = ValidationError(
        _("“%(address)s” is not an e-mail address. Write it like name@example.org."),
        "invalid_address",
        {"address": address[:100]},
    )
    if not is_short or not at or "@" in domain:
        raise problem
    if not domain:
        raise ValidationError(
            _("“%(address)s” has nothing after the @. Write it like name@example.org."),
            "invalid_address",
            {"address": address[:100]},
        )
    if own:
        local_part = normalise_local_part(local_part)
    elif len(local_part) > MAX_LOCAL_PART or not _ANY_LOCAL_PART.fullmatch(local_part):
        raise problem
    domain = normalise_domain(domain)
    if len(local_part) + 1 + len(domain) > MAX_ADDRESS:
        raise problem
    return f"{local_part}@{domain}"


def lookup_key(text):
    """The stored form of what somebody typed to find a domain, an address or a login name, or its beginning.

    An invalid name comes back as typed, and finds nothing.
    """
    key, is_short = _typed(text)
    if key.isascii() or not is_short:
        return key
    local_part, at, domain = key.rpartition("@")
    try:
        name = idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return key
    return f"{local_part}{at}{name}" if "." in name else key


def lookup_keys(text):
    """What the key of a typed login name may be: as typed, in A-labels, or in Unicode, as another program stores it."""
    typed, stored = _typed(text)[0], lookup_key(text)
    local_part, at, domain = stored.rpartition("@")
    shown = f"{local_part}{at}{'.'.join(map(_unicode_label, domain.split('.')))}"
    return list(dict.fromkeys([typed, stored, shown]))


def display_domain(name):
    """The Unicode form of a stored domain.

    Labels that mix scripts stay ``xn--…``; so do, below a top-level domain in Latin letters, those that
    could be read as Latin.
    """
    name = name if name.isascii() else lookup_key(name)
    if "xn--" not in name:
        return name
    latin_end = not name.rpartition(".")[2].startswith("xn--")
    shown = []
    for label in name.split("."):
        unicode_label = _unicode_label(label)
        misread = latin_end and set(unicode_label) <= _CYRILLIC_LIKE_LATIN
        shown.append(unicode_label if _one_script(unicode_label) and not misread else label)
    return ".".join(shown)


def display_address(address):
    if address.isascii() and "xn--" not in address:
        return address
    local_part, at, domain = address.rpartition("@")
    return f"{local_part}{at}{display_domain(domain)}"


def _unicode_label(label):
    try:
        return idna.decode(label) if label.startswith("xn--") else label
    except (idna.IDNAError, UnicodeError):
        return label


def _one_script(label):
    scripts = {unicodedata.name(c, "?").split(" ")[0] for c in label if c.isalpha()}
    return len(scripts) <= 1 or scripts <= _JAPANESE
