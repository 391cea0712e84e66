"""Where the mail of a domain is handed on to, in the words of Postfix's transport(5).

The value goes to Postfix as it is stored (deploy/postfix/transport.cf), so it names a service of master.cf that is
known to be there, and a server or a socket; nothing else.
"""

import re
from ipaddress import ip_address
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from panel.addresses import normalise_domain

# Delivered on this server, as in deploy/postfix/transport.cf and aliases/sql/functions.sql; any other hands mail on.
LOCAL_TRANSPORTS = ("", "virtual", "virtual:")
TO_SERVERS = ("smtp", "relay", "lmtp")
# Services in the master.cf of Postfix and of Debian; MAIL_TRANSPORTS names those that a site has besides.
POSTFIX_SERVICES = {*TO_SERVERS, "local", "error", "retry", "discard"}
_SOCKET = re.compile(r"unix:[a-z0-9/._-]+")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_HOST_AND_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([0-9]{1,5}))?")


class Server(NamedTuple):
    """A server as Postfix names it: ``[mx.example.org]:25``. Without brackets its MX records are followed."""

    host: str
    port: str = ""
    bracketed: bool = True

    def __str__(self):
        host = f"[{self.host}]" if self.bracketed else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def is_this_server(self):
        own = {settings.MAIL_HOSTNAME.lower(), "localhost", "127.0.0.1", "::1"}
        return self.host in own and self.port in {"", "25"}


def read_server(text):
    """The Server in ``text``, such as ``mx.example.org``, ``[192.0.2.7]:2525`` or ``[2001:db8::7]``, or None."""
    found = _HOST_AND_PORT.fullmatch(text.strip().lower())
    host = found and _host(found[1] or found[2] or "")
    if not host or (found[3] and not 0 < int(found[3]) < 65536):
        return None
    return Server(host, found[3] or "", bracketed=found[1] is not None)


def _host(text):
    if _NAME.fullmatch(text) and not text.isdigit():
        return text
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    try:
        return normalise_domain(text)
    except ValidationError:
        return ""


def parted(transport):
    service, _colon, next_hop = transport.partition(":")
    return service, read_server(next_hop.removeprefix("inet:") if service == "lmtp" else next_hop)


def as_stored(text):
    """What is stored of a typed transport: a server alone is reached by SMTP, at its own address."""
    if text == "virtual:":  # as people write it in Postfix's maps
        return "virtual"
    server = read_server(text) if "." in text or text.startswith("[") else None
    return f"smtp:{server._replace(bracketed=True)}" if server else text


def check_transport(text):
    if text in LOCAL_TRANSPORTS:
        return
    service, colon, next_hop = text.partition(":")
    known = service in POSTFIX_SERVICES or service in settings.MAIL_TRANSPORTS
    plain = re.fullmatch(r"[^\s,'\"\\]*", next_hop) and next_hop.isprintable()
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", service) or not plain or (colon and "\n" in text):
        raise ValidationError(
            _("Write a Postfix transport such as virtual, smtp:[mx.example.org]:25 or relay:."),
            "invalid",
        )
    if not known:
        raise ValidationError(
            _(
                "Postfix has no service “%(service)s”. Choose smtp, relay or lmtp; one that your master.cf has besides is"
                " named in the setting MAIL_TRANSPORTS first."
            ),
            "not_served",
            {"service": service},
        )
    if service not in TO_SERVERS or not next_hop:
        return
    _service, server = parted(text)
    if server is None and not (service == "lmtp" and _SOCKET.fullmatch(next_hop)):
        raise ValidationError(
            _("“%(server)s” is no server. Write it like [mx.example.org]:25 or [192.0.2.7]."),
            "no_server",
            {"server": next_hop},
        )
    if server is not None and service != "lmtp":
        refuse_this_server(server)


def refuse_this_server(server):
    if server.is_this_server:
        raise ValidationError(
            _(
                "%(server)s is this mail server itself: it would hand the mail to itself, and then send it back."
            ),
            "itself",
            {"server": server},
        )


def warning_about(transport):
    service, _colon, _next_hop = transport.partition(":")
    known = service in POSTFIX_SERVICES or service in settings.MAIL_TRANSPORTS
    if transport in LOCAL_TRANSPORTS or known:
        return ""
    if service == "virtual":
        return _(
            "Postfix’s own virtual delivery agent is not set up here: mail of this domain would wait and"
            " then bounce. Write “virtual” alone for delivery on this server."
        )
    return _(
        "Postfix needs a service “%(service)s” in its master.cf, which the shipped files do not have:"
        " without it mail of this domain waits and then bounces."
    ) % {"service": service}
