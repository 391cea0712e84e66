"""One request of a webhook, signed as Standard Webhooks says (standardwebhooks.com), with bounds of time and size.

It goes to the very address that was checked, follows no redirect, and asks no proxy.
"""

import base64
import hmac
import http.client
import re
import secrets
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import NamedTuple

from django.utils.translation import gettext as _

from accounts.webhook_places import Refused, addresses

SECONDS = 15  # from the first packet to the last that is looked at
BYTES = 16_000  # of an answer that are read
KEPT = 500  # characters of it that are shown
PREFIX = "whsec_"
_WRONG = re.compile(r"[^\S ]+|[\x00-\x1f\x7f-\x9f]+")


class Answer(NamedTuple):
    status: int | None  # None: there was none, and ``text`` says why
    text: str
    milliseconds: int


def new_secret():
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret, name, moment, body):
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b".".join([name.encode(), str(moment).encode(), body])
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def send(place, *, name, secret, body):
    """POST ``body``, JSON as bytes, in the name of the message ``name``. Never raises for what the receiver does."""
    moment, began = int(time.time()), time.monotonic()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "mailadmin",
        "Connection": "close",
        "webhook-id": name,
        "webhook-timestamp": str(moment),
        "webhook-signature": signature(secret, name, moment, body),
    }
    try:
        status, text = _asked(place, body, headers, began + SECONDS)
    except Refused as error:
        status, text = None, str(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        status, text = None, _words(error)
    return Answer(status, text, round((time.monotonic() - began) * 1000))


def _words(error):
    if isinstance(error, TimeoutError):
        return _("It did not answer within %(n)d seconds.") % {"n": SECONDS}
    if isinstance(error, socket.gaierror):
        return _("Its name has no address.")
    return _shown(f"{type(error).__name__}: {error}")


def _asked(place, body, headers, end):
    found = addresses(place)
    plain = _connected(found, place.port, end)
    with plain, _Limit(plain, end) as cut:
        try:
            answer = _exchanged(place, plain, body, headers)
        except (OSError, http.client.HTTPException) as error:
            if cut.is_set():
                raise TimeoutError from error
            raise
        if cut.is_set():  # an answer without an end
            raise TimeoutError
        return answer


def _connected(found, port, end):
    for place, address in enumerate(found, start=1):
        left = (end - time.monotonic()) / (len(found) - place + 1)
        try:
            return socket.create_connection((address, port), timeout=max(0.1, left))
        except OSError:
            if place == len(found):
                raise
    raise socket.gaierror


class _Limit:
    """Ends the connection at ``end``, whatever waits for it: a time-out of the socket begins anew with each byte."""

    def __init__(self, connection, end):
        self.twin, self.cut = connection.dup(), threading.Event()
        self.timer = threading.Timer(max(0.1, end - time.monotonic()), self.end)
        self.timer.daemon = True

    def end(self):
        self.cut.set()
        with suppress(OSError):  # the other side was faster
            self.twin.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        self.timer.start()
        return self.cut

    def __exit__(self, *error):
        self.timer.cancel()
        self.timer.join()
        self.twin.close()


def _exchanged(place, plain, body, headers):
    plain.settimeout(SECONDS)
    if place.is_encrypted:
        connection = http.client.HTTPSConnection(place.host, place.port)
        connection.sock = tls_context().wrap_socket(plain, server_hostname=place.host)
    else:
        connection = http.client.HTTPConnection(place.host, place.port)
        connection.sock = plain
    try:
        connection.request("POST", place.path, body, headers)
        with connection.getresponse() as response:
            return response.status, _shown(response.read(BYTES).decode("utf-8", "replace"))
    finally:
        connection.close()


def tls_context():
    return ssl.create_default_context()


def _shown(text):
    return " ".join(_WRONG.sub(" ", text).split(" ")).strip()[:KEPT]
