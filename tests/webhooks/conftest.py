import json
import ssl
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from accounts import webhook_runner, webhooks
from accounts.models import Webhook
from accounts.webhook_sending import signature

BAD, GOOD = (500, {}, b"broken"), (200, {}, b"taken")


class Receiver:
    """A program that is told, at ``url``. ``answers`` are (status, headers, body), or what is called with the request, one after the other;
    the last one is for all that come later."""

    def __init__(self, context=None):
        self.got, self.answers = [], [(200, {}, b"")]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, self.headers, body))
                answer = outer.answers[0] if len(outer.answers) == 1 else outer.answers.pop(0)
                if callable(answer):
                    answer(self)
                    return
                status, headers, text = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = False

            def handle_error(self, request, client_address):
                pass  # whoever asked went away

        self.server = Server(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/told?by=us"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.05])
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def told(self):
        return [json.loads(body) for _path, _headers, body in self.got]

    @property
    def types(self):
        return [event["type"] for event in self.told]

    @property
    def objects(self):
        return [event["data"].get("object") for event in self.told]


@pytest.fixture
def receiver(settings):
    made = Receiver()
    settings.WEBHOOK_HOSTS = [f"127.0.0.1:{made.port}"]
    settings.WEBHOOK_NETWORKS = ["127.0.0.1"]
    yield made
    made.close()


@pytest.fixture
def make_receiver(settings):
    made = []

    def make(context=None):
        made.append(Receiver(context))
        settings.WEBHOOK_HOSTS = [*settings.WEBHOOK_HOSTS, f"127.0.0.1:{made[-1].port}"]
        settings.WEBHOOK_NETWORKS = ["127.0.0.1"]
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def root(make_admin):
    return make_admin("root@example.org", superadmin=True)


@pytest.fixture
def admin(example_org, make_admin):
    return make_admin("it@example.org", domains=["example.org"])


@pytest.fixture
def hook(admin, receiver):
    """Of the administrator of example.org, told of mailboxes and aliases."""
    return webhooks.create_webhook(actor=admin, url=receiver.url, events=["mailbox", "alias"])


def run():
    return webhook_runner.run()


def soon(hook):
    """As if the pause were over."""
    Webhook.objects.filter(pk=hook.pk).update(next_try=timezone.now() - timedelta(seconds=1))


def anew(hook):
    return Webhook.objects.get(pk=hook.pk)


def is_signed(hook, got):
    _path, headers, body = got
    expected = signature(
        webhooks.secret_of(hook), headers["webhook-id"], headers["webhook-timestamp"], body
    )
    return headers["webhook-signature"] == expected


def server_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
