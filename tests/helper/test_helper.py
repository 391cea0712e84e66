import json
import os
import pwd
import socket
import subprocess
import sys

import pytest

from tests.helper.conftest import PANEL, called
from tests.servers.processes import wait_until

OTHER = "nobody"


CLIENT = """
import os, pwd, socket, sys
account = pwd.getpwnam(sys.argv[1])
os.setgroups([]); os.setgid(account.pw_gid); os.setuid(account.pw_uid)
s = socket.socket(socket.AF_UNIX)
s.settimeout(120)
s.connect(sys.argv[2])
try:
    s.sendall(sys.stdin.buffer.read())
except BrokenPipeError:  # it has answered already
    pass
if len(sys.argv) > 3:
    s.shutdown(socket.SHUT_WR)
print(s.makefile().read(), end="")
"""


def ask(helper, line, user=PANEL, *options):
    line = line if isinstance(line, bytes) else f"{line}\n".encode()
    command = [sys.executable, "-I", "-c", CLIENT, user, str(helper / "sock"), *options]
    done = subprocess.run(command, input=line, capture_output=True, check=True)
    return json.loads(done.stdout)


def test_the_panel_may_reload_postfix(helper):
    called(helper)

    assert ask(helper, "reload-postfix") == {"ok": {"says": ""}}
    assert called(helper) == ["postfix reload"]


@pytest.mark.parametrize("user", [OTHER, "root"])
def test_nobody_else_is_answered_not_even_root(user, helper):
    called(helper)

    assert ask(helper, "reload-postfix", user) == {"error": "not for you"}
    assert called(helper) == []
    assert (
        f"refused: not for you, user id {pwd.getpwnam(user).pw_uid}" in (helper / "log").read_text()
    )


@pytest.mark.parametrize(
    "line",
    [
        *("postfix reload", "Kick ann@example.org", "RELOAD-POSTFIX", "reload-postfix;id"),
        *("__class__", "run", "../reload-postfix", "sh -c id"),
    ],
)
def test_another_word_is_not_known(line, helper):
    called(helper)

    assert ask(helper, line) == {"error": "no such verb"}
    assert called(helper) == []


@pytest.mark.parametrize("verb", ["reload-postfix", "write-signing-files"])
@pytest.mark.parametrize("argument", ["-v", "now", "ann@example.org"])
def test_a_verb_without_an_argument_takes_none(verb, argument, helper):
    called(helper)

    assert ask(helper, f"{verb} {argument}") == {"error": "this verb takes no argument"}
    assert called(helper) == []


def test_sessions_of_a_mailbox_are_ended(helper):
    called(helper)

    assert ask(helper, "kick ann@example.org") == {"ok": {"says": ""}}
    assert called(helper) == [
        "postmap -q ann@example.org mysql:/x.cf",
        "doveadm kick ann@example.org",
    ]


@pytest.mark.parametrize(
    "argument",
    [
        *("", "*", "*@example.org", "ann@*", "a?n@example.org", "ann", "@example.org"),
        *("-A@example.org", "-f@x", "ann@example.org -f", "ann@example.org bob@example.org"),
        *("$(id)@example.org ", "ann@example.org;id", "a\tb@example.org", "ANN@example.org"),
        *(
            "a" * 65 + "@example.org",
            "ann@" + "a" * 256,
            "'ann'@example.org\"",
            "ann@example.org\\",
        ),
    ],
)
def test_what_is_no_address_reaches_no_program(argument, helper):
    called(helper)

    assert "error" in ask(helper, f"kick {argument}")
    assert called(helper) == []


@pytest.mark.parametrize("address", ["nobody@example.org", "ann+x@example.org"])
def test_an_address_that_is_no_mailbox_of_the_table_is_refused(address, helper):
    called(helper)

    assert ask(helper, f"kick {address}") == {"error": "no such mailbox"}
    assert called(helper) == [f"postmap -q {address} mysql:/x.cf"]


def test_the_sessions_of_a_domain_end_by_one_call(helper):
    called(helper)

    assert ask(helper, "kick-domain example.org") == {"ok": {"says": ""}}
    assert called(helper) == ["doveadm kick *@example.org"]


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "*",
        "org",
        "*.org",
        "exampl?.org",
        "ann@example.org",
        "-f",
        "a.b c.d",
        "example.org.",
        ".org",
    ],
)
def test_what_is_no_domain_ends_no_session(argument, helper):
    called(helper)

    assert "error" in ask(helper, f"kick-domain {argument}")
    assert called(helper) == []


