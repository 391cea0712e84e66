"""MTA-STS (RFC 8461): the policy that the panel serves, the record that announces it, and what others get who fetch it.

A fetch asks https://mta-sts.DOMAIN/ of one of the panel's domains and nothing else: no redirect is followed, and an address
that is neither public nor this server's own is not connected to, whatever the DNS says.
"""

import http.client
import socket
import ssl
from fnmatch import fnmatchcase
from functools import partial
from hashlib import sha256
from threading import Timer
from time import monotonic

from django.conf import settings

from domains.dns.asking import NotAsked
from domains.dns.findings import DIFFERS, MISSING, OK, WRONG, quoted, tags
from domains.dns.host import host_name
from panel.public_addresses import is_public

PORT = 443
PATH = "/.well-known/mta-sts.txt"
FETCH_SECONDS = 4  # from the first byte to the last
MOST_BYTES = 64 * 1024


class NotFetched(Exception):
    """``reason`` is one of words.REASONS of the topic "policy"; ``said`` is what the other side says."""

    def __init__(self, reason, said=""):
        super().__init__(reason)
        self.reason, self.said = reason, said


def sts_policy():
    """What this panel serves at https://mta-sts.DOMAIN/.well-known/mta-sts.txt; "" if MTA_STS is none."""
    if settings.MTA_STS == "none":
        return ""
    lines = ("version: STSv1", f"mode: {settings.MTA_STS}", f"mx: {host_name()}", "max_age: 604800")
    return "".join(f"{line}\r\n" for line in lines)


def announced(asking, host, name, made):
    records = [text for text in asking.texts(name) if text.startswith("v=STSv1")]
    policy = sts_policy()
    # The id says that the policy is another one.
    wanted = (quoted(f"v=STSv1; id={sha256(policy.encode()).hexdigest()[:20]}"),) if policy else ()
    seen = tuple(map(quoted, records))
    if not records:
        return made(wanted, seen, MISSING, "missing") if policy else None
    if len(records) > 1:
        return made(wanted, seen, WRONG, "two records")
    if not (tags(records[0]) or {}).get("id"):
        return made(wanted, seen, WRONG, "syntax")
    if not policy:
        return made(seen, seen, OK, "not ours")
    return made(wanted, seen, OK, "ok") if seen == wanted else made(wanted, seen, DIFFERS, "id")


def served(asking, host, name, made, *, leads_here):
    finding = leads_here(asking, host, name, made)
    if not finding.seen:
        return finding
    addresses = asking.addresses(name)
    # About the name's own records this finding says what that one says.
    made = partial(made, finding.wanted, finding.seen)
    try:
        text = fetch(name, addresses, own=host.addresses, seconds=asking.until - monotonic())
    except NotFetched as error:
        return made(DIFFERS, error.reason, {"said": error.said})
    if not _names(text, host.name):
        return made(WRONG, "other servers")
    if _fields(text) != _fields(sts_policy()):
        return made(DIFFERS, "another policy")
    return made(OK, "served", wanted=finding.seen) if finding.state != OK else finding


def _fields(text):
    lines = (line.partition(":") for line in text.splitlines() if line.strip())
    return sorted((name.strip(), value.strip().lower()) for name, _colon, value in lines)


def _names(text, host):
    fields = _fields(text)
    patterns = [value for name, value in fields if name == "mx"]
    # "*." stands for exactly one label.
    named = any(fnmatchcase(host, one) and host.count(".") == one.count(".") for one in patterns)
    return named or ("mode", "enforce") not in fields


def fetch(name, addresses, *, own=(), seconds=FETCH_SECONDS):
    """Return the text at https://NAME/.well-known/mta-sts.txt, asked at the first of ``addresses`` that may be asked.

    Raises NotFetched, or NotAsked if there is no time left.
    """
    allowed = [one for one in addresses if one in own or is_public(one)]
    if not allowed:
        raise NotFetched("not public", ", ".join(addresses))
    seconds = min(FETCH_SECONDS, seconds)
    if seconds <= 0:
        raise NotAsked
    try:
        return _answer(name, socket.create_connection((allowed[0], PORT), seconds), seconds)
    except ssl.SSLCertVerificationError as error:
        raise NotFetched("certificate", error.verify_message) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotFetched("no answer", allowed[0]) from error


def _answer(name, plain, seconds):
    context = ssl.create_default_context()
    with context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False) as line:
        # Each wait is bounded by the socket's time-out, all of them together by this.
        until = monotonic() + seconds
        ending = Timer(seconds, socket.socket.shutdown, [line, socket.SHUT_RDWR])
        ending.start()
        try:
            line.do_handshake()
            text = _file(name, line)
        finally:
            ending.cancel()
    if monotonic() >= until:  # what was cut off looks like a file that ends there
        raise TimeoutError
    return text


def _file(name, line):
    connection = http.client.HTTPConnection(name)
    connection.sock = line
    connection.request("GET", PATH, headers={"Connection": "close", "Accept": "text/plain"})
    answer = connection.getresponse()
    kind = answer.headers.get_content_type()
    if answer.status != http.client.OK or kind != "text/plain":
        raise NotFetched("not the file", f"{answer.status} {kind}")
    body = answer.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise NotFetched("not the file", f"> {MOST_BYTES // 1024} kB")
    return body.decode()
