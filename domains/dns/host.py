from functools import cached_property
from hashlib import sha256
from ipaddress import ip_address

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

    def senders(self, relay=None):
        """The addresses that receivers see: those of the relay host, the domain's RelayHost or that of all, if there is one."""
        name = relay.host if relay else settings.MAIL_RELAYHOST
        if not name:
            return self.addresses
        return [name] if is_address(name) else self.asking.addresses(name)

    def leads_here(self, name):
        if name == self.name:
            return True
        found = self.asking.addresses(name)
        return bool(found) and set(found) <= set(self.addresses)


def spf_terms(relay=None):
    if relay and relay.spf_include:
        return [f"include:{relay.spf_include}"]
    name = relay.host if relay else settings.MAIL_RELAYHOST.lower() or host_name()
    return [f"ip{ip_address(name).version}:{name}" if is_address(name) else f"a:{name}"]


def is_address(name):
    try:
        return bool(ip_address(name))
    except ValueError:
        return False


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
