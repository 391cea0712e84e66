"""What a host that deploy/install made sends is signed with a key of the panel; forwarding and the helper, if asked for."""

import json
import re

import dkim
import pytest

from tests.host.machine import CHECKOUT, Machine

NAME, PASSWORD = "mail.example.org", "tangerine-7-bicycle"
PANEL = ["runuser", "-u", "mailadmin", "--", f"{CHECKOUT}/.venv/bin/mailadmin"]


@pytest.fixture(scope="module")
def machine():
    machine = Machine()
    try:
        machine.start().install(NAME, "--srs")
        machine.run(*PANEL, "domain", "add", "example.org")
        machine.run(*PANEL, "mailbox", "add", "ann@example.org", input=f"{PASSWORD}\n")
        machine.run(*PANEL, "dkim", "add", "example.org")
        machine.run(*PANEL, "dkim", "sign", "example.org", "--force")
        yield machine
    finally:
        machine.stop()


def python(machine, code, user="root"):
    return machine.run("runuser", "-u", user, "--", "python3", "-c", code)


def test_what_is_sent_is_signed_and_verifies_with_the_record_of_the_panel(machine):
    message = python(
        machine,
        f"""
import imaplib, smtplib, ssl, sys, time
context = ssl._create_unverified_context()
with smtplib.SMTP_SSL("127.0.0.1", 465, context=context) as smtp:
    smtp.login("ann@example.org", {PASSWORD!r})
    smtp.sendmail("ann@example.org", ["ann@example.org"], "From: ann@example.org\\r\\nSubject: hello\\r\\n\\r\\nhello\\r\\n")
with imaplib.IMAP4_SSL("127.0.0.1", 993, ssl_context=context) as imap:
    imap.login("ann@example.org", {PASSWORD!r})
    while imap.select("INBOX")[1][0] == b"0":
        time.sleep(0.2)
    sys.stdout.write(imap.fetch("1", "(BODY[])")[1][0][1].decode())
""",
    )
    shown = machine.run(*PANEL, "dkim", "list", "--domain", "example.org", "--json")
    keys = [json.loads(line) for line in shown.splitlines()]
    records = {
        f"{key['selector']}._domainkey.example.org.": "".join(
            re.findall('"([^"]*)"', key["record"])
        )
        for key in keys
    }
    head, _blank, body = message.replace("\r\n", "\n").partition("\n\n")
    raw = f"{head}\n\n{body}".replace("\n", "\r\n").encode()

    assert "DKIM-Signature: " in head
    assert dkim.verify(raw, dnsfunc=lambda name, timeout=5: records[name.decode()].encode())


def test_forwarded_mail_would_leave_with_a_sender_of_this_host(machine):
    rewritten = machine.run("postmap", "-q", "joe@outside.test", "tcp:127.0.0.1:10001").strip()

    assert re.fullmatch(rf"SRS0=[\w+/]+=\w\w=outside\.test=joe@{NAME}", rewritten)
    assert "srs_own.cf" in machine.run("postconf", "-h", "sender_canonical_maps")


ASK = """
import socket
one = socket.socket(socket.AF_UNIX)
one.connect("/run/mailadmin-helper/helper.sock")
one.sendall({line!r}.encode() + b"\\n")
print(one.makefile().read())
"""


def test_the_helper_does_what_the_panels_user_asks(machine):
    answers = [
        json.loads(python(machine, ASK.format(line=line), "mailadmin"))
        for line in ("reload-postfix", "kick ann@example.org", "kick eve@example.org", "check")
    ]

    assert "ok" in answers[0]
    assert "ok" in answers[1]
    assert answers[2] == {"error": "no such mailbox"}
    assert {one["check"]: one["fine"] for one in answers[3]["ok"]} == {
        "postfix": True,
        "dovecot": True,
        "passwords": True,
        "mail": True,
        "certificate": True,
    }


def test_nobody_else_reaches_it(machine):
    code = ASK.format(line="check").replace("one.connect", "import sys; print(one.connect_ex")
    code = code.replace('helper.sock")\n', 'helper.sock")); sys.exit()\n')

    assert python(machine, code, "nobody").strip() == "13"


def test_a_second_run_changes_nothing(machine):
    assert "Nothing to do." in machine.install()


def test_without_signing_and_helper_they_stop(machine):
    machine.install("--no-sign", "--no-helper", "--no-srs")
    running = machine.run("sh", "-c", "cd /run/mailadmin-install && ls")

    assert [name for name in ("opendkim", "postsrsd", "mailadmin-helper") if name in running] == []
    assert machine.run("postconf", "-h", "signing_milters").strip() == ""
