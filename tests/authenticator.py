"""A device with passkeys, in software: what a browser would answer, as JSON; each part can be made wrong."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "http://localhost"
PRESENT, VERIFIED, ATTESTED = 1, 4, 64


def encoded(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return urlsafe_b64decode(text + "==")


class Device:
    """``counts``: whether it counts its uses, as security keys do; what a phone keeps in a cloud says 0 each time."""

    def __init__(self, *, counts=True, verifies=True):
        self.counts, self.verifies = counts, verifies
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential = secrets.token_bytes(32)
        self.handle = None
        self.uses = 0

    @property
    def id(self):
        return encoded(self.credential)

    def add(self, options, *, origin=ORIGIN, site=None):
        options = json.loads(options)
        self.handle = decoded(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        key = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        attested = bytes(16) + len(self.credential).to_bytes(2) + self.credential + cbor2.dumps(key)
        told = self._told(site or options["rp"]["id"], ATTESTED) + attested
        statement = {"fmt": "none", "attStmt": {}, "authData": told}
        return self._answer(
            clientDataJSON=self._client("webauthn.create", options, origin),
            attestationObject=cbor2.dumps(statement),
        )

    def show(self, options, *, origin=ORIGIN, site=None, handle=None):
        options = json.loads(options)
        client = self._client("webauthn.get", options, origin)
        told = self._told(site or options["rpId"])
        signed = told + hashlib.sha256(client).digest()
        return self._answer(
            clientDataJSON=client,
            authenticatorData=told,
            signature=self.key.sign(signed, ec.ECDSA(SHA256())),
            userHandle=handle or self.handle,
        )

    def _told(self, site, flags=0):
        self.uses += self.counts
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + self.uses.to_bytes(4)

    def _client(self, kind, options, origin):
        said = {"type": kind, "challenge": options["challenge"], "origin": origin}
        return json.dumps(said | {"crossOrigin": False}).encode()

    def _answer(self, **response):
        return json.dumps(
            {
                "id": self.id,
                "rawId": self.id,
                "type": "public-key",
                "response": {name: encoded(value) for name, value in response.items()},
            }
        )
