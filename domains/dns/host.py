"""This mail server as the DNS knows it: its addresses, and those from which its mail leaves."""

from functools import cached_property
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings


def host_name():
    return settings.MAIL_HOSTNAME.lower()


class Host:
    def __init__(self, asking):
        self.asking = asking
        self.name = host_name()

    @cached_property
    def addresses(self):
        return settings.MAIL_ADDRESSES or self.asking.addresses(self.name)

    @cached_property
    def senders(self):
        """The addresses that receivers see: the relay host's, if there is one."""
        relay = settings.MAIL_RELAYHOST
        return self.asking.addresses(relay) if relay else self.addresses

    def leads_here(self, name):
        """Whether ``name`` is this host, or has no other addresses than it."""
        if name == self.name:
            return True
        found = self.asking.addresses(name)
        return bool(found) and set(found) <= set(self.addresses)


def spf_terms():
    """What a domain's SPF record must have so that mail from here passes."""
    return [f"a:{settings.MAIL_RELAYHOST.lower() or host_name()}"]


def certificate_digest():
    """The SHA-256 of the certificate's public key, in hex, as TLSA 3 1 1 has it; None if it cannot be read."""
    if not settings.MAIL_CERTIFICATE:
        return None
    try:
        with open(settings.MAIL_CERTIFICATE, "rb") as file:
            [certificate, *_chain] = x509.load_pem_x509_certificates(file.read())
    except (OSError, ValueError):
        return None
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(key).hexdigest()
