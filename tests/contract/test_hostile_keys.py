"""Keys that no mail program sends, by the thousand, through each map by Postfix's own postmap.

``HOSTILE_KEYS=100000`` asks more than the usual number.
"""

import os
import random
import subprocess

import pytest

from tests.servers.processes import find

NUMBER = int(os.environ.get("HOSTILE_KEYS", "2000"))
ADDRESSES = ["ann@example.org", "pat.o'brien@example.org", "sales@example.org", "eve@smart.example"]
OF_DOMAINS = {"transport", "relay_recipients"}  # asked with addresses, answered by domain
DOMAINS = ["example.org", "smart.example", "backup.example"]
FRAGMENTS = [
    *("'", '"', "`", "\\", "\\'", '\\"', "%", "%s", "%u@%d", "%%", "_", "\\%", "--", "#", "/*", "*/", ";"),
    *("' OR '1'='1", "' OR username LIKE '%", "') UNION SELECT password FROM mailbox -- ", "0x27", "NULL"),
    *("'; DROP TABLE mailbox; --", "\\' OR 1=1 -- ", "\x1a", "\t", "\r", "\x7f", "\x1b[2J", " ", "@", "+", "!"),
    *("ü", "ß", "İ", "ann\u0301", "\u202e", "\u200b", "\ufeff", "Ａ", "\U0001f4e7", "漢字", "\ufffd", "а"),
    *("x" * 300, "é" * 300, "\U0001f4e7" * 100, "." * 70, "@" * 64, "+" * 64, "(" * 200, "[[:alpha:]]*" * 20),
    *(b"\xff", b"\xc3", b"\xc3\x28", b"\xe2\x82", b"\xed\xa0\x80", b"\xf0\x9f", b"\xc0\xa7", b"\xbf\x27"),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.domain("smart.example", transport="smtp:[192.0.2.7]")
    empty_world.domain("backup.example", backupmx=True, verify_recipients=True)
    for address in ADDRESSES:
        if address.startswith("sales"):
            empty_world.alias(address, "ann@example.org")
        else:
            empty_world.mailbox(address)


def hostile_keys(number):
    """Stored names with something put in, in front, behind or in place of a part, and mere noise."""
    chance = random.Random(number)
    pieces = [text if isinstance(text, bytes) else text.encode() for text in FRAGMENTS]
    stored = [name.encode() for name in (*ADDRESSES, *DOMAINS)]
    for _number in range(number):
        name, added = (
            chance.choice(stored),
            b"".join(chance.choices(pieces, k=chance.choice([1, 1, 2, 5]))),
        )
        start, end = sorted(chance.choices(range(len(name) + 1), k=2))
        yield chance.choice(
            [
                name[:start] + added + name[start:],
                name[:start] + added + name[end:],
                name[:end] + added,
                added + name,
                added,
                bytes(chance.choices(range(1, 256), k=chance.randrange(1, 400))),
            ]
        ).replace(b"\n", b"")


def ask(postfix, name, keys):
    """Return ({key: answer}, what postmap had to say) of one postmap for all keys."""
    run = subprocess.run(
        [find("postmap"), "-c", postfix.conf, "-q", "-", f"mysql:{postfix.maps}/{name}.cf"],
        input=b"".join(key + b"\n" for key in keys),
        capture_output=True,
    )
    lines = (line.rsplit(b"\t", 1) for line in run.stdout.split(b"\n")[:-1])
    said = [line for line in run.stderr.split(b"\n")[:-1] if b": non-UTF-8 key " not in line]
    return dict(lines), said, run.returncode


def stored_name(name, key):
    """What the map compares with its rows: MariaDB does not mind blanks at the end, which Postfix never sends."""
    key = key.decode(errors="surrogateescape").lower().rstrip(" ")
    return key.rpartition("@")[2] if name in OF_DOMAINS and "@" in key else key


@pytest.mark.parametrize(
    ("name", "answered"),
    [
        ("alias", ADDRESSES),
        ("domains", ["example.org", "smart.example"]),
        ("mailbox", [address for address in ADDRESSES if not address.startswith("sales")]),
        ("relay_domains", ["backup.example"]),
        ("relay_recipients", ["backup.example"]),
        ("sender_login", ADDRESSES),
        ("transport", ["smart.example"]),
    ],
)
def test_no_key_is_an_error_and_only_what_is_stored_is_answered(postfix, name, answered):
    keys = [*hostile_keys(NUMBER), *(text.encode() for text in (*ADDRESSES, *DOMAINS))]

    found, said, status = ask(postfix, name, keys)

    assert (said, status) == ([], 0)
    assert {stored_name(name, key) for key in found} == set(answered)


def test_no_key_lets_a_login_send_that_is_not_a_mailbox(postfix):
    keys = [*hostile_keys(NUMBER), *(address.encode() for address in ADDRESSES)]

    found, said, status = ask(postfix, "login", keys)

    assert (said, status) == ([], 0)
    assert set(found.values()) == {b"DUNNO", b"554 5.7.1 This login may not send mail"}
    allowed = {stored_name("login", key) for key, answer in found.items() if answer == b"DUNNO"}
    assert allowed == {address for address in ADDRESSES if not address.startswith("sales")}
