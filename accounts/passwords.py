"""Dovecot's password formats. The only module that imports passlib.

Dovecot reads the column ``password`` of ``mailbox`` as ``{SCHEME}hash``; a hash without a scheme is
read by its ``default_pass_scheme`` (PASSWORD_DEFAULT_SCHEME here). PostfixAdmin wrote many formats
over the years (its model/Login.php and functions.inc.php). What Dovecot verifies is verified
here too; anything else is a wrong password.
"""

import base64
import ctypes
import hashlib
import hmac
import re
import secrets
from functools import cache

from django.conf import settings
from passlib.context import CryptContext
from passlib.hash import pbkdf2_sha1
from passlib.utils.binary import h64

from accounts.cram_md5 import cram_md5

CURRENT_SCHEME = "SHA512-CRYPT"
# What crypt() of libxcrypt takes, and so Dovecot; longer texts would only cost time.
MAX_PASSWORD_BYTES = 511
MAX_HASH = 255  # characters, as the column has
# What a stored hash may cost: more would keep a worker busy, or Dovecot. About a second, or 256 MB, at the most.
MAX_ITERATIONS = 1_000_000
MAX_BCRYPT = 14
MAX_ARGON2 = 1_048_576  # KiB written: memory times passes
MAX_ARGON2_MEMORY = 262_144

_PREFIX = re.compile(r"\{([A-Za-z0-9.-]+)\}(.*)", re.DOTALL)
# Digests that Dovecot stores without parameters: hash name, digest length in bytes, whether a salt follows.
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
KNOWN_SCHEMES = (
    _CRYPTS | _DIGESTS.keys() | _CRAMS | _SCRAMS.keys() | _PLAIN | {"PBKDF2", "DIGEST-MD5"}
)
# One quick digest or an old crypt(): a graphics card tries millions a second.
WEAK_SCHEMES = ("DES-CRYPT", "MD5-CRYPT", "CRAM-MD5", "HMAC-MD5", "DIGEST-MD5", *_DIGESTS)
# Courier's names for schemes that Dovecot reads differently.
_NOT_DOVECOTS = {"MD5RAW"}
# What crypt() returns begins with these; an argon2 hash has a prefix of its own in Dovecot.
_ARGON2 = {"$argon2i$": "ARGON2I", "$argon2id$": "ARGON2ID"}
_CURRENT = re.compile(r"\$6\$(?:rounds=([0-9]{1,9})\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}")
# yescrypt and scrypt as crypt_gensalt() writes them, with up to 64 MB.
_BOUNDED = re.compile(r"\$g?y\$j[7-9AB][5T]\$|\$7\$[./0-9ABC]U\.{4}/\.{4}|\$[13]\$")
_ROUNDS = re.compile(
    r"\$(?:[56]\$(?:rounds=(\d+)\$)?|md5(?:,rounds=(\d+))?\$|sha1\$(\d+)\$)", re.ASCII
)
_BSDI = re.compile(r"_([./0-9A-Za-z]{4})")
_BCRYPT = re.compile(r"\$2[abxy]\$(\d\d)\$", re.ASCII)
_ARGON2_COST = re.compile(r"\$argon2id?\$v=\d+\$m=(\d+),t=(\d+),p=\d+\$")
# What crypt() computes for certain: to try it takes milliseconds.
_WHOLE = re.compile(
    r"\$6\$(?:rounds=[1-9][0-9]{3,5}\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}"
    r"|\$5\$(?:rounds=[1-9][0-9]{3,5}\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{43}"
    r"|\$1\$[./0-9A-Za-z]{1,8}\$[./0-9A-Za-z]{22}"
    r"|\$2[aby]\$(?:0[4-9]|1[0-4])\$[./0-9A-Za-z]{53}"
)
_OLD_CRYPT = re.compile(r"[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19}")
_LOOKS_HASHED = re.compile(
    r"\$(?:[1567y]|gy|sha1|2[abxy]|argon2(?:i|d|id))\$.*[$./A-Za-z0-9]{20}", re.DOTALL
)


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
def _dummy_hash(rounds):
    return _context(rounds).hash("dummy")


@cache
def _system_crypt():
    for name in ("libcrypt.so.1", "libcrypt.so.2"):
        try:
            function = ctypes.CDLL(name).crypt_r
        except (OSError, AttributeError):
            continue
        function.restype = ctypes.c_char_p
        function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]
        return function
    return None


class Prepared(str):
    """A password with what takes tenths of a second done before locks are taken: its hash."""

    made = ""
    compared = ("", False)  # a stored hash, and whether it is one of this password


def prepared(raw, stored="", name=""):
    """``stored`` and ``name`` as verify_password() takes them; what can be no password stays as it is.

    The stored one is hashed, too, and once: how long a request takes that is refused afterwards would tell whether it was.
    """
    if not is_acceptable(raw):
        return raw
    ready = Prepared(raw)
    ready.made = hash_password(raw)
    ready.compared = (stored, verify_password(ready, stored, name)[0])
    return ready


