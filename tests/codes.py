"""Codes of an authenticator app, at a moment that stands still: with the fixture ``clock``."""

import pyotp

NOW = 1_800_000_015  # seconds; the middle of a step


def code(secret, steps=0):
    return pyotp.TOTP(secret).at(NOW + 30 * steps)
