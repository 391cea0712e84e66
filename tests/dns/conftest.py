import pytest

from tests.servers.knot import Knot

HOST = """
mail A 192.0.2.25
mail AAAA 2001:db8::25
"""


@pytest.fixture
def server(tmp_path):
    server = Knot(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def zones(server, settings):
    """``zones({"example.org": "@ MX 10 mail.host.test."})``: these, and that of mail.host.test, are all the DNS there is."""
    settings.MAIL_HOSTNAME = "mail.host.test"
    settings.DNS_RESOLVERS = [server.address]

    def serve(found=None, **more):
        server.start({"host.test": HOST} | (found or {}) | more)
        return server

    return serve