def hash_password(raw):
    return getattr(raw, "made", "") or f"{{{CURRENT_SCHEME}}}{_current().hash(raw)}"


def verify_password(raw, stored, name=""):
    """Return ``(correct, replacement)``. ``name`` is the login name, which DIGEST-MD5 hashes too.

    ``replacement`` is None, or a new ``{SHA512-CRYPT}`` value to store because the format or the cost
    of ``stored`` is outdated. A ``stored`` that cannot be read is a wrong password: never an exception,
    and never a comparison with plain text unless ``{PLAIN}`` says so.
    """
    if not stored or not is_acceptable(raw):
        return False, None
    scheme, bare = _split(stored)
    try:
        correct = _verify(raw, scheme, bare, name)
    except (ValueError, TypeError, LookupError):
        correct = False
    if not correct:
        return False, None
    return True, None if _is_current(scheme, bare) else hash_password(raw)


def is_acceptable(raw):
    try:
        return 0 < len((raw or "").encode()) <= MAX_PASSWORD_BYTES and "\0" not in raw
    except UnicodeEncodeError:  # a lone surrogate, from bytes that are not UTF-8
        return False


def run_dummy_hash():
    """Take as long as one verification, so that an unknown account answers no sooner."""
    _verify_crypt("another", _dummy_hash(settings.PASSWORD_ROUNDS))


def looks_like_hash(text):
    prefix = _PREFIX.fullmatch(text)
    if prefix and prefix[1].upper().partition(".")[0] in KNOWN_SCHEMES:
        return True
    return _LOOKS_HASHED.match(text) is not None


def stored_hash(text):
    """``text``, a hash from another server, as ``{SCHEME}…``. Raises ValueError.

    Accepted is what Dovecot and the panel both verify, but no plain text. Without a scheme only crypt()'s
    formats are accepted: a text like ``5f4dcc3b…`` may be of several kinds.
    """
    text, scheme, bare = _with_scheme(text)
    if scheme not in _CRYPTS or not _WHOLE.fullmatch(bare):
        _verify("any password", scheme, bare)
    return text


def kept_hash(text):
    """As ``stored_hash``, but of crypt() and argon2 hashes only the format is checked: to compute
    100,000 takes minutes."""
    text, scheme, bare = _with_scheme(text)
    if scheme not in _CRYPTS:
        _verify("any password", scheme, bare)
    elif not _LOOKS_HASHED.match(bare) and not _OLD_CRYPT.fullmatch(bare):
        raise ValueError("no hash of crypt()")
    else:
        _refuse_costly(bare)
    return text


def _with_scheme(text):
    text = text.strip()
    if text.startswith("$"):
        kind = next((name for begin, name in _ARGON2.items() if text.startswith(begin)), "CRYPT")
        text = f"{{{kind}}}{text}"
    if not _PREFIX.fullmatch(text) or not text.isascii() or len(text) > MAX_HASH:
        raise ValueError("no {SCHEME} in front")
    scheme, bare = _split(text)
    if scheme.partition(".")[0] in _PLAIN | _NOT_DOVECOTS or (
        scheme == "MD5" and not bare.startswith("$1$")
    ):
        raise ValueError("no hash that Dovecot reads")
    return text, scheme, bare


def clear_text(stored):
    scheme, bare = _split(stored or "")
    scheme, _dot, encoding = scheme.partition(".")
    if scheme not in _PLAIN:
        return None
    try:
        return {
            "": lambda: bare,
            "B64": lambda: base64.b64decode(bare, validate=True).decode(),
            "HEX": lambda: bytes.fromhex(bare).decode(),
        }[encoding]()
    except (ValueError, LookupError):
        return None


def is_cheap(stored):
    scheme, bare = _split(stored or "")
    return not _is_current(scheme, bare)


