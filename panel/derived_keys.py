"""Keys that are made of SECRET_KEY. Only the standard library: the installer needs them before Django is there."""

import base64
import hmac


def relay_key(secret_key):
    return hmac.digest(secret_key.encode(), b"mailadmin: logins at relay hosts", "sha256").hex()


def factor_key(secret_key):
    """The key of TOTP secrets (accounts/totp.py), as Fernet takes it."""
    return base64.urlsafe_b64encode(
        hmac.digest(secret_key.encode(), b"mailadmin: second factors", "sha256")
    )


def policy_secret(secret_key):
    """With which Dovecot asks about sign-ins (mailadmin/sign_ins/)."""
    return hmac.digest(secret_key.encode(), b"mailadmin: auth policy", "sha256").hex()


def policy_nonce(secret_key):
    """With which Dovecot hashes passwords to 12 bits, for that."""
    return hmac.digest(secret_key.encode(), b"mailadmin: auth policy, nonce", "sha256").hex()
