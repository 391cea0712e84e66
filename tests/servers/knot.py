import secrets
from base64 import b64encode

import dns.message
import dns.query

from tests.servers.processes import Process, answers, find, free_ports, wait_until

SOA = "@ 3600 SOA ns hostmaster 1 3600 600 86400 60\n@ 3600 NS ns\nns 3600 A 127.0.0.1\n"
CONF = """
server:
    rundir: "{directory}"
    listen: 127.0.0.1@{port}
log:
  - target: stderr
    any: warning
database:
    storage: "{directory}"
key:
  - id: panel
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: panel
    key: panel
    action: update
policy:
  - id: signed
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: "{directory}"
    file: "%s.zone"
    acl: panel
    zonefile-load: whole
zone:
"""


class Knot:
    """``start({"example.org": "@ MX 10 mail.example.org."})``. A zone whose text is None answers SERVFAIL.

    Those named in ``signed`` have signatures of DNSSEC, by a key of their own: anchor().
    """

    def __init__(self, directory):
        self.directory = directory
        [self.port] = free_ports(1)
        self.address = f"127.0.0.1:{self.port}"
        self.secret = b64encode(secrets.token_bytes(32)).decode()
        self.key = f"panel:hmac-sha256:{self.secret}"
        conf = directory / "knot.conf"
        self._process = Process([find("knotd"), "-c", conf], directory / "knot.log")
        self._conf = conf

    def start(self, zones, signed=()):
        values = {"directory": self.directory, "port": self.port, "secret": self.secret}
        text = CONF.format(**values)
        for name, records in zones.items():
            text += f"  - domain: {name}\n"
            if name in signed:
                text += "    dnssec-signing: on\n    dnssec-policy: signed\n"
            if records is not None:
                file = self.directory / f"{name}.zone"
                file.write_text(f"$ORIGIN {name}.\n$TTL 60\n{SOA}{records}\n")
        self._conf.write_text(text)
        self._process.start(lambda: answers(self.port))

    def anchor(self, zone):
        """The key of a signed zone as a line of a zone file, which a resolver may trust."""

        def keys():
            question = dns.message.make_query(zone, "DNSKEY")
            return dns.query.tcp(question, "127.0.0.1", port=self.port, timeout=60).answer

        [found, *_others] = wait_until(keys, f"keys of {zone}")
        return found.to_text()

    def stop(self):
        self._process.stop()