def generate_password(length=16):
    """A random password without look-alike characters, about 90 bits for 16 characters.

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
    hashed = _CURRENT.fullmatch(bare) if scheme in (CURRENT_SCHEME, "CRYPT") else None
    return hashed is not None and int(hashed[1] or 5_000) >= settings.PASSWORD_ROUNDS


def _verify(raw, scheme, bare, name=""):
    if scheme.endswith((".B64", ".HEX")):
        scheme, _, encoding = scheme.rpartition(".")
        decoded = (
            base64.b64decode(bare, validate=True) if encoding == "B64" else bytes.fromhex(bare)
        )
        if scheme == "MD5" and not decoded.startswith(b"$1$"):
            raise ValueError("no hash that Dovecot reads")
        if scheme == "DIGEST-MD5":
            return _verify_digest_md5(raw, name, decoded)
        if scheme in _DIGESTS and not decoded.startswith(b"$1$"):
            return _verify_digest(raw, scheme, decoded)
        return _verify(raw, scheme, decoded.decode(), name)
    if scheme in _PLAIN:
        return secrets.compare_digest(raw.encode(), bare.encode())
    if scheme in _CRYPTS or (scheme == "MD5" and bare.startswith("$1$")):
        return _verify_crypt(raw, bare)
    if scheme == "PBKDF2":
        return _verify_pbkdf2(raw, bare)
    if scheme in _SCRAMS:
        return _verify_scram(raw, _SCRAMS[scheme], bare)
    if scheme in _CRAMS:
        if not re.fullmatch(r"[0-9A-Fa-f]{64}", bare):
            raise ValueError("cut short")
        return secrets.compare_digest(cram_md5(raw.encode()), bare.lower())
    if scheme == "DIGEST-MD5":
        return _verify_digest_md5(raw, name, _decode(bare, 16))
    if scheme in _DIGESTS:
        return _verify_digest(raw, scheme, _decode(bare, _DIGESTS[scheme][1]))
    raise ValueError("unknown scheme")


def _refuse_costly(bare):
    if argon2 := _ARGON2_COST.match(bare):
        memory, passes = int(argon2[1]), int(argon2[2])
        allowed = memory <= MAX_ARGON2_MEMORY and memory * passes <= MAX_ARGON2
    elif bcrypt := _BCRYPT.match(bare):
        allowed = int(bcrypt[1]) <= MAX_BCRYPT
    elif rounds := _ROUNDS.match(bare):
        allowed = int(rounds[1] or rounds[2] or rounds[3] or 0) <= MAX_ITERATIONS
    elif bsdi := _BSDI.match(bare):
        allowed = h64.decode_int24(bsdi[1].encode()) <= MAX_ITERATIONS
    else:
        allowed = _BOUNDED.match(bare) or not bare.startswith("$")
    if not allowed:
        raise ValueError("too costly")


def _verify_crypt(raw, bare):
    _refuse_costly(bare)
    crypt = _system_crypt()
    if bare.startswith(tuple(_ARGON2)) or crypt is None:
        # bcrypt reads 72 bytes and refuses more; Dovecot and PHP cut there.
        return _current().verify(raw.encode()[:72] if bare.startswith("$2") else raw, bare)
    # As large as any crypt_data; the result lies in it.
    hashed = crypt(raw.encode(), bare.encode(), ctypes.create_string_buffer(1 << 18))
    if hashed is None or hashed.startswith(b"*") or len(hashed) != len(bare.encode()):
        raise ValueError("no hash of crypt()")
    return hmac.compare_digest(hashed, bare.encode())


def _decode(text, size):
    if re.fullmatch(r"[0-9A-Fa-f]+", text) and len(text) == 2 * size:
        return bytes.fromhex(text)
    return base64.b64decode(text, validate=True)


def _verify_digest(raw, scheme, stored):
    name, size, salted = _DIGESTS[scheme]
    digest, salt = stored[:size], stored[size:]
    if len(digest) != size or bool(salt) != salted:
        raise ValueError("cut short")
    return secrets.compare_digest(hashlib.new(name, raw.encode() + salt).digest(), digest)


def _verify_digest_md5(raw, name, stored):
    # Dovecot: user:realm:password, parted at the first @ of the login name (its password-scheme.c).
    if len(stored) != 16:
        raise ValueError("cut short")
    user, _at, realm = name.partition("@")
    text = f"{user}:{realm}:{raw}".encode()
    digest = hashlib.md5(text, usedforsecurity=False).digest()
    return secrets.compare_digest(digest, stored)


def _verify_pbkdf2(raw, bare):
    # Dovecot: $1$salt$rounds$hex, HMAC-SHA1, 20 bytes (its password-scheme-pbkdf2.c).
    empty, version, salt, rounds, digest = bare.split("$")
    if empty or version != "1" or not 0 < int(rounds) <= MAX_ITERATIONS or len(digest) != 40:
        raise ValueError("not Dovecot's PBKDF2")
    mine = hashlib.pbkdf2_hmac(
        "sha1", raw.encode(), salt.encode(), int(rounds), pbkdf2_sha1.checksum_size
    )
    return secrets.compare_digest(mine.hex(), digest.lower())


def _verify_scram(raw, name, bare):
    # Dovecot: rounds,salt,StoredKey,ServerKey (RFC 5802; its password-scheme-scram.c).
    rounds, salt, stored, _server = bare.split(",")
    if not 0 < int(rounds) <= MAX_ITERATIONS:
        raise ValueError("too many rounds")
    salted = hashlib.pbkdf2_hmac(
        name, raw.encode(), base64.b64decode(salt, validate=True), int(rounds)
    )
    client_key = hmac.digest(salted, b"Client Key", name)
    mine, theirs = hashlib.new(name, client_key).digest(), base64.b64decode(stored, validate=True)
    if len(mine) != len(theirs):
        raise ValueError("cut short")
    return secrets.compare_digest(mine, theirs)
