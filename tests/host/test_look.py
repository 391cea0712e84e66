import contextlib
import json
import re
import textwrap

import pytest

from tests.host.facts import NAME, VERSIONS, differences, files_of
from tests.host.faults import PTR6, SIX
from tests.host.machine import CHECKOUT
from tests.host.roots import run

PTR = "PTR 25.2.0.192.in-addr.arpa"
GOOD = {
    "A mail.example.org": ["192.0.2.25"],
    PTR: [NAME],
    "MX gmail.com": ["mx.gmail.com"],
    "A mx.gmail.com": ["127.0.0.9"],
}
# A stand-in for the large receiver: only its greeting counts.
GREETING = """
import socket
with socket.create_server(("127.0.0.9", 25)) as server:
    print("on", flush=True)
    while True:
        server.accept()[0].sendall(b"220 mx.gmail.com ESMTP\\r\\n")
"""


@contextlib.contextmanager
def names(machine, zone, *how):
    command = ["python3", f"{CHECKOUT}/tests/host/names.py", json.dumps(zone), *how]
    with machine.background(*command) as server:
        assert server.stdout.readline() == "on\n"
        yield


def findings(machine, name=NAME, status=0):
    """{topic: (mark, the rest)}"""
    found, topic = {}, None
    for line in machine.install("--look", name, status=status).splitlines()[1:]:
        if line.startswith("         "):
            found[topic] = (*found[topic][:-1], f"{found[topic][-1]} {line.strip()}".strip())
        else:
            mark, topic = line[2:7].strip(), line[7:].partition(": ")[0]
            found[topic] = (mark, line[7:].partition(": ")[2], "")
    return found


def test_a_machine_whose_names_are_right(machine):
    with names(machine, GOOD, "validating"), machine.background("python3", "-c", GREETING) as mx:
        assert mx.stdout.readline() == "on\n"
        found = findings(machine, status=1)  # the stand-in has port 25

    assert found["A"] == ("ok", "mail.example.org is 192.0.2.25", "")
    assert found["PTR of 192.0.2.25"] == ("ok", NAME, "")
    assert found["resolver"] == ("ok", "answers, and validates DNSSEC", "")
    assert found["outgoing 25"] == ("ok", "gmail.com answers", "")
    assert [topic for topic, (mark, *_rest) in found.items() if mark == "STOP"] == ["port 25"]


