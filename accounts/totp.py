"""Codes of an authenticator app (RFC 6238: six digits, a new one every 30 seconds), recovery codes, and how secrets are stored.

A secret is encrypted with the first of FACTOR_KEYS, or with SECRET_KEY where there are none; the others, and SECRET_KEY, still decrypt. In clear it is stored only
while PostfixAdmin, which must read it, works on the same rows.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from functools import cache

import pyotp
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from panel.derived_keys import factor_key

SECONDS = 30  # of a step
AHEAD = 1  # steps that a clock may be off, either way
CODES = 10
WIDTH = 255  # of the column
LONGEST = 127  # bytes that fit it once they are encrypted
OFFER_SECONDS = 3_600
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # that nobody takes for another
_ENCRYPTED = "gAAAA"  # how Fernet's texts begin; a secret has capitals and digits alone


class App(pyotp.TOTP):
    """What the app computes; the secret may be as short as another program made it."""

    min_secret_length_bits = 8


@cache
def _fernet(keys):
    return MultiFernet([Fernet(factor_key(key)) for key in keys])


def _keys():
    # SECRET_KEY always: else the first of FACTOR_KEYS would lose all that was encrypted before it was there.
    return (*settings.FACTOR_KEYS, settings.SECRET_KEY)


def new_secret():
    return pyotp.random_base32()


def encrypted(secret):
    """What the column holds of it. Raises ValueError if that is too long for the column, as of more than LONGEST bytes, which we never make."""
    text = sealed(secret)
    if len(text) > WIDTH:
        raise ValueError("too long to be encrypted")
    return text


def sealed(text):
    return _fernet(_keys()).encrypt(text.encode()).decode()


def unsealed(stored):
    """The text, or None if no key fits."""
    try:
        return _fernet(_keys()).decrypt(stored.encode()).decode()
    except InvalidToken:
        return None


def decrypted(stored):
    """The secret, or None if no key fits or it is none."""
    if is_encrypted(stored):
        stored = unsealed(stored)
        if stored is None:
            return None
    secret = stored.replace(" ", "").rstrip("=").upper()
    try:
        return secret if base64.b32decode(secret + "=" * (-len(secret) % 8)) else None
    except ValueError:
        return None


def is_encrypted(stored):
    return stored.startswith(_ENCRYPTED)


def is_under_first_key(stored):
    try:
        Fernet(factor_key(_keys()[0])).decrypt(stored.encode())
    except InvalidToken:
        return False
    return True


def step_of(secret, code):
    """The step whose code this is, if it is of now or of one step more or less; else None."""
    if not is_from_app(code):
        return None
    now, totp = int(time.time()) // SECONDS, App(secret)
    found = None
    for step in range(now - AHEAD, now + AHEAD + 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def typed(text):
    return re.sub(r"[\s-]", "", text).lower()


def is_from_app(code):
    return re.fullmatch(r"[0-9]{6}", code) is not None


def uri(secret, name, issuer):
    return App(secret).provisioning_uri(name=name, issuer_name=issuer)


def offer(account, secret):
    """A text for a form, which nobody else can read or make: the offered ``secret``, and where recovery codes come from.

    The same form sent twice has the same codes in its answer; they are stored nowhere.
    """
    text = json.dumps([account.account_kind, account.pk, secret, secrets.token_hex(16)])
    return _fernet(_keys()).encrypt(text.encode()).decode()


def offered(account, text):
    """(secret, recovery codes) of an offer to this account, or None if it is too old or another's."""
    try:
        found = json.loads(_fernet(_keys()).decrypt(text.encode(), ttl=OFFER_SECONDS))
    except InvalidToken:
        return None
    kind, name, secret, seed = found
    if (kind, name) != (account.account_kind, account.pk):
        return None
    return secret, [_recovery_code(seed, number) for number in range(CODES)]


def _recovery_code(seed, number):
    key = factor_key(_keys()[0])
    drawn = int.from_bytes(hmac.digest(key, f"recovery code {number} {seed}".encode(), "sha256"))
    letters = []
    for _letter in range(16):
        drawn, place = divmod(drawn, len(_LETTERS))
        letters.append(_LETTERS[place])
    text = "".join(letters)
    return "-".join(text[place : place + 4] for place in range(0, 16, 4))


def digest(code):
    return hashlib.sha256(typed(code).encode()).hexdigest()
