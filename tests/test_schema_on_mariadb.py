"""The tables on MariaDB are PostfixAdmin's: names, types and defaults of its latest release.

Different on purpose: key columns are utf8mb4_bin (there latin1), ``description`` and
``transport`` have defaults, and some columns are ours: the last of ``alias`` and ``log``, the preferences of an account.
MySQL's own words for the same columns are translated.
"""

import pytest
from django.db import IntegrityError, connection

from aliases.models import Alias
from domains.models import Domain

pytestmark = pytest.mark.django_db

# (type, may be NULL, default, collation); "key": compared byte for byte; "text": in people's words
KEY = ("varchar(255)", "NO", None, "utf8mb4_bin")
WORDS = "the database's own"  # collation
TEXT = ("varchar(255)", "NO", "''", WORDS)
MOMENT = ("datetime", "NO", "'2000-01-01 00:00:00'", None)
YES = ("tinyint(1)", "NO", "1", None)
NO = ("tinyint(1)", "NO", "0", None)
NUMBER = ("int(11)", "NO", "0", None)
MAYBE_NUMBER = ("int(11)", "YES", "NULL", None)
BIG = ("bigint(20)", "NO", "0", None)
SERIAL = ("int(11)", "NO", None, None)
PEM = ("text", "YES", "NULL", "utf8mb4_bin")
ACCOUNT = {
    "username": KEY,
    "password": KEY,
    "created": MOMENT,
    "modified": MOMENT,
    "active": YES,
    "phone": ("varchar(30)", "NO", "''", WORDS),
    "email_other": TEXT,
    "token": TEXT,
    "token_validity": MOMENT,
    "totp_secret": ("varchar(255)", "YES", "NULL", WORDS),
    # ours
    "must_change": NO,
    "passkey_handle": ("varchar(128)", "NO", "''", "utf8mb4_bin"),
    "language": ("varchar(10)", "NO", "''", WORDS),
    "theme": ("varchar(6)", "NO", "''", WORDS),
    "time_zone": ("varchar(40)", "NO", "''", WORDS),
    "page_size": ("smallint(5) unsigned", "NO", "0", None),
}
TABLES = {
    "admin": ACCOUNT
    | {
        "superadmin": NO,
        # ours
        "reseller": NO,
        "max_domains": ("int(10) unsigned", "YES", "NULL", None),
        "max_mailboxes": ("int(10) unsigned", "YES", "NULL", None),
        "max_storage": ("bigint(20) unsigned", "YES", "NULL", None),
        "mailbox": ("varchar(255)", "YES", "NULL", "utf8mb4_bin"),
    },
    "domain": {
        "domain": KEY,
        "description": TEXT,
        "aliases": NUMBER,
        "mailboxes": NUMBER,
        "maxquota": BIG,
        "quota": BIG,
        "transport": ("varchar(255)", "NO", "'virtual'", "utf8mb4_bin"),
        "backupmx": NO,
        "verify_recipients": NO,
        "created": MOMENT,
        "modified": MOMENT,
        "active": YES,
        "password_expiry": ("int(11)", "YES", "0", None),
        "sending_limit": MAYBE_NUMBER,
        "reseller": ("varchar(255)", "NO", "''", "utf8mb4_bin"),
    },
    "domain_admins": {
        "id": SERIAL,
        "username": KEY,
        "domain": KEY,
        "created": MOMENT,
        "active": YES,
    },
    "mailbox": ACCOUNT
    | {
        "name": TEXT,
        "maildir": KEY,
        "quota": BIG,
        "local_part": KEY,
        "domain": KEY,
        "password_expiry": MOMENT,
        "smtp_active": YES,
        # ours
        "sending_limit": MAYBE_NUMBER,
        "imap_active": YES,
        "pop3_active": YES,
        "sieve_active": YES,
        "sign_in_active": YES,
        "app_only": NO,
        "receives": YES,
    },
    "alias": {
        "address": KEY,
        "goto": ("text", "NO", None, "utf8mb4_bin"),
        "domain": KEY,
        "created": MOMENT,
        "modified": MOMENT,
        "active": YES,
        "description": TEXT,
        # ours
        "is_self_alias": NO,
        "access": ("varchar(10)", "NO", "''", "utf8mb4_bin"),
        "access_text": TEXT,
        "access_list": ("smallint(6)", "YES", "NULL", None),
    },
    "alias_domain": {
        "alias_domain": KEY,
        "target_domain": KEY,
        "created": MOMENT,
        "modified": MOMENT,
        "active": YES,
        "description": TEXT,
    },
    "log": {
        "id": SERIAL,
        "timestamp": MOMENT,
        "username": KEY,
        "domain": KEY,
        "action": KEY,
        "data": ("text", "NO", None, "utf8mb4_bin"),
        "changes": ("longtext", "YES", "NULL", "utf8mb4_bin"),  # ours
        "about": ("varchar(255)", "YES", "NULL", "utf8mb4_bin"),  # ours
    },
    # Not 255 wide: by that later upgrades of PostfixAdmin know a database that they convert to latin1 once more.
    "quota2": {"username": ("varchar(254)", *KEY[1:]), "bytes": BIG, "messages": NUMBER},
    "dkim": {
        "id": SERIAL,
        "domain_name": KEY,
        "description": ("varchar(255)", "YES", "''", WORDS),
        "selector": ("varchar(63)", "NO", "'default'", "utf8mb4_bin"),
        "private_key": PEM,
        "public_key": PEM,
        "created": MOMENT,
        "modified": MOMENT,
        "replaced": ("datetime", "YES", "NULL", None),  # ours
    },
    "dkim_signing": {
        "id": SERIAL,
        "author": ("varchar(255)", "NO", "''", "utf8mb4_bin"),
        "dkim_id": SERIAL,
        "created": MOMENT,
        "modified": MOMENT,
    },
    "totp_exception_address": {
        "id": SERIAL,
        "ip": ("varchar(46)", "NO", None, "utf8mb4_bin"),
        "username": ("varchar(255)", "YES", "NULL", "utf8mb4_bin"),
        "description": ("varchar(255)", "YES", "NULL", WORDS),
        "for_admin": NO,  # ours
        "domain": ("varchar(255)", "YES", "NULL", "utf8mb4_bin"),  # ours
    },
}
TABLES["mailbox_app_password"] = {
    "id": SERIAL,
    "username": ("varchar(255)", "YES", "NULL", "utf8mb4_bin"),
    "description": ("varchar(255)", "YES", "NULL", WORDS),
    "password_hash": ("varchar(255)", "YES", "NULL", "utf8mb4_bin"),
    # ours
    "protocols": ("varchar(40)", "NO", "''", "utf8mb4_bin"),
    "networks": ("varchar(1000)", "NO", "''", "utf8mb4_bin"),
    "expires": ("bigint(20)", "YES", "NULL", None),
    "created": MOMENT,
    "used": ("bigint(20)", "YES", "NULL", None),
    "used_address": ("varchar(45)", "NO", "''", "utf8mb4_bin"),
    "used_protocol": ("varchar(20)", "NO", "''", "utf8mb4_bin"),
}
TABLES["vacation"] = {
    "email": KEY,
    "subject": TEXT,
    "body": ("text", "NO", "''", "utf8mb4_bin"),
    "cache": ("text", "NO", "''", "utf8mb4_bin"),
    "domain": ("varchar(255)", "NO", "''", "utf8mb4_bin"),
    "created": MOMENT,
    "active": YES,
    "modified": MOMENT,
    "activefrom": MOMENT,  # PostfixAdmin's two are timestamps
    "activeuntil": ("datetime", "NO", "'2038-01-18 00:00:00'", None),
    "interval_time": NUMBER,
}
OPTION = ("varchar(255)", "YES", "''", "utf8mb4_bin")
TABLES["fetchmail"] = {
    "id": ("int(11)", "NO", None, None),
    "mailbox": KEY,
    **dict.fromkeys(
        ("src_server", "src_user", "src_password", "src_folder"),
        ("varchar(255)", "NO", "''", "utf8mb4_bin"),
    ),
    "src_auth": (
        "varchar(255)",
        "YES",
        "NULL",
        "utf8mb4_bin",
    ),  # PostfixAdmin's is an enum, as protocol
    "poll_time": ("int(11)", "NO", "10", None),
    **dict.fromkeys(("fetchall", "keep", "usessl", "sslcertck", "active"), NO),
    "protocol": ("varchar(255)", "YES", "NULL", "utf8mb4_bin"),
    "extra_options": ("text", "YES", "NULL", "utf8mb4_bin"),
    "returned_text": ("text", "YES", "NULL", "utf8mb4_bin"),
    **dict.fromkeys(("mda", "sslcertpath", "sslfingerprint", "domain"), OPTION),
    **dict.fromkeys(("date", "created", "modified"), MOMENT),  # PostfixAdmin's are timestamps
    "src_port": NUMBER,
    "plain": NO,
    "outcome": ("varchar(40)", "NO", "''", "utf8mb4_bin"),
    "said": ("varchar(500)", "NO", "''", "utf8mb4_bin"),
    "taken": NUMBER,
    "failures": NUMBER,
    "next_run": ("bigint(20)", "NO", "0", None),
    "busy_until": ("bigint(20)", "NO", "0", None),
}
PRIMARY_KEYS = {
    "admin": "username",
    "domain": "domain",
    "domain_admins": "id",
    "mailbox": "username",
    "alias": "address",
    "alias_domain": "alias_domain",
    "log": "id",
    "quota2": "username",
    "dkim": "id",
    "dkim_signing": "id",
    "totp_exception_address": "id",
    "mailbox_app_password": "id",
    "vacation": "email",
    "fetchmail": "id",
}