@pytest.mark.parametrize(
    ("zone", "topic", "says", "do"),
    [
        (
            {"A mail.example.org": []},
            "A",
            "mail.example.org has no A record.",
            "Publish: mail.example.org. A 192.0.2.25",
        ),
        (
            {"A mail.example.org": ["192.0.2.9"]},
            "A",
            "mail.example.org is 192.0.2.9, this machine 192.0.2.25.",
            "Publish: mail.example.org. A 192.0.2.25",
        ),
        (
            {PTR: []},
            "PTR of 192.0.2.25",
            "The address is called nothing; large receivers refuse such senders.",
            f"Set its reverse name to {NAME} where the address was given to you, and only that one.",
        ),
        (
            {PTR: [NAME, "host25.provider.test"]},
            "PTR of 192.0.2.25",
            f"The address is called {NAME}, host25.provider.test; large receivers refuse such senders.",
            f"Set its reverse name to {NAME} where the address was given to you, and only that one.",
        ),
        (
            {"AAAA mail.example.org": ["2001:db8::25"]},
            "AAAA",
            "mail.example.org has an AAAA record, and this machine no such address.",
            "Remove the record, or give the machine IPv6: other servers try it first.",
        ),
        (
            {},
            "resolver",
            "The resolver does not validate DNSSEC: others' DANE records cannot be used.",
            "Nothing: one that does is installed (unbound), unless you say --no-resolver.",
        ),
        (
            {},
            "outgoing 25",
            "No connection to port 25 of gmail.com: many providers close it.",
            "Ask your provider to open it, or send through a server of theirs: --relayhost.",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do_and_one_may_go_on(machine, zone, topic, says, do):
    with names(machine, GOOD | zone):
        found = findings(machine)

    assert found[topic] == ("note", says, f"-> {do}")


@pytest.fixture
def ipv6(machine):
    address = ["nsenter", "--target", machine.inside, "--net", "ip", "address"]
    run([*address, "add", f"{SIX}/64", "dev", "outside", "nodad"])
    yield
    run([*address, "delete", f"{SIX}/64", "dev", "outside"])


@pytest.mark.parametrize(
    ("zone", "record", "reverse"),
    [
        (
            {},
            ("note", f"{NAME} has no AAAA record.", f"-> Publish: {NAME}. AAAA {SIX}"),
            (
                "note",
                "The address is called nothing; large receivers refuse such senders.",
                f"-> Set its reverse name to {NAME} where the address was given to you, and only that one.",
            ),
        ),
        (
            {f"AAAA {NAME}": [SIX], PTR6: [NAME]},
            ("ok", f"{NAME} is {SIX}", ""),
            ("ok", NAME, ""),
        ),
    ],
    ids=["unknown", "right"],
)
def test_the_ipv6_address_of_a_machine_has_a_name_both_ways_too(
    machine, ipv6, zone, record, reverse
):
    with names(machine, GOOD | zone):
        found = findings(machine)

    assert (found["AAAA"], found[f"PTR of {SIX}"]) == (record, reverse)


def test_a_checkout_that_the_panel_could_not_read(machine):
    manage = machine.path(f"{CHECKOUT}/manage.py")
    manage.chmod(0o700)
    found = findings(machine, status=1)
    manage.chmod(0o755)

    assert found["checkout"] == (
        "STOP",
        f"The panel runs from {CHECKOUT} as a user of its own, which may not read it.",
        f"-> chmod -R go+rX {CHECKOUT}",
    )


def test_a_name_that_is_the_domain_itself(machine):
    found = findings(machine, "example.org")

    assert found["name"][:2] == (
        "note",
        "example.org has no part of its own: mail for the domain could not be served by the panel.",
    )


def test_a_name_that_is_the_loopback_address_here(machine):
    hosts = machine.path("/etc/hosts")
    was = hosts.read_text()
    hosts.write_text(f"127.0.0.1 localhost\n127.0.1.1 {NAME} mail\n")
    found = findings(machine)
    hosts.write_text(was)

    assert found["/etc/hosts"][:2] == ("note", f"{NAME} is 127.0.1.1 for this machine itself.")


def test_another_panel_stops_it(machine):
    place = machine.path("/opt/mailcow-dockerized")
    place.mkdir()
    found = findings(machine, status=1)
    place.rmdir()

    assert found["other panels"][:2] == ("STOP", "mailcow is here (/opt/mailcow-dockerized).")


def test_without_a_name_server(machine):
    assert findings(machine)["resolver"][:2] == (
        "note",
        "No name server of /etc/resolv.conf answers.",
    )


# --- It writes nothing


def test_a_look_and_a_plan_write_nothing(machine, bare):
    looked = machine.install("--look", NAME)
    planned = machine.install("--plan", NAME)

    assert f"ok   release: Debian {VERSIONS[machine.release]}" in looked
    assert "apt-get install python3-venv" in planned
    assert "+virtual_mailbox_domains = proxy:mysql:/etc/postfix/sql/domains.cf" in planned
    assert "nothing was done" in planned
    assert re.findall(r"password = (?!\*{8})\S+|SECRET_KEY=(?!\*{8})\S+", planned) == []
    assert differences(bare, files_of(machine)) == []


def test_whoever_has_the_port_of_the_mail_server_is_named_and_nothing_is_done(machine, bare):
    listen = "import socket, time; s = socket.create_server(('', 25)); print('on', flush=True); time.sleep(600)"
    with machine.background("python3", "-c", listen) as other:
        assert other.stdout.readline() == "on\n"
        said = machine.install(NAME, status=1)

    assert "STOP port 25: python3 listens on it." in said
    assert "Nothing was done." in said
    assert differences(bare, files_of(machine)) == []


@pytest.mark.parametrize("example", ["answers", "cloud-init.yaml"])
def test_the_examples_for_a_run_that_nobody_watches_are_understood(machine, example):
    text = machine.path(f"{CHECKOUT}/deploy/examples/{example}").read_text()
    inside = re.search(r"content: \|\n((?: {6}.*\n)+)", text)
    answers = machine.path("/root/answers")
    answers.write_text(textwrap.dedent(inside[1]) if inside else text)
    planned = machine.install("--plan", "--answers", "/root/answers")
    answers.unlink()

    assert "+myhostname = mail.example.org\n" in planned
    assert "/etc/systemd/system/mailadmin-certnames.timer" in planned


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say the server's own name"),
        (["mail"], "'mail' cannot be used for hostname."),
        ([NAME, "--expunge-days", "0"], "'0' cannot be used for expunge-days."),
        ([NAME, "--tls-cert", "/etc/cert.pem"], "A certificate needs its key"),
        (["--answers", "/nowhere"], "/nowhere: No such file or directory"),
    ],
)
def test_a_wrong_answer_is_told_in_a_sentence(machine, arguments, sentence):
    assert sentence in machine.install(*arguments, status=2)


def test_cloud_init_understands_the_file_for_the_provider(machine):
    machine.run("apt-get", "install", "-qq", "-y", "--no-install-recommends", "cloud-init")
    check = ["cloud-init", "schema", "--config-file"]
    example = machine.path(f"{CHECKOUT}/deploy/examples/cloud-init.yaml")
    wrong = machine.path("/root/wrong.yaml")
    wrong.write_text(example.read_text().replace("runcmd:", "runcmd: 7\nother:"))

    assert "Valid" in machine.run(*check, f"{CHECKOUT}/deploy/examples/cloud-init.yaml")
    assert "runcmd" in machine.run(*check, "/root/wrong.yaml", status=1)
