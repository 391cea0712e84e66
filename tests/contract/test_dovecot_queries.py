import re

import pytest

from accounts.passwords import stored_hash
from mailboxes.models import Mailbox, QuotaUsage
from tests.accounts.test_foreign_hashes import BARE, NOT_DOVECOTS
from tests.accounts.test_passwords import RAW, STORED
from tests.contract.world import PASSWORD
from tests.servers import clients
from tests.servers.processes import wait_until

GIGABYTE = 1_024_000_000


@pytest.fixture(scope="module", autouse=True)
def world(empty_world, mail_server):
    world = empty_world
    world.domain("example.org")
    world.mailbox("ann@example.org", quota=GIGABYTE)
    world.mailbox("size@example.org", quota=GIGABYTE)
    world.mailbox("free@example.org")
    world.mailbox("closed@example.org", active=False)
    world.mailbox("reader@example.org", smtp_active=False)
    world.mailbox("minus@example.org")
    world.raw("mailbox", "minus@example.org", quota=-1)
    world.alias("sales@example.org", "ann@example.org")
    world.domain("off.example")
    world.mailbox("eve@off.example")
    world.raw("domain", "off.example", active=False)
    return world


@pytest.mark.parametrize(
    ("username", "service", "allowed"),
    [
        ("ann@example.org", "imap", True),
        ("ANN@EXAMPLE.ORG", "imap", True),
        ("ann@example.org", "pop3", True),
        ("ann@example.org", "smtp", True),
        ("reader@example.org", "imap", True),
        ("reader@example.org", "smtp", False),
        ("minus@example.org", "imap", True),
        ("closed@example.org", "imap", False),
        ("eve@off.example", "imap", False),
        ("sales@example.org", "imap", False),
        ("nobody@example.org", "imap", False),
    ],
)
def test_who_may_log_in_to_what(dovecot, username, service, allowed):
    assert dovecot.may_log_in(username, PASSWORD, service) is allowed
    assert dovecot.may_log_in(username, f"{PASSWORD}x", service) is False


@pytest.mark.parametrize(
    "username",
    [
        "' OR '1'='1",
        "ann@example.org' -- ",
        "ann@example.org\\",
        '"ann"@example.org',
        "ünn@example.org",
        "поль@example.org",
        "😀@example.org",
        "%u@example.org",
        "ann@example.org@example.org",
    ],
)
def test_odd_names_may_not_log_in_and_cause_no_sql_error(dovecot, username):
    before = len(dovecot.log.read_text())

    assert dovecot.may_log_in(username, PASSWORD) is False
    assert dovecot.user(username) is None
    assert "rror: " not in dovecot.log.read_text()[before:]


# What is stored, and the password it is for. PostfixAdmin's formats: passwords without {SCHEME} too.
@pytest.mark.parametrize(
    "stored",
    [
        "$1$c9809462$fC8eUPU8lq7WtlrU6T6k./",
        "{CRYPT}$1$c9809462$fC8eUPU8lq7WtlrU6T6k./",
        "{PLAIN}{PLAIN}x",
        "{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69",
        "{SSHA}9hjqlmUnrAwPHqBpDsUJY2n1cQNzYWx0",
    ],
)
def test_stored_formats_are_dovecots(dovecot, world, stored):
    """That a hash is what Dovecot takes it for, not that these hashes are right: see tests/accounts."""
    world.raw("mailbox", "free@example.org", password=stored)

    assert dovecot.may_log_in("free@example.org", "{PLAIN}x") is (stored == "{PLAIN}{PLAIN}x")
    log = dovecot.log.read_text()
    assert "Unknown scheme" not in log


@pytest.mark.parametrize("name", sorted(STORED.keys() - NOT_DOVECOTS - BARE))
def test_dovecot_opens_with_every_hash_that_the_panel_takes_from_another_server(
    dovecot, world, name
):
    world.raw("mailbox", "free@example.org", password=stored_hash(STORED[name]))

    assert dovecot.may_log_in("free@example.org", RAW) is True
    assert dovecot.may_log_in("free@example.org", "x" + RAW) is False


@pytest.mark.parametrize("coding", ["", ".HEX", ".B64"])
def test_a_digest_md5_of_doveadm_opens_both_for_its_own_name_alone(dovecot, world, coding):
    """It hashes the login name too, so it is made here for this one."""
    name = "free@example.org"
    answers = {}
    for owner in (name, "size@example.org"):
        asked = ("pw", "-s", f"DIGEST-MD5{coding}", "-u", owner, "-p", RAW)
        world.raw("mailbox", name, password=dovecot.doveadm(*asked).strip())
        mailbox = Mailbox.objects.get(pk=name)
        answers[owner] = [
            (dovecot.may_log_in(name, typed), mailbox.check_password(typed))
            for typed in (RAW, "x" + RAW)
        ]

    assert answers == {
        name: [(True, True), (False, False)],
        "size@example.org": [(False, False), (False, False)],
    }


