"""The files from which mail programs set themselves up: Thunderbird's autoconfig, Outlook's autodiscover, Apple's profile and newer file.

Nothing in them depends on whether a mailbox exists: what is asked for is said of every address of a domain.
"""

import json
import plistlib
import uuid
from base64 import b64encode
from hashlib import sha256
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7
from django.conf import settings

from domains.mail_services import SERVICES
from domains.models import Domain
from panel.addresses import display_domain

INCOMING = [service for service in SERVICES if service.kind != "smtp"]
OUTGOING = [service for service in SERVICES if service.kind == "smtp"]
OURS = uuid.UUID("6f0f1d4e-2f0b-5a53-9d0c-3b1d6c1a7b52")  # of the identifiers in profiles


def domain_of(name):
    """The Domain whose addresses can be set up here, or None. Read with the domain that it is another name of."""
    rows = Domain.objects.select_related("alias_of__target_domain")
    domain = rows.filter(pk=name, active=True).first()
    return domain if domain and domain.ends_here else None


def mailbox_domain(domain):
    link = getattr(domain, "alias_of", None)
    return link.target_domain_id if link and link.active else domain.pk


def login_name(address, domain):
    return f"{address.rpartition('@')[0]}@{mailbox_domain(domain)}"


def _title(domain):
    return settings.FIRM_NAME or display_domain(domain.pk)


def autoconfig(domain):
    """Mozilla's clientConfig 1.1; Thunderbird puts the address in."""
    own = mailbox_domain(domain) == domain.pk
    login = "%EMAILADDRESS%" if own else f"%EMAILLOCALPART%@{mailbox_domain(domain)}"
    title = escape(_title(domain))
    servers = [_server("incomingServer", service, login) for service in INCOMING]
    servers += [_server("outgoingServer", service, login) for service in OUTGOING]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1">\n'
        f'  <emailProvider id="{escape(domain.pk)}">\n    <domain>{escape(domain.pk)}</domain>\n'
        f"    <displayName>{title}</displayName>\n    <displayShortName>{title}</displayShortName>\n"
        f"{''.join(servers)}  </emailProvider>\n</clientConfig>\n"
    )


def _server(element, service, login):
    return (
        f'    <{element} type="{service.kind}">\n      <hostname>{settings.MAIL_HOSTNAME}</hostname>\n'
        f"      <port>{service.port}</port>\n      <socketType>{service.encryption}</socketType>\n"
        f"      <authentication>password-cleartext</authentication>\n      <username>{escape(login)}</username>\n"
        f"    </{element}>\n"
    )


def autodiscover(domain, address):
    """Outlook's answer to ``address`` (MS-OXDSCLI, the part for IMAP, POP3 and SMTP)."""
    login = escape(login_name(address, domain))
    # It takes the first of each kind, and no STARTTLS where there is TLS.
    protocols = "".join(
        f"      <Protocol>\n        <Type>{service.kind.upper()}</Type>\n"
        f"        <Server>{settings.MAIL_HOSTNAME}</Server>\n        <Port>{service.port}</Port>\n"
        f"        <LoginName>{login}</LoginName>\n        <DomainRequired>off</DomainRequired>\n"
        "        <SPA>off</SPA>\n        <SSL>on</SSL>\n        <AuthRequired>on</AuthRequired>\n      </Protocol>\n"
        for service in SERVICES
        if service.encryption == "SSL"
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">\n'
        '  <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">\n'
        "    <Account>\n      <AccountType>email</AccountType>\n      <Action>settings</Action>\n"
        f"{protocols}    </Account>\n  </Response>\n</Autodiscover>\n"
    )


def apple_profile(domain, address):
    """A configuration profile for iPhone, iPad and Mac with the account of ``address``, without its password.

    Signed if PROFILE_CERTIFICATE and PROFILE_KEY are set; the device then shows who made it.
    """
    incoming = next(service for service in INCOMING if service.kind == "imap")
    outgoing = OUTGOING[0]
    login, host = login_name(address, domain), settings.MAIL_HOSTNAME
    account = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{host}.mail.{address}",
        "PayloadUUID": str(uuid.uuid5(OURS, f"account {address}")).upper(),
        "PayloadDisplayName": address,
        "EmailAccountDescription": address,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": address,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerHostName": host,
        "IncomingMailServerPortNumber": incoming.port,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerUsername": login,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": host,
        "OutgoingMailServerPortNumber": outgoing.port,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerUsername": login,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{host}.profile.{address}",
        "PayloadUUID": str(uuid.uuid5(OURS, f"profile {address}")).upper(),
        "PayloadDisplayName": _title(domain),
        "PayloadDescription": address,
        "PayloadOrganization": _title(domain),
        "PayloadContent": [account],
    }
    return signed(plistlib.dumps(profile))


def user_agent_configuration(domain):
    """Apple's newer file, as bytes (draft-ietf-mailmaint-pacc): servers on their usual ports, encrypted from the first byte.

    Its checksum is in the DNS, so the same settings give the same bytes. It names no login, which is the address.
    """
    title = _title(domain)
    content = {
        "authentication": {"password": True},
        "info": {"provider": {"name": title, "shortName": title}},
        "protocols": {service.kind: {"host": settings.MAIL_HOSTNAME} for service in SERVICES},
    }
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode()


def checksum_record(content):
    return f"v=UAAC1; a=sha256; d={b64encode(sha256(content).digest()).decode()}"


def signed(content):
    if not (settings.PROFILE_CERTIFICATE and settings.PROFILE_KEY):
        return content
    with open(settings.PROFILE_CERTIFICATE, "rb") as file:
        certificate, *chain = x509.load_pem_x509_certificates(file.read())
    with open(settings.PROFILE_KEY, "rb") as file:
        key = load_pem_private_key(file.read(), password=None)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    builder = builder.add_signer(certificate, key, hashes.SHA256())
    for above in chain:
        builder = builder.add_certificate(above)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])
