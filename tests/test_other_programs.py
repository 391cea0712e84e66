"""Rows that PostfixAdmin, Dovecot and scripts insert are valid: our own columns have defaults.

Every INSERT names exactly the columns of PostfixAdmin 3.3.13 (Debian 12) or of its master.
"""

import itertools

import pytest
from django.db import connection

from accounts.models import Admin, LogEntry
from accounts.services import update_admin
from aliases.models import Alias
from aliases.services import update_alias
from domains.models import AliasDomain, Domain, DomainAdmin
from domains.services import update_alias_domain, update_domain
from mailboxes.models import SWITCHES, Mailbox, QuotaUsage
from mailboxes.services import update_mailbox
from tests.refusals import refused

pytestmark = pytest.mark.django_db

MOMENT = "2026-01-02 03:04:05"
DOMAIN = {
    "domain": "example.org",
    "description": "Écoles",
    "aliases": 10,
    "mailboxes": 10,
    "maxquota": 10,
    "quota": 2048,
    "transport": "virtual",
    "backupmx": 0,
    "created": MOMENT,
    "modified": MOMENT,
    "active": 1,
    "password_expiry": 365,
}
ACCOUNT = {
    "password": "$1$c9809462$9gHrd5apTpEkXg8RB0MrT.",
    "created": MOMENT,
    "modified": MOMENT,
    "active": 1,
    "phone": "",
    "email_other": "",
    "token": "",
    "token_validity": MOMENT,
}
MAILBOX = ACCOUNT | {
    "username": "joe@example.org",
    "name": "Joé",
    "maildir": "example.org/joe/",
    "quota": 10240000,
    "local_part": "joe",
    "domain": "example.org",
    "password_expiry": MOMENT,
}
ALIAS = {
    "address": "joe@example.org",
    "goto": "joe@example.org",
    "domain": "example.org",
    "created": MOMENT,
    "modified": MOMENT,
    "active": 1,
}
# table: (columns of 3.3.13, what master adds, the columns without a default there)
TABLES = {
    "domain": (DOMAIN, {}, {"domain", "description", "transport"}),
    "mailbox": (
        MAILBOX,
        {"totp_secret": None, "smtp_active": 1},
        {"username", "password", "name", "maildir", "local_part", "domain"},
    ),
    "alias": (ALIAS, {"description": ""}, {"address", "goto", "domain"}),
    "alias_domain": (
        {
            "alias_domain": "twin.example",
            "target_domain": "example.org",
            "created": MOMENT,
            "modified": MOMENT,
            "active": 1,
        },
        {"description": ""},
        {"alias_domain", "target_domain"},
    ),
    "admin": (
        ACCOUNT | {"username": "boss@example.org", "superadmin": 1},
        {"totp_secret": None},
        {"username", "password"},
    ),
    "domain_admins": (
        {"username": "boss@example.org", "domain": "ALL", "created": MOMENT, "active": 1},
        {},
        {"username", "domain"},
    ),
    "log": (
        {
            "timestamp": MOMENT,
            "username": "boss@example.org (192.0.2.7)",
            "domain": "example.org",
            "action": "create_mailbox",
            "data": "joe@example.org",
        },
        {},
        {"username", "domain", "action", "data"},
    ),
    "quota2": ({"username": "joe@example.org", "bytes": 5, "messages": 1}, {}, {"username"}),
    "dkim": (
        {
            "id": 7,
            "domain_name": "example.org",
            "description": "of PostfixAdmin",
            "selector": "mail",
            "private_key": "-----BEGIN PRIVATE KEY-----",
            "public_key": "-----BEGIN PUBLIC KEY-----",
            "created": MOMENT,
            "modified": MOMENT,
        },
        {},
        {"id", "domain_name"},
    ),
    "dkim_signing": (
        {"author": "joe@example.org", "dkim_id": 7, "created": MOMENT, "modified": MOMENT},
        {},
        {"dkim_id"},
    ),
    "totp_exception_address": (
        {"ip": "192.0.2.7", "username": "joe@example.org", "description": "office"},
        {},
        {"ip"},
    ),
    "fetchmail": (
        {
            "domain": "example.org",
            "mailbox": "joe@example.org",
            "src_server": "imap.example.net",
            "src_port": 0,
            "src_auth": "password",
            "src_user": "joe",
            "src_password": "c2VjcmV0",
            "src_folder": "",
            "poll_time": 10,
            "fetchall": 0,
            "keep": 1,
            "protocol": "IMAP",
            "usessl": 1,
            "sslcertck": 0,
            "mda": "",
            "date": MOMENT,
            "active": 1,
            "created": MOMENT,
            "modified": MOMENT,
        },
        {},
        {"mailbox", "src_server"},
    ),
    "mailbox_app_password": (
        {"username": "joe@example.org", "description": "phone", "password_hash": "$2y$10$x"},
        {},
        {"username"},
    ),
}


