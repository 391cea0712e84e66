import http.client
import json
import os
import signal
import subprocess
import sys

from django.conf import settings

from panel.derived_keys import policy_secret
from tests.servers.processes import ROOT, answers, wait_until


class SignIns:
    """`manage.py signins --listen` on ``port``, as its unit starts it, with the SQL user of ``database`` (a URL)."""

    def __init__(self, port, database, **environment):
        self.port = port
        self.environment = os.environ | {
            "DATABASE_URL": database,
            "SECRET_KEY": settings.SECRET_KEY,
            "SIGN_INS": f"127.0.0.1:{port}",
            "ENV_FILE": "/dev/null",
            "DJANGO_SETTINGS_MODULE": "mailadmin.settings",
            **environment,
        }
        self.process = None

    def start(self):
        command = [sys.executable, "manage.py", "signins", "--listen"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stderr=subprocess.PIPE
        )
        wait_until(lambda: answers(self.port) or self.process.poll() is not None, "sign-ins")
        return self

    def stop(self, number=signal.SIGTERM):
        """Return what it said."""
        if self.process is None:
            return ""
        self.process.send_signal(number)
        _out, said = self.process.communicate(timeout=60)
        self.process = None
        return said.decode()

    __enter__ = start

    def __exit__(self, *exception):
        self.stop(signal.SIGKILL)


def ask(port, method="POST", path="/policy?command=report", body=b"", **headers):
    """Return (status, answer) of one request, with the secret unless another ``Authorization`` is given."""
    secret = policy_secret(settings.SECRET_KEY)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, text, {"Authorization": f"Bearer {secret}"} | headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()