def test_sizes_are_those_of_the_files_and_no_link_is_followed(helper):
    sizes = ask(helper, "mailbox-sizes example.org")["ok"]

    assert list(sizes) == ["ann"]
    assert 10_000 <= sizes["ann"] < 50_000
    assert ask(helper, "mailbox-sizes other.net") == {"ok": {}}


@pytest.mark.parametrize(
    "argument", ["", "..", "../etc", "/etc", "example.org/ann", ".", "a b", "-x.y", "é.fr"]
)
def test_what_is_no_domain_is_no_directory(argument, helper):
    assert "error" in ask(helper, f"mailbox-sizes {argument}")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"x" * 401, "line too long"),
        (b"look" + b" " * 400 + b"\n", "line too long"),
        (b"look\nlook\n", "not a line of printable ASCII"),
        (b"look\r\n", "not a line of printable ASCII"),
        (b"look\0\n", "not a line of printable ASCII"),
        (b"\xff\n", "not a line of printable ASCII"),
        (b"\n", "not a line of printable ASCII"),
    ],
)
def test_what_is_no_line_is_refused(line, error, helper):
    called(helper)

    assert ask(helper, line) == {"error": error}
    assert called(helper) == []


def test_half_a_line_does_nothing(helper):
    called(helper)

    assert ask(helper, b"reload-postfix", PANEL, "end") == {"error": "no line"}
    assert called(helper) == []


def test_many_connections_are_sent_away_and_it_goes_on(helper):
    idle = [socket.socket(socket.AF_UNIX) for _number in range(4)]
    os.seteuid(pwd.getpwnam(PANEL).pw_uid)
    try:
        for one in idle:
            one.connect(str(helper / "sock"))
    finally:
        os.seteuid(0)

    wait_until(lambda: ask_or_none(helper) == {"error": "busy"}, "it is busy")
    for one in idle:
        one.close()
    wait_until(lambda: ask_or_none(helper) == {"ok": {"says": ""}}, "it answers again")


def ask_or_none(helper):
    try:
        return ask(helper, "reload-postfix")
    except (subprocess.CalledProcessError, ValueError):
        return None


def test_what_it_did_is_in_its_log(helper):
    ask(helper, "kick ann@example.org")

    assert "kick ann@example.org\n" in (helper / "log").read_text()


def test_the_facts_are_told_part_by_part_and_what_could_not_be_looked_at(helper):
    called(helper)
    facts = ask(helper, "look ann@example.org")["ok"]

    assert facts.keys() >= {"postfix", "maps", "dovecot", "sockets", "mail", "queue", "disks"}
    assert {tuple(part) for part in facts.values()} <= {("ok",), ("error",)}
    assert facts["mail"]["ok"]["root"] == str(helper / "vmail")
    assert "doveadm -c /etc/dovecot/dovecot.conf user ann@example.org" in called(helper)


@pytest.mark.parametrize("argument", ["ann", "*@example.org", "/etc/shadow", "-A@example.org;id"])
def test_facts_are_told_about_a_mailbox_alone(argument, helper):
    called(helper)

    assert ask(helper, f"look {argument}") == {"error": "not an address"}
    assert called(helper) == []


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ("read", "lookup read write-seen"),
        ("write", "lookup read write write-seen write-deleted insert post expunge create"),
    ],
)
def test_a_share_gives_its_group_a_right_and_takes_it_away(rights, words, helper):
    called(helper)

    # 68 is what this doveadm always says: of a share it is an error.
    assert "error" in ask(helper, f"share ann@example.org 17 {rights}")
    assert called(helper)[-1] == f"doveadm acl set -u ann@example.org INBOX group=share-17 {words}"
    assert "ok" in ask(helper, "unshare gone@example.org 17")
    assert called(helper) == ["doveadm acl delete -u gone@example.org INBOX group=share-17"]


@pytest.mark.parametrize(
    "argument",
    [
        *("", "ann@example.org", "ann@example.org 17", "ann@example.org 17 admin"),
        *("ann@example.org 0 read", "ann@example.org 1x read", "ann@example.org -1 read"),
        *("-u@example.org 17 read", "*@example.org 17 read", "ann@example.org 17 read more"),
        "nobody@example.org 17 read",
    ],
)
def test_a_share_of_anything_else_is_refused(argument, helper):
    called(helper)

    assert "error" in ask(helper, f"share {argument}")
    assert [line for line in called(helper) if line.startswith("doveadm")] == []
