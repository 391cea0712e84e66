import contextlib
import hashlib
import re
import subprocess
from base64 import b64decode

import dkim as verifier
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from dkim.canonicalization import CanonicalizationPolicy
from dkim.util import parse_tag_value

from domains import dkim
from domains.dkim_keys import RSA, DKIMKey, keys_of
from tests.contract.world import PASSWORD
from tests.servers.clients import smtp
from tests.servers.processes import find, wait_until

OUTSIDE = "bob@elsewhere.test"


def domain_with_keys(world, name):
    domain = world.domain(name)
    world.mailbox(f"ann@{name}")
    first, _second = dkim.create_keys(actor=None, domain=domain)
    dkim.sign_with(actor=None, domain=domain, selector=first.selector, force=True)


def tell(server):
    """Let the signer know what changed: OpenDKIM asks the database, rspamd has a file that the helper writes."""
    if server.rspamd:
        server.rspamd.write_files()


@contextlib.contextmanager
def away(server):
    if server.rspamd:
        stop, start = server.rspamd.away, server.rspamd.start_again
    else:
        stop, start = server.opendkim.stop, server.opendkim.start
    stop()
    try:
        yield
    finally:
        start()


def signing(domain):
    return next(key for key in keys_of(domain)[domain] if key.signs and key.kind == RSA)


def next_of(domain):
    return next(key for key in keys_of(domain)[domain] if not key.signs and key.kind == RSA)


def post(server, header, *, login="ann@example.org", sender=None, recipient=OUTSIDE):
    """Send by port 587 with this From: and return what arrives outside."""
    number = len(server.outside.received)
    text = f"From: {header}\r\nTo: <{recipient}>\r\nSubject: hello\r\n\r\nHello\r\n"
    with smtp(server, server.submission_port, login=(login, PASSWORD)) as session:
        session.sendmail(login if sender is None else sender, [recipient], text)
    return arrived(server, number)


def local(server, sender):
    number = len(server.outside.received)
    hand_over(server, f"From: <{sender}>\nSubject: away\n\nI am away\n")
    return arrived(server, number)


def hand_over(server, text):
    """To sendmail, which returns before anything is signed."""
    command = [find("sendmail"), "-C", server.postfix.conf, "-f", "", OUTSIDE]
    subprocess.run(command, input=text, text=True, check=True)


def arrived(server, number):
    wait_until(lambda: len(server.outside.received) > number, "the message outside")
    return server.outside.received[number].text.encode()


def signed_by(message):
    found = signatures(message)
    if not found:
        return None
    [tags] = found.values()
    return tags["d"], tags["s"]


def signatures(message):
    """``{kind: tags}`` of the signatures that the message has."""
    head = message.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").decode()
    lines = [line for line in head.split("\r\n") if line.startswith("DKIM-Signature:")]
    found = [
        dict(tag.strip().partition("=")[::2] for tag in line.partition(":")[2].split(";"))
        for line in lines
    ]
    kinds = {tags["a"].partition("-")[0]: tags for tags in found}
    assert len(kinds) == len(found), "two signatures of one kind"
    return kinds


def verifies(message):
    """Whether a receiver accepts the signature, with the records that the panel shows as the DNS."""
    return verifier.DKIM(message).verify(dnsfunc=records)


def records(name, timeout=5):
    found = {f"{key}.": key.record for key in DKIMKey.objects.with_roles()}
    return found.get(name.decode(), "").encode() or None


def verifies_ed25519(message, key):
    """Whether its Ed25519 signature (RFC 8463) is that of ``key``; dkimpy needs another package for this kind."""
    headers, body = verifier.rfc822_parse(message)
    [line] = [
        one
        for one in headers
        if one[0].lower() == b"dkim-signature" and b"a=ed25519-sha256" in one[1]
    ]
    tags = parse_tag_value(line[1])
    policy = CanonicalizationPolicy.from_c_value(tags[b"c"])
    if hashlib.sha256(policy.canonicalize_body(body)).digest() != b64decode(tags[b"bh"]):
        return False
    named = [name.lower() for name in re.split(rb"\s*:\s*", tags[b"h"])]
    signed = hashlib.sha256()
    verifier.hash_headers(signed, policy, policy.canonicalize_headers(headers), named, line, tags)
    try:
        load_pem_public_key(key.public_key.encode()).verify(b64decode(tags[b"b"]), signed.digest())
    except InvalidSignature:
        return False
    return True
