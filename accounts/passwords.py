"""Dovecot's password formats. The only module that imports passlib.

Dovecot reads the ``password`` column of ``mailbox`` as ``{SCHEME}hash``; a hash without a prefix
is read by its ``default_pass_scheme`` (PASSWORD_DEFAULT_SCHEME here). PostfixAdmin wrote many
forms over the years (its model/Login.php and functions.inc.php); all that Dovecot verifies are
verified here, and anything else is a wrong password.
"""

import base64
import binascii
import hashlib
import re
import secrets
from functools import cache

from django.conf import settings
from passlib.context import CryptContext
from passlib.hash import pbkdf2_sha1

CURRENT_SCHEME = "SHA512-CRYPT"
# Longer texts only cost time: SHA512-CRYPT's work grows with the length.
MAX_PASSWORD_BYTES = 512

_PREFIX = re.compile(r"\{([A-Za-z0-9.-]+)\}(.*)", re.DOTALL)
# Digests that Dovecot stores bare: hash name, digest length in bytes, whether a salt follows.
_DIGESTS = {
    "PLAIN-MD5": ("md5", 16, False),
    "LDAP-MD5": ("md5", 16, False),
    "SMD5": ("md5", 16, True),
    "SHA": ("sha1", 20, False),
    "SHA1": ("sha1", 20, False),
    "SSHA": ("sha1", 20, True),
    "SHA256": ("sha256", 32, False),
    "SSHA256": ("sha256", 32, True),
    "SHA512": ("sha512", 64, False),
    "SSHA512": ("sha512", 64, True),
    "MD5": ("md5", 16, False),  # Courier's; as Dovecot's alias of MD5-CRYPT it starts with $1$
    "MD5RAW": ("md5", 16, False),
}
_CRYPTS = {
    "CRYPT",
    "MD5-CRYPT",
    "DES-CRYPT",
    "SHA256-CRYPT",
    "SHA512-CRYPT",
    "BLF-CRYPT",
    "ARGON2I",
    "ARGON2ID",
}
_PLAIN = {"PLAIN", "CLEARTEXT", "CLEAR"}


@cache
def _context(rounds):
    return CryptContext(
        schemes=["sha512_crypt", "sha256_crypt", "bcrypt", "argon2", "md5_crypt", "des_crypt"],
        sha512_crypt__default_rounds=rounds,
        sha512_crypt__min_rounds=rounds,
        deprecated="auto",
    )


def _current():
    return _context(settings.PASSWORD_ROUNDS)


@cache
def _stand_in(rounds):
    return _context(rounds).hash("stand-in")


def hash_password(raw):
    """Return ``{SHA512-CRYPT}$6$…`` of ``raw``, always read as plain text.

    A text that itself looks like ``{PLAIN}x`` or ``$6$…`` is a password like any other.
    """
    return f"{{{CURRENT_SCHEME}}}{_current().hash(raw)}"


def verify_password(raw, stored):
    """Return ``(correct, replacement)``.

    ``replacement`` is None, or a new ``{SHA512-CRYPT}`` value to store because ``stored`` uses
    a format or a cost we have moved on from. A ``stored`` we cannot read is a wrong password:
    never an exception, never a comparison with plain text that nobody declared as such.
    """
    if not raw or not stored or "\0" in raw or len(raw.encode()) > MAX_PASSWORD_BYTES:
        return False, None
    scheme, bare = _split(stored)
    try:
        correct = _verify(raw, scheme, bare)
    except (ValueError, TypeError, LookupError, binascii.Error):
        correct = False
    if not correct:
        return False, None
    return True, None if _is_current(scheme, bare) else hash_password(raw)


def spend_time():
    """Take as long as one verification: an unknown account must answer no sooner."""
    _current().verify("stand-in, not this", _stand_in(settings.PASSWORD_ROUNDS))


def scheme_of(stored):
    """Return the upper-case scheme name of a stored password, or "" when it is unreadable."""
    scheme, bare = _split(stored or "")
    if scheme == "CRYPT":
        return {
            "$6$": "SHA512-CRYPT",
            "$5$": "SHA256-CRYPT",
            "$1$": "MD5-CRYPT",
            "$2": "BLF-CRYPT",
        }.get(
            bare[:2] if bare.startswith("$2") else bare[:3], "DES-CRYPT" if len(bare) == 13 else ""
        )
    return scheme


def is_cheap(stored):
    """Say whether verifying ``stored`` takes clearly less time than our own format does."""
    scheme, bare = _split(stored or "")
    return not _is_current(scheme, bare)


def generate_password(length=16):
    """Return a random password without look-alike characters, about 93 bits at 16 characters."""
    letters = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    while True:
        password = "".join(secrets.choice(letters) for _ in range(length))
        if sum(c.isdigit() for c in password) >= 2 and sum(c.isalpha() for c in password) >= 3:
            return password


def _split(stored):
    match = _PREFIX.fullmatch(stored)
    if match:
        return match[1].upper(), match[2]
    if re.fullmatch(r"[0-9a-f]{32}", stored):
        return "PLAIN-MD5", stored  # PostfixAdmin's $CONF['encrypt'] = 'md5'
    return settings.PASSWORD_DEFAULT_SCHEME, stored


def _is_current(scheme, bare):
    return (
        scheme in (CURRENT_SCHEME, "CRYPT")
        and bare.startswith("$6$")
        and not _current().needs_update(bare)
    )


def _verify(raw, scheme, bare):
    if scheme.endswith((".B64", ".HEX")):
        scheme, _, encoding = scheme.rpartition(".")
        decoded = (
            base64.b64decode(bare, validate=True) if encoding == "B64" else bytes.fromhex(bare)
        )
        if scheme in _CRYPTS:
            return _verify(raw, scheme, decoded.decode("ascii"))
        return _verify_digest(raw, scheme, decoded)
    if scheme in _PLAIN:
        return secrets.compare_digest(raw.encode(), bare.encode())
    if scheme in _CRYPTS or (scheme == "MD5" and bare.startswith("$1$")):
        # bcrypt reads 72 bytes and refuses more; Dovecot and PHP cut there.
        text = raw.encode()[:72] if bare.startswith("$2") else raw
        return _current().identify(bare) is not None and _current().verify(text, bare)
    if scheme == "PBKDF2":
        return _verify_pbkdf2(raw, bare)
    if scheme in _DIGESTS:
        return _verify_digest(raw, scheme, _decode(bare, _DIGESTS[scheme][1]))
    return False


def _decode(text, size):
    if re.fullmatch(r"[0-9A-Fa-f]+", text) and len(text) == 2 * size:
        return bytes.fromhex(text)
    return base64.b64decode(text, validate=True)


def _verify_digest(raw, scheme, stored):
    name, size, salted = _DIGESTS[scheme]
    digest, salt = stored[:size], stored[size:]
    if len(digest) != size or bool(salt) != salted:
        return False
    return secrets.compare_digest(hashlib.new(name, raw.encode() + salt).digest(), digest)


def _verify_pbkdf2(raw, bare):
    # Dovecot: $1$salt$rounds$hex, HMAC-SHA1, 20 bytes (its password-scheme-pbkdf2.c).
    empty, version, salt, rounds, digest = bare.split("$")
    if empty or version != "1" or not 0 < int(rounds) <= 1_000_000:
        return False
    mine = hashlib.pbkdf2_hmac(
        "sha1", raw.encode(), salt.encode(), int(rounds), pbkdf2_sha1.checksum_size
    )
    return secrets.compare_digest(mine.hex(), digest.lower())
