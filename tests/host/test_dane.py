import json
import re
import time

import pytest

from tests.host.facts import NAME, PANEL, PASSWORD, python
from tests.host.machine import CHECKOUT

RESOLV = "/etc/resolv.conf"
ANCHOR = "/etc/unbound/world.key"  # unbound's own user reads it
# All names are in the root zone itself: there is one key to know.
ZONE = """
. 60 SOA ns. root. 1 600 600 600 60
. 60 NS ns.
ns. 60 A 127.0.0.3
right.test. 60 MX 10 mx.right.test.
mx.right.test. 60 A 192.0.2.10
_25._tcp.mx.right.test. 60 TLSA 3 1 1 {digest}
wrong.test. 60 MX 10 mx.wrong.test.
mx.wrong.test. 60 A 192.0.2.11
_25._tcp.mx.wrong.test. 60 TLSA 3 1 1 {other}
"""
KNOT = """
server:
    listen: 127.0.0.3@53
    rundir: /root/zones
    user: root
database:
    storage: /root/zones
zone:
  - domain: .
    storage: /root/zones
    file: root.zone
    dnssec-signing: on
    zonefile-sync: -1
"""
# unbound itself would say that there is nothing under "test".
UNBOUND = f"""
server:
  do-not-query-localhost: no
  local-zone: "test." nodefault
  trust-anchor-file: {ANCHOR}
stub-zone:
  name: "."
  stub-addr: 127.0.0.3
"""


@pytest.fixture(scope="module")
def world(machine):
    """The signed root zone, and a machine whose unbound will know its key in place of the world's."""
    machine.run("apt-get", "install", "-qq", "-y", "--no-install-recommends", "knot", "openssl")
    machine.run("mkdir", "/root/zones")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    make += ["-nodes", "-subj", "/CN=mx.right.test", "-keyout", "/root/zones/mx.key"]
    machine.run(*make, "-out", "/root/zones/mx.pem")
    digest = machine.run(
        "sh",
        "-c",
        "openssl x509 -in /root/zones/mx.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum",
    ).split()[0]
    other = digest[::-1]
    machine.path("/root/zones/root.zone").write_text(ZONE.format(digest=digest, other=other))
    machine.path("/root/zones/knot.conf").write_text(KNOT)
    with machine.background("knotd", "-c", "/root/zones/knot.conf"):
        machine.path(RESOLV).write_text("nameserver 127.0.0.3\n")
        yield machine


def key_of_the_root(machine):
    for _ in range(600):
        asked = machine.run("keymgr", "-c", "/root/zones/knot.conf", ".", "dnskey")
        if asked.strip():
            return asked
        time.sleep(0.1)
    raise AssertionError("no key")


def queue(machine):
    return [json.loads(line) for line in machine.run("postqueue", "-j").splitlines()]


def test_where_nobody_validates_the_machine_stays_with_its_name_servers(world):
    was = world.path(RESOLV).read_text()

    said = world.install(NAME)

    assert "mail leaves without DANE" in said
    assert world.path(RESOLV).read_text() == was
    assert world.run("postconf", "-h", "smtp_tls_security_level") == "may\n"


def test_where_it_validates_it_asks_itself_and_postfix_asks_for_keys(world):
    world.path(ANCHOR).write_text(key_of_the_root(world))
    world.path("/etc/unbound/unbound.conf.d/root-auto-trust-anchor-file.conf").unlink()
    world.path("/etc/unbound/unbound.conf.d/own.conf").write_text(UNBOUND)
    pid = world.path("/run/mailadmin-install/unbound.pid").read_text().strip()
    world.run("kill", pid)

    said = world.install()

    assert "mail leaves without DANE" not in said
    assert "nameserver 127.0.0.1\n" in world.path(RESOLV).read_text()
    assert world.run("postconf", "-h", "smtp_tls_security_level") == "dane\n"
    assert "Nothing to do." in world.install()


def test_mail_goes_to_the_key_that_the_zone_names_and_waits_where_it_is_another(world):
    world.run(*PANEL, "domain", "add", "example.org", "--role-target", "ann@example.org")
    world.run(*PANEL, "mailbox", "add", "ann@example.org", input=f"{PASSWORD}\n")
    servers = [
        ["python3", f"{CHECKOUT}/tests/host/relay.py", address, "25", "/root/zones/mx.pem"]
        for address in ("192.0.2.10", "192.0.2.11")
    ]
    send = f"""
with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
    smtp.login("ann@example.org", {PASSWORD!r})
    for name in ("wrong", "right"):
        smtp.sendmail("ann@example.org", [f"far@{{name}}.test"], "Subject: out\\n\\nout\\n")
"""

    with (
        world.background(*servers[0], "/root/zones/mx.key", elsewhere=True) as right,
        world.background(*servers[1], "/root/zones/mx.key", elsewhere=True) as wrong,
    ):
        assert (right.stdout.readline(), wrong.stdout.readline()) == ("on\n", "on\n")
        python(world, send)
        taken = right.stdout.readline()
        for _ in range(600):
            waiting = queue(world)
            if waiting and all(one["queue_name"] == "deferred" for one in waiting):
                break
            time.sleep(0.1)

    [recipient] = waiting[0]["recipients"]
    assert taken == "nobody ann@example.org far@right.test\n"
    assert len(waiting) == 1
    assert recipient["address"] == "far@wrong.test"
    assert re.search("not trusted|not verified|verification failed", recipient["delay_reason"])


def test_without_it_everything_is_as_it_was(world):
    for file in (ANCHOR, "/etc/unbound/unbound.conf.d/own.conf"):
        world.path(file).unlink()

    world.install("--undo")

    assert world.path(RESOLV).read_text() == "nameserver 127.0.0.3\n"
    assert not world.path("/etc/unbound").exists()
