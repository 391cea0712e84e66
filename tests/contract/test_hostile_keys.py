"""Keys that no mail program sends, by the thousand, through each map by Postfix's own postmap.

``HOSTILE_KEYS=100000`` asks more than the usual number.
"""

import os
import random
import re
import subprocess

import pytest

from aliases.access import MEMBERS
from domains.copies import FROM, TO
from domains.copy_services import add_copy
from domains.flow_services import set_relay_host
from domains.models import Domain
from domains.sender_services import set_domain_sender_rule, set_sender_rule
from domains.senders import REJECT
from tests.servers.processes import find

NUMBER = int(os.environ.get("HOSTILE_KEYS", "2000"))
ADDRESSES = ["ann@example.org", "pat.o'brien@example.org", "sales@example.org", "eve@smart.example"]
BAD = "spam.test"  # a sender that is refused
# Asked with addresses, answered by domain.
OF_DOMAINS = {"transport", "relay_recipients", "sender_lists", "relay_hosts", "relay_login"}
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
            empty_world.alias(address, "ann@example.org", access=MEMBERS)
        else:
            empty_world.mailbox(address)
    domain = Domain.objects.get(pk="example.org")
    for direction in (TO, FROM):
        add_copy(
            actor=None,
            domain=domain,
            direction=direction,
            local_part="ann",
            goto="eve@smart.example",
        )
    empty_world.raw("mailbox", "ann@example.org", receives=False)
    set_sender_rule(actor=None, sender=BAD, action=REJECT)
    set_domain_sender_rule(actor=None, domain=domain, sender=BAD, action=REJECT)
    set_relay_host(
        actor=None, domain=domain, server="smtp.example.net", login="ann", password="secret"
    )


def hostile_keys(number):
    """Stored names with something put in, in front, behind or in place of a part, and mere noise."""
    chance = random.Random(number)
    pieces = [text if isinstance(text, bytes) else text.encode() for text in FRAGMENTS]
    stored = [name.encode() for name in (*ADDRESSES, *DOMAINS, BAD)]
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
    if name == "sender_access":  # with a dot before the domains above, or without
        key = key.lstrip(".")
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
        ("recipient_bcc", ["ann@example.org"]),
        ("sender_bcc", ["ann@example.org"]),
        ("sender_access", [BAD]),
        ("sender_lists", ["example.org"]),
        ("recipient_access", ADDRESSES),
        ("relay_hosts", ["example.org"]),
        ("relay_login", ["example.org"]),
    ],
)
def test_no_key_is_an_error_and_only_what_is_stored_is_answered(postfix, name, answered):
    keys = [*hostile_keys(NUMBER), *(text.encode() for text in (*ADDRESSES, *DOMAINS, BAD))]

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


@pytest.fixture(scope="module")
def rewriting(server_with):
    yield from server_with("srs")


def test_no_key_makes_a_sender_one_of_ours(rewriting):
    keys = [*hostile_keys(NUMBER), *(address.encode() for address in ADDRESSES)]

    found, said, status = ask(rewriting.postfix, "srs_own", keys)

    assert (said, status) == ([], 0)
    assert {address.encode() for address in ADDRESSES} <= found.keys()
    # Of a key with a tab postmap's line cannot be read apart.
    answers = {(key.lower(), answer) for key, answer in found.items() if b"\t" not in key}
    assert {answer for key, answer in answers if key != answer} == set()
    domains = {answer.rpartition(b"@")[2].rstrip(b" ") for _key, answer in answers}
    assert domains == {name.encode() for name in DOMAINS}


def test_no_key_gets_more_out_of_a_domains_list_of_senders(postfix):
    """The number of the list stands before the sender, and is Postfix's own."""
    keys = [b"1 " + key for key in hostile_keys(NUMBER)]

    found, said, status = ask(postfix, "domain_senders", [*keys, b"1 joe@spam.test"])

    assert (said, status) == ([], 0)
    assert set(found.values()) == {b"REJECT"}
    names = {key.decode(errors="surrogateescape").lower().rstrip(" ") for key in found}
    assert [name for name in names if not name.endswith(BAD)] == []


def test_no_key_makes_a_stranger_a_member(postfix):
    """The number of the alias stands before the sender, and is Postfix's own."""
    keys = [b"1 " + key for key in hostile_keys(NUMBER)]

    found, said, status = ask(postfix, "members", [*keys, b"1 ann@example.org", b"1 <>"])

    assert (said, status) == ([], 0)
    refused = b"REJECT 5.7.1 This address takes mail from its members only"
    assert found[b"1 <>"] == refused
    let_in = {
        key.decode(errors="surrogateescape").lower() for key in found if found[key] != refused
    }
    assert {re.sub(r"[+][^@]*|(?<=org) +$", "", name) for name in let_in} == {"1 ann@example.org"}


def test_whether_the_database_is_there_is_the_answer_to_every_key(postfix):
    keys = [key for key in hostile_keys(NUMBER) if b"\t" not in key]

    found, said, status = ask(postfix, "database", keys)

    assert (said, status) == ([], 0)
    assert set(found.values()) == {b"DUNNO"}
