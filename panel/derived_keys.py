"""Keys that are made of SECRET_KEY. Only the standard library: the installer needs them before Django is there."""

import hmac


def relay_key(secret_key):
    return hmac.digest(secret_key.encode(), b"mailadmin: logins at relay hosts", "sha256").hex()