def insert(table, row):
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


def select(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(params=["3.3.13", "master", "the least"])
def filled(request):
    insert("domain", DOMAIN | {"domain": "twin.example"})
    for table, (columns, added, needed) in TABLES.items():
        row = columns | added if request.param == "master" else columns
        if request.param == "the least":
            row = {name: value for name, value in columns.items() if name in needed}
        insert(table, row)
    return request.param


def test_every_row_can_be_read_checked_and_saved(filled):
    for model in (Domain, Mailbox, Alias, AliasDomain, Admin, QuotaUsage):
        for row in model.objects.all():
            row.full_clean(exclude={"description", "quota", "username"})
            if model is not QuotaUsage:
                row.save()
    assert str(LogEntry.objects.get()).endswith(": create_mailbox joe@example.org")
    assert DomainAdmin.objects.get().username_id == "boss@example.org"


def test_what_was_written_is_what_is_read(filled):
    for table, (columns, added, needed) in TABLES.items():
        [row] = [found for found in select(table) if found.get("domain") != "twin.example"]
        sent = columns | added if filled == "master" else columns
        for name, value in sent.items():
            if value == MOMENT or (filled == "the least" and name not in needed):
                continue
            assert (table, name, row[name]) == (table, name, value)


def test_our_own_columns_and_tables_fill_themselves(filled):
    [alias], [mailbox], [log] = select("alias"), select("mailbox"), select("log")

    assert (alias["is_self_alias"], log["changes"], mailbox["smtp_active"]) == (1, None, 1)
    assert {mailbox[name] for name in SWITCHES} == {1}
    assert mailbox["app_only"] == 0
    assert [row["protocols"] for row in select("mailbox_app_password")] == [""]
    quota = 0 if filled == "the least" else 10240000
    usage = {row["domain"]: row for row in select("domain_usage")}["example.org"]
    assert (usage["mailboxes"], usage["alias_rows"], usage["allotted"]) == (1, 1, quota)
    assert select("alias_target") == []


def test_the_unknown_moment_is_postfixadmins(filled):
    if filled == "the least":
        moments = {str(row["created"])[:19] for row in (*select("mailbox"), *select("alias"))}
        assert moments == {"2000-01-01 00:00:00"}
    else:
        assert str(select("mailbox")[0]["created"])[:19] == MOMENT


def test_the_superadmins_dummy_domain_is_no_domain(filled):
    insert("domain", {"domain": "ALL", "description": "", "transport": ""})

    assert set(Domain.objects.values_list("pk", flat=True)) == {"example.org", "twin.example"}
    assert Admin.objects.get().domain_names == ()


def test_what_is_wrong_elsewhere_in_a_row_does_not_stop_deactivating_it(db):
    insert("domain", DOMAIN)
    insert("domain", DOMAIN | {"domain": "a_b.example", "aliases": -2, "transport": "LMTP:x y"})
    insert("domain", DOMAIN | {"domain": "c.example"})
    insert("mailbox", MAILBOX | {"password": "", "maildir": "", "local_part": "", "phone": "+1"})
    insert("alias", ALIAS | {"address": "list@example.org", "goto": ""})
    insert("admin", ACCOUNT | {"username": "boss@example.org", "password": ""})
    chain = ["example.org", "a_b.example", "c.example"]
    for source, target in itertools.pairwise(chain):
        insert("alias_domain", {"alias_domain": source, "target_domain": target})

    for link in AliasDomain.objects.all():
        update_alias_domain(actor=None, link=link, active=False)
    for domain in Domain.objects.all():
        update_domain(actor=None, domain=domain, active=False)
    update_mailbox(actor=None, mailbox=Mailbox.objects.get(), active=False)
    update_alias(actor=None, alias=Alias.objects.get(pk="list@example.org"), active=False)
    update_admin(actor=None, admin=Admin.objects.get(), active=False)

    models = [AliasDomain, Domain, Mailbox, Alias, Admin]
    assert [model.objects.filter(active=True).count() for model in models] == [0, 0, 0, 0, 0]


def test_a_chain_of_alias_domains_is_not_activated_again(db):
    for name in ("a.example", "b.example", "c.example"):
        insert("domain", DOMAIN | {"domain": name})
    insert("alias_domain", {"alias_domain": "b.example", "target_domain": "c.example"})
    insert("alias_domain", {"alias_domain": "a.example", "target_domain": "b.example", "active": 0})
    link = AliasDomain.objects.get(pk="a.example")

    assert update_alias_domain(actor=None, link=link, description="Old").description == "Old"
    with refused("chain", field="target_domain"):
        update_alias_domain(actor=None, link=link, active=True)


def test_what_postfixadmin_deletes_in_its_order_goes(filled):
    with connection.cursor() as cursor:
        for statement in (
            "DELETE FROM domain_admins WHERE username = 'boss@example.org'",
            "DELETE FROM admin WHERE username = 'boss@example.org'",
            "DELETE FROM alias_domain WHERE alias_domain = 'twin.example'",
            "DELETE FROM domain_admins WHERE domain = 'example.org'",
            "DELETE FROM alias WHERE domain = 'example.org'",
            "DELETE FROM mailbox WHERE domain = 'example.org'",
            "DELETE FROM alias_domain WHERE alias_domain = 'example.org'",
            "DELETE FROM quota2 WHERE username LIKE '%@example.org'",
            "DELETE FROM log WHERE domain = 'example.org'",
            "DELETE FROM domain WHERE domain = 'example.org'",
        ):
            cursor.execute(statement)

    assert [row["domain"] for row in select("domain")] == ["twin.example"]
    assert [row["domain"] for row in select("domain_usage")] == ["twin.example"]
    for table in ("alias", "mailbox", "quota2", "full_mailbox", "alias_target", "admin", "log"):
        assert (table, select(table)) == (table, [])


def test_the_maildir_of_a_mailbox_that_another_program_deleted_is_never_given_again(
    example_org, add_mailbox
):
    old = add_mailbox("joe@example.org").maildir
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM mailbox WHERE username = 'joe@example.org'")
        cursor.execute("DELETE FROM alias WHERE address = 'joe@example.org'")

    assert (old, add_mailbox("joe@example.org").maildir) == (
        "example.org/joe/",
        "example.org/joe~2/",
    )


def test_the_maildir_of_a_mailbox_that_another_program_creates_again_is_in_use(
    example_org, add_mailbox
):
    add_mailbox("joe@example.org")
    columns = "username, password, name, maildir, quota, local_part, domain"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE kept AS SELECT {columns} FROM mailbox")
        cursor.execute("DELETE FROM mailbox WHERE username = 'joe@example.org'")
        assert [row["maildir"] for row in select("retired_maildir")] == ["example.org/joe/"]

        cursor.execute(f"INSERT INTO mailbox ({columns}) SELECT {columns} FROM kept")

    # Whoever removes the directories that are listed there must not remove living mail.
    assert select("retired_maildir") == []