@pytest.mark.parametrize("name", ["yescrypt", "gost-yescrypt", "scrypt"])
def test_what_crypt_of_the_system_knows_opens_both(dovecot, world, name):
    """The panel and Dovecot ask the same libcrypt."""
    world.raw("mailbox", "free@example.org", password=STORED[name])

    assert dovecot.may_log_in("free@example.org", RAW) is True
    assert Mailbox.objects.get(pk="free@example.org").check_password(RAW) is True


def test_a_hash_of_the_panel_works_without_its_prefix(dovecot, world):
    stored = Mailbox.objects.get(pk="ann@example.org").password
    assert stored.startswith("{SHA512-CRYPT}$6$")
    world.raw("mailbox", "free@example.org", password=stored.removeprefix("{SHA512-CRYPT}"))

    assert dovecot.may_log_in("free@example.org", PASSWORD)


def test_home_and_quota(dovecot, mail_server):
    ann, free = dovecot.user("ann@example.org"), dovecot.user("free@example.org")

    assert ann["home"] == f"{mail_server.mail_root}/example.org/ann/"
    assert ann["quota_rule"] == f"*:bytes={GIGABYTE}"
    assert free["quota_rule"] == "*:bytes=0"
    assert dovecot.user("minus@example.org")["quota_rule"] == "*:bytes=0"
    assert dovecot.user("nobody@example.org") is None
    assert dovecot.user("closed@example.org") is None
    # Only quota-status and LMTP follow an alias, as of a mailbox that had this name.
    assert dovecot.user("sales@example.org") is None


def test_every_active_mailbox_is_listed(dovecot):
    listed = set(dovecot.doveadm("user", "*").split())

    assert listed == {
        "ann@example.org",
        "size@example.org",
        "free@example.org",
        "reader@example.org",
        "minus@example.org",
        "eve@off.example",
    }


def test_used_quota_as_doveadm_and_the_panel_see_it(dovecot, mail_server):
    subject = clients.send(mail_server, "joe@outside.test", "size@example.org", size=30_000)
    clients.wait_for(mail_server, "size@example.org", PASSWORD, subject)

    table = dovecot.doveadm("-f", "tab", "quota", "get", "-u", "size@example.org")
    used = int(re.search(r"STORAGE\t(\d+)\t1000000\t", table)[1])
    assert 29 <= used <= 34  # KiB
    # Dovecot writes bytes and messages one after the other.
    rows = QuotaUsage.objects.filter(pk="size@example.org", bytes__gt=0, messages__gt=0)
    usage = wait_until(lambda: rows.first(), "quota2")
    assert 29_000 < usage.bytes < 34_000
    assert usage.messages == 1


def test_the_queries_of_2_4_are_those_of_2_3(mail_server):
    folder = mail_server.files.path / "dovecot"
    old = (folder / "2.3" / "mailadmin-sql.conf.ext").read_text()
    app = (folder / "2.3" / "mailadmin-sql-app.conf.ext").read_text()
    new = (folder / "2.4" / "dovecot.conf").read_text()

    def query(text, pattern):
        return " ".join(re.search(pattern, text.replace("\\\n", ""), re.DOTALL)[1].split())

    for text, name, pattern in [
        (old, "password_query", r"passdb sql \{.*?\n  query = (.*?)\n"),
        (app, "password_query", r"passdb sql-app \{.*?\n  sql_query = (.*?)\n"),
        (old, "user_query", r"userdb sql \{\n  query = (.*?)\n"),
        (old, "iterate_query", r"iterate_query = (.*?)\n"),
    ]:
        theirs = query(text, rf"\n{name} = (.*?)\n")
        # The two languages' words for the same things.
        for before, after in {
            "CONCAT('*:bytes=', GREATEST(m.quota, 0))": "CONCAT(GREATEST(m.quota, 0), 'B')",
            **{
                # 2.3 has the tenth by which a message may go over the quota in dovecot.conf.
                f" {prefix}quota_rule, ": f" {prefix}quota_storage_size,"
                f" CONCAT(GREATEST(m.quota, 0) DIV 10, 'B') AS {prefix}quota_storage_grace, "
                for prefix in ("userdb_", "")
            },
            "%u": "%{user}",
            "%n": "%{user | username}",
            "%d": "%{user | domain}",
            "%s": "%{protocol}",
            "%w": "%{password}",
        }.items():
            theirs = theirs.replace(before, after)
        assert query(new, pattern) == theirs
