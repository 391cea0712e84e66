"""Codes of an authenticator app, at a moment that stands still: with the fixture ``clock``."""

import pyotp

NOW = 1_800_000_015  # seconds; the middle of a step


class App(pyotp.TOTP):
    min_secret_length_bits = 0  # PostfixAdmin's may be shorter than what this library makes


def code(secret, steps=0):
    return App(secret).at(NOW + 30 * steps)