def ask(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def in_mysql(kind, null, default, collation):
    """A column's description as MySQL has it: no display widths, defaults without quotes, JSON as a
    type."""
    if kind == "longtext":
        return "json", null, None, None
    kind = kind.replace("int(11)", "int").replace("bigint(20)", "bigint")
    return kind, null, None if default in (None, "NULL") else default.strip("'"), collation


@pytest.mark.parametrize("table", TABLES)
def test_columns_have_postfixadmins_types_and_defaults(table):
    [[of_words]] = ask("SELECT @@collation_database")
    columns = ask(
        "SELECT column_name, column_type, is_nullable, column_default, collation_name"
        " FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s",
        table,
    )
    wanted = {
        name: (kind, null, default, of_words if collation == WORDS else collation)
        for name, (kind, null, default, collation) in TABLES[table].items()
    }
    if not connection.mysql_is_mariadb:
        wanted = {name: in_mysql(*facts) for name, facts in wanted.items()}

    assert {name: tuple(facts) for name, *facts in columns} == wanted


def test_primary_keys_are_postfixadmins():
    found = ask(
        "SELECT table_name, column_name FROM information_schema.key_column_usage"
        " WHERE table_schema = DATABASE() AND constraint_name = 'PRIMARY'"
    )

    assert {table: key for table, key in found if table in TABLES} == PRIMARY_KEYS


def test_every_table_is_innodb():
    engines = ask(
        "SELECT DISTINCT engine FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
    )

    assert engines == (("InnoDB",),)


def test_keys_go_with_their_domain_and_signing_rows_with_their_key_as_in_postfixadmin(example_org):
    ask("INSERT INTO dkim (domain_name) VALUES ('example.org')")
    ask("INSERT INTO dkim_signing (author, dkim_id) SELECT 'example.org', id FROM dkim")
    with pytest.raises(IntegrityError):
        ask("INSERT INTO dkim (domain_name) VALUES ('nobody.example')")

    ask("DELETE FROM domain WHERE domain = 'example.org'")

    assert (ask("SELECT * FROM dkim"), ask("SELECT * FROM dkim_signing")) == ((), ())


@pytest.mark.parametrize("key", ["U1@example.org", "ü1@example.org", "ú1@example.org"])
def test_a_key_is_found_byte_for_byte(key, add_mailbox, example_org):
    add_mailbox("u1@example.org")

    for table, column in (("mailbox", "username"), ("alias", "address"), ("alias", "goto")):
        assert ask(f"SELECT 1 FROM {table} WHERE {column} = 'u1@example.org'") == ((1,),)
        assert ask(f"SELECT 1 FROM {table} WHERE {column} = %s", key) == ()


@pytest.mark.parametrize("charset", ["utf8mb4", "utf8mb3", "latin1"])
def test_the_triggers_serve_a_connection_of_any_character_set(charset, add_mailbox, example_org):
    """PostfixAdmin connects as utf8, old scripts as latin1, Debian's Postfix as utf8mb4."""
    add_mailbox("joe@example.org")
    ask(f"SET NAMES {charset}")
    try:
        ask(
            "INSERT INTO alias (address, goto, domain)"
            " VALUES ('a@example.org', 'joe@example.org, Gone@Example.org', 'example.org')"
        )
        ask("UPDATE alias SET goto = 'gone@example.org' WHERE address = 'joe@example.org'")
        ask("INSERT INTO quota2 (username, bytes) VALUES ('joe@example.org', 1)")
        ask("UPDATE mailbox SET quota = 1 WHERE username = 'joe@example.org'")
        found = ask("SELECT alias, target, unmatched FROM alias_target ORDER BY alias, target")
    finally:
        ask("SET NAMES utf8mb4 COLLATE utf8mb4_bin")

    assert found == (
        ("a@example.org", "gone@example.org", 1),
        ("a@example.org", "joe@example.org", 0),
        ("joe@example.org", "gone@example.org", 1),
    )
    assert ask("SELECT username, percent FROM full_mailbox") == (("joe@example.org", 100),)


def test_keys_that_another_program_writes_in_capitals_are_found_in_lower_case(db):
    ask("INSERT INTO domain (domain, description, transport) VALUES ('Example.ORG', '', 'virtual')")
    ask("INSERT INTO domain (domain, description, transport) VALUES ('Twin.example', '', '')")
    ask(
        "INSERT INTO alias_domain (alias_domain, target_domain) VALUES ('TWIN.example', 'EXAMPLE.org')"
    )
    ask(
        "INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain)"
        " VALUES ('Caps@Example.org', 'x', '', 'Example.org/Caps/', 1000, 'Caps', 'Example.org')"
    )
    ask(
        "INSERT INTO alias (address, goto, domain)"
        " VALUES ('Caps@Example.org', 'Caps@example.org', 'Example.org')"
    )
    ask("INSERT INTO admin (username, password) VALUES ('Boss@Example.org', 'x')")
    for domain in ("Example.org", "ALL"):
        ask("INSERT INTO domain_admins (username, domain) VALUES ('BOSS@example.org', %s)", domain)

    assert ask("SELECT domain, mailboxes, alias_rows, allotted FROM domain_usage ORDER BY 1") == (
        ("example.org", 1, 1, 1000),
        ("twin.example", 0, 0, 0),
    )
    assert ask("SELECT alias_domain, target_domain FROM alias_domain") == (
        ("twin.example", "example.org"),
    )
    assert ask("SELECT username, local_part, domain, maildir FROM mailbox") == (
        ("caps@example.org", "caps", "example.org", "Example.org/Caps/"),
    )
    assert ask("SELECT address, goto, domain, is_self_alias FROM alias") == (
        ("caps@example.org", "caps@example.org", "example.org", 1),
    )
    assert ask(
        "SELECT a.username, d.domain FROM admin a JOIN domain_admins d USING (username) ORDER BY 2"
    ) == (
        ("boss@example.org", "ALL"),
        ("boss@example.org", "example.org"),
    )


def test_a_key_that_is_changed_into_capitals_stays_in_lower_case(example_org, add_mailbox):
    add_mailbox("joe@example.org")
    ask("UPDATE mailbox SET username = 'Jo@Example.org', local_part = 'Jo', domain = 'Example.org'")
    ask(
        "UPDATE alias SET address = 'JO@example.org', goto = 'jo@EXAMPLE.org', domain = 'EXAMPLE.org'"
    )

    assert ask("SELECT username, local_part, domain FROM mailbox") == (
        ("jo@example.org", "jo", "example.org"),
    )
    assert ask("SELECT address, goto, domain, is_self_alias FROM alias") == (
        ("jo@example.org", "jo@example.org", "example.org", 1),
    )


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO alias (address, goto, domain) VALUES ('JOE@example.org', 'x', 'example.org')",
        "INSERT INTO domain (domain, description, transport) VALUES ('EXAMPLE.org', '', '')",
        "INSERT INTO mailbox (username, password, maildir, local_part, domain)"
        " VALUES ('Joe@example.org', 'x', 'x/', 'Joe', 'example.org')",
    ],
)
def test_a_second_row_of_the_same_name_in_capitals_is_a_duplicate_as_in_postfixadmins_columns(
    statement, example_org, add_mailbox
):
    add_mailbox("joe@example.org")

    with pytest.raises(IntegrityError, match="Duplicate entry"):
        ask(statement)


def test_an_emoji_is_not_found_and_no_error(example_org):
    assert Alias.objects.filter(pk="💩@example.org").exists() is False
    assert Domain.objects.filter(pk="пример.рф").exists() is False
