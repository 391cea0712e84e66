"""What the daemons' SQL users may not do (what they may, every other contract test needs)."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import MySQLdb
import pytest

REFUSED = {1142, 1143, 1044, 1227}  # no right on the table, the column, the database, at all


@pytest.fixture(scope="module", autouse=True)
def world(empty_world):
    empty_world.domain("example.org")
    empty_world.mailbox("ann@example.org")


def refused(mail_server, connection, statement):
    try:
        mail_server.execute(statement, connection=connection)
    except MySQLdb.Error as error:
        return error.args[0] in REFUSED
    return False


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password FROM mailbox",
        "SELECT * FROM mailbox",
        "SELECT username FROM mailbox WHERE password LIKE '{SHA512-CRYPT}$6$a%'",
        "SELECT username FROM mailbox ORDER BY password",
        "SELECT token FROM mailbox",
        "SELECT totp_secret FROM mailbox",
        "SELECT login FROM relay_host",
        "SELECT id FROM mail_copy",
        "DELETE FROM sender_rule",
        "SELECT id FROM domain_sender_rule",
        "UPDATE mail_copy SET goto = 'me@elsewhere.test'",
        "UPDATE relay_host SET next_hop = '[smtp.thief.example]:587'",
        "SELECT username FROM admin",
        "SELECT * FROM log",
        "SELECT * FROM panel_session",
        "SELECT * FROM quota2",
        "UPDATE alias SET goto = 'me@elsewhere.test'",
        "INSERT INTO domain (domain, description, transport) VALUES ('x.test', '', '')",
        "DELETE FROM mailbox",
        "CREATE TABLE mine (x int)",
        "SELECT password FROM mysql.global_priv",
        "SELECT LOAD_FILE('/etc/passwd') FROM mysql.user",
    ],
)
def test_postfix_finds_addresses_and_nothing_else(mail_server, statement):
    assert refused(mail_server, mail_server.connect_as_postfix(), statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT token FROM mailbox",
        "SELECT totp_secret FROM mailbox",
        "SELECT * FROM mailbox",
        "SELECT username FROM admin",
        "SELECT * FROM log",
        "SELECT * FROM panel_session",
        "UPDATE mailbox SET password = '{PLAIN}x'",
        "UPDATE mailbox SET quota = 0",
        "DELETE FROM alias",
        "DELETE FROM last_login",
        "SELECT * FROM usage_day",
        "SELECT secret FROM relay_host",
        "CREATE TABLE mine (x int)",
    ],
)
def test_dovecot_checks_passwords_and_writes_used_quota_and_sign_ins_only(mail_server, statement):
    assert refused(mail_server, mail_server.connect_as_dovecot(), statement)


def test_a_statement_that_is_allowed_is_not_refused(mail_server):
    write = "INSERT INTO quota2 (username, bytes) VALUES ('ann@example.org', 1)"

    assert not refused(mail_server, mail_server.connect_as_dovecot(), write)
    assert not refused(
        mail_server, mail_server.connect_as_postfix(), "SELECT username FROM mailbox"
    )


def test_they_are_given_anew_without_a_moment_in_which_the_daemons_have_none(mail_server):
    asked = {
        mail_server.connect_as_postfix: "SELECT mailadmin_deliverable_targets(address, goto) FROM alias",
        mail_server.connect_as_dovecot: "SELECT username, password FROM mailbox",
    }
    given = threading.Event()

    def keep_asking(connect, statement):
        answers = set()
        while not given.is_set():  # a connection of its own each time: the password counts too
            answers.add(mail_server.execute(statement, connection=connect())[0][0])
        return answers

    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(keep_asking, *question) for question in asked.items()]
        try:
            for _time in range(30):
                mail_server.grant()
        finally:
            given.set()

    assert [answer.result() for answer in asking] == [{"ann@example.org"}, {"ann@example.org"}]


def rights(mail_server, user):
    rows = mail_server.execute(f"SHOW GRANTS FOR {user}@'127.0.0.1'")
    return sorted(sorted(re.findall(r"[\w*]+", row)) for [row] in rows if "IDENTIFIED" not in row)


@pytest.mark.parametrize("user", ["postfix_sql_user", "dovecot_sql_user"])
def test_what_is_not_needed_any_more_is_taken_away(mail_server, user):
    user, name = getattr(mail_server, user), mail_server.database["NAME"]
    wanted = rights(mail_server, user)
    for too_much in [
        f"SELECT (phone) ON `{name}`.mailbox",
        f"UPDATE (goto), INSERT (goto) ON `{name}`.alias",
        f"SELECT ON `{name}`.admin",
        f"SELECT, DELETE ON `{name}`.*",
    ]:
        mail_server.execute(f"GRANT {too_much} TO {user}@'127.0.0.1'")
    assert rights(mail_server, user) != wanted

    mail_server.grant()

    assert rights(mail_server, user) == wanted


@pytest.mark.parametrize("user", ["postfix_sql_user", "dovecot_sql_user"])
def test_what_is_missing_is_given(mail_server, user):
    user, name = getattr(mail_server, user), mail_server.database["NAME"]
    wanted = rights(mail_server, user)
    mail_server.execute(f"REVOKE SELECT (active) ON `{name}`.mailbox FROM {user}@'127.0.0.1'")

    mail_server.grant()

    assert rights(mail_server, user) == wanted


def test_rights_in_other_databases_stay(mail_server):
    user = mail_server.postfix_sql_user
    wanted = rights(mail_server, user)
    mail_server.execute(f"CREATE DATABASE {user}_other")
    try:
        mail_server.execute(f"GRANT SELECT ON {user}_other.* TO {user}@'127.0.0.1'")
        mail_server.grant()
        assert len(rights(mail_server, user)) == len(wanted) + 1
        mail_server.execute(f"REVOKE SELECT ON {user}_other.* FROM {user}@'127.0.0.1'")
    finally:
        mail_server.execute(f"DROP DATABASE {user}_other")

    assert rights(mail_server, user) == wanted


def test_nothing_is_left_of_the_comparison(mail_server):
    users = mail_server.execute("SELECT User FROM mysql.user WHERE User LIKE '%wanted'")
    procedures = mail_server.execute("SHOW PROCEDURE STATUS LIKE 'mailadmin%'")

    assert users == ()
    assert {name for _database, name, *_rest in procedures} == {"mailadmin_lookup"}
