"""Servers that mail from a domain is handed to on its way out.

Read by Postfix: deploy/postfix/relay_hosts.cf and relay_login.cf. A login is encrypted in the database, with a key that is made of
SECRET_KEY and that only the panel and the map's file have; MariaDB decrypts it for Postfix. So a dump, a replica or somebody
who may read the tables does not have it. Whoever reads the database and that file, or the statements that are sent, does.
"""

import hashlib
import secrets

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings
from django.db import models

from panel.derived_keys import relay_key
from panel.fields import KeyField
from panel.scoping import ScopedQuerySet

_BITS = 128


def _cipher(salt, next_hop):
    # As AES_DECRYPT does without other arguments: ECB, so that each login has a key of its own. The server is part of the
    # key: whoever can write this table, and no more, cannot have a login sent to another one.
    text = f"{relay_key(settings.SECRET_KEY)}{salt}{next_hop}"
    return Cipher(algorithms.AES(hashlib.sha256(text.encode()).digest()[:16]), modes.ECB())  # noqa: S305


def encrypted(text, next_hop):
    salt = secrets.token_hex(16)
    padder, encryptor = padding.PKCS7(_BITS).padder(), _cipher(salt, next_hop).encryptor()
    padded = padder.update(text.encode()) + padder.finalize()
    return salt, (encryptor.update(padded) + encryptor.finalize()).hex()


def decrypted(salt, secret, next_hop):
    """The text, or None if another SECRET_KEY encrypted it."""
    unpadder, decryptor = padding.PKCS7(_BITS).unpadder(), _cipher(salt, next_hop).decryptor()
    try:
        padded = decryptor.update(bytes.fromhex(secret)) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError:
        return None


class RelayHostQuerySet(ScopedQuerySet):
    domain_lookup = "pk"


class RelayHost(models.Model):
    """The server that mail with a sender in ``domain`` leaves through.

    ``secret`` is login and password as Postfix wants them, encrypted; empty without a login. ``spf_include`` is what
    the provider says a domain's SPF record must include.
    """

    domain = KeyField(primary_key=True)
    next_hop = models.CharField(max_length=300)
    login = models.CharField(max_length=255, blank=True, default="", db_default="")
    salt = models.CharField(max_length=32, blank=True, default="", db_default="")
    secret = models.CharField(max_length=2000, blank=True, default="", db_default="")
    spf_include = models.CharField(max_length=255, blank=True, default="", db_default="")

    objects = RelayHostQuerySet.as_manager()

    class Meta:
        db_table = "relay_host"
        default_permissions = ()

    def __str__(self):
        return self.next_hop

    @property
    def host(self):
        return self.next_hop.partition("[")[2].partition("]")[0]

    @property
    def is_readable(self):
        """Whether the stored login is what Postfix is answered: not after a change of SECRET_KEY."""
        text = decrypted(self.salt, self.secret, self.next_hop) if self.secret else ""
        return text is not None and text.partition(":")[0] == self.login
