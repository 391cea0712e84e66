"""Where Dovecot's auth policy asks and reports. On this machine alone, with a secret that Dovecot knows.

https://doc.dovecot.org/2.3/configuration_manual/authentication/auth_policy/ and .../2.4.1/core/config/auth/policy.html. Where it is away sign-ins go on.
"""

import hmac
import json
import re
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from django.conf import settings

from mailadmin.sign_ins.report import LONGEST, asked_address, read
from mailadmin.sign_ins.store import Store
from panel.derived_keys import policy_secret

CONNECTIONS = 200  # Dovecot keeps up to a hundred
STRANGER_SECONDS = 2  # for the secret, so that whoever does not know it takes no place for long
IDLE_SECONDS = 30  # Dovecot ends an idle one after ten


class Endpoint(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, place, store):
        host, _colon, port = place.rpartition(":")
        self.store = store
        self.secret = f"Bearer {policy_secret(settings.SECRET_KEY)}".encode()
        self.room = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__((host, int(port)), Handler)

    def process_request(self, request, client_address):
        if self.room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), OSError):  # one that breaks off is no error of ours
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "mailadmin", ""
    timeout = STRANGER_SECONDS
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self._body()
        if body is None:
            return
        place = urlsplit(self.path)
        store = self.server.store
        if (place.path, place.query) == ("/policy", "command=allow"):
            self._say(200, {"status": store.answer(asked_address(body)), "msg": ""})
        elif (place.path, place.query) == ("/policy", "command=report"):
            if report := read(body):
                store.add(report)
            self._say(200, {"status": 0, "msg": ""})
        else:
            self._say(404, {})

    def do_GET(self):
        if self._is_allowed():
            store = self.server.store
            self._say(200, {"waiting": len(store.waiting), "says": store.says})

    def _is_allowed(self):
        given = self.headers.get("Authorization", "").encode("utf-8", "replace")
        if hmac.compare_digest(given, self.server.secret):
            self.connection.settimeout(IDLE_SECONDS)
            return True
        self.close_connection = True
        self._say(401, {})
        return False

    def _body(self):
        """What was sent, or None after an answer that refuses it."""
        if not self._is_allowed():
            return None
        length = self.headers.get("Content-Length", "")
        if not (re.fullmatch(r"[0-9]{1,9}", length) and int(length) <= LONGEST):
            self.close_connection = True
            self._say(413 if length else 411, {})
            return None
        return self.rfile.read(int(length))

    def _say(self, status, answer):
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format, *args):
        """Nothing: what is wrong with the database the store says."""


def serve(place):
    """Until SIGTERM or SIGINT; then what waits is written. Raises OSError if nobody may listen there."""
    store, stopped = Store(), threading.Event()
    with Endpoint(place, store) as endpoint:
        writer = threading.Thread(target=store.run, args=[stopped])
        for number in (signal.SIGTERM, signal.SIGINT):
            # shutdown() waits for the loop that this thread runs.
            signal.signal(number, lambda *_: threading.Thread(target=endpoint.shutdown).start())
        writer.start()
        try:
            endpoint.serve_forever()
        finally:
            stopped.set()
            writer.join()
