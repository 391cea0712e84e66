"""Dovecot's password formats. The only module that imports passlib.

Dovecot reads the ``password`` column of ``mailbox`` as ``{SCHEME}hash``; a hash without a prefix
is read by its ``default_pass_scheme`` (PASSWORD_DEFAULT_SCHEME here). PostfixAdmin wrote many
forms over the years (its model/Login.php and functions.inc.php); all that Dovecot verifies are
verified here, and anything else is a wrong password.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from functools import cache

from django.conf import settings
from passlib.context import CryptContext
from passlib.hash import pbkdf2_sha1

from accounts.cram_md5 import cram_md5

CURRENT_SCHEME = "SHA512-CRYPT"
# What crypt() of libxcrypt takes, and so Dovecot; longer texts would only cost time.
MAX_PASSWORD_BYTES = 511
MAX_ITERATIONS = 1_000_000  # of a stored PBKDF2 or SCRAM: more would keep a worker busy

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
_CRAMS = {"CRAM-MD5", "HMAC-MD5"}  # two names of one format
_SCRAMS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
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
    if not stored or not is_possible(raw):
        return False, None
    scheme, bare = _split(stored)
    try:
        correct = _verify(raw, scheme, bare)
    except (ValueError, TypeError, LookupError, binascii.Error):
        correct = False
    if not correct:
        return False, None
    return True, None if _is_current(scheme, bare) else hash_password(raw)


def is_possible(raw):
    """Say whether ``raw`` can be a password at all; if not, verifying it takes no time."""
    try:
        return 0 < len((raw or "").encode()) <= MAX_PASSWORD_BYTES and "\0" not in raw
    except UnicodeEncodeError:  # half a surrogate, made of bytes that are no UTF-8
        return False


def spend_time():
    """Take as long as one verification: an unknown account must answer no sooner."""
    _current().verify("stand-in, not this", _stand_in(settings.PASSWORD_ROUNDS))


def is_cheap(stored):
    """Say whether verifying ``stored`` takes clearly less time than our own format does."""
    scheme, bare = _split(stored or "")
    return not _is_current(scheme, bare)


def generate_password(length=16):
    """Return a random password without look-alike characters, about 90 bits at 16 characters.

    Longer where PASSWORD_MIN_LENGTH, _LETTERS and _DIGITS ask for more.
    """
    letters, digits = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ", "23456789"
    chosen = [secrets.choice(letters) for _ in range(max(3, settings.PASSWORD_MIN_LETTERS))]
    chosen += [secrets.choice(digits) for _ in range(max(2, settings.PASSWORD_MIN_DIGITS))]
    missing = max(length, settings.PASSWORD_MIN_LENGTH) - len(chosen)
    chosen += [secrets.choice(letters + digits) for _ in range(missing)]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


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
        if scheme in _DIGESTS and not decoded.startswith(b"$1$"):
            return _verify_digest(raw, scheme, decoded)
        return _verify(raw, scheme, decoded.decode())
    if scheme in _PLAIN:
        return secrets.compare_digest(raw.encode(), bare.encode())
    if scheme in _CRYPTS or (scheme == "MD5" and bare.startswith("$1$")):
        # bcrypt reads 72 bytes and refuses more; Dovecot and PHP cut there.
        text = raw.encode()[:72] if bare.startswith("$2") else raw
        return _current().identify(bare) is not None and _current().verify(text, bare)
    if scheme == "PBKDF2":
        return _verify_pbkdf2(raw, bare)
    if scheme in _SCRAMS:
        return _verify_scram(raw, _SCRAMS[scheme], bare)
    if scheme in _CRAMS:
        return secrets.compare_digest(cram_md5(raw.encode()), bare.lower())
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
    if empty or version != "1" or not 0 < int(rounds) <= MAX_ITERATIONS:
        return False
    mine = hashlib.pbkdf2_hmac(
        "sha1", raw.encode(), salt.encode(), int(rounds), pbkdf2_sha1.checksum_size
    )
    return secrets.compare_digest(mine.hex(), digest.lower())


def _verify_scram(raw, name, bare):
    # Dovecot: rounds,salt,StoredKey,ServerKey (RFC 5802; its password-scheme-scram.c).
    rounds, salt, stored, _server = bare.split(",")
    if not 0 < int(rounds) <= MAX_ITERATIONS:
        return False
    salted = hashlib.pbkdf2_hmac(
        name, raw.encode(), base64.b64decode(salt, validate=True), int(rounds)
    )
    client_key = hmac.digest(salted, b"Client Key", name)
    mine = hashlib.new(name, client_key).digest()
    return secrets.compare_digest(mine, base64.b64decode(stored, validate=True))
