"""docs/in-place.sql, for those who convert the tables by hand: what comes of it is what `adopt --apply` makes."""

import os
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection

from mailadmin.adoption.place import in_database
from mailadmin.adoption.source import SHARED
from tests.adoption import postfixadmin
from tests.adoption.command import apply
from tests.adoption.tables import rows
from tests.strangers import another_database

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPT = Path(__file__).parents[2] / "docs" / "in-place.sql"


def fill(release):
    postfixadmin.create(release)
    for name in ("example.org", "Second.Example", "other.example"):
        postfixadmin.add_domain(name)
    postfixadmin.add("alias_domain", alias_domain="Other.example", target_domain="example.org")
    postfixadmin.add("alias_domain", alias_domain="ghost.example", target_domain="no.example")
    postfixadmin.add_mailbox("joe@example.org", name="Jöe", quota=10_240_000)
    postfixadmin.add_mailbox("Ann@Second.Example", created="0000-00-00 00:00:00")
    postfixadmin.add_mailbox("lost@gone.example", quota=-1)
    postfixadmin.add_mailbox("half@example.org", domain="second.example", local_part="other")
    postfixadmin.add_alias(" info@example.org", "Joe@Example.org, x@elsewhere.example")
    postfixadmin.add_alias("stray@nowhere.example", "joe@example.org")
    postfixadmin.add_admin("root@example.org", "ALL", superadmin=1)
    postfixadmin.add_admin("Boss@Example.org", "example.org", modified="0000-00-00 00:00:00")
    postfixadmin.add("domain_admins", username="nobody@example.org", domain="example.org")
    postfixadmin.add("quota2", username="Joe@example.org", bytes=5_000_000, messages=7)
    server = {"src_server": "pop.elsewhere.example", "src_user": "joe", "src_folder": "", "mda": ""}
    server |= {"src_password": "c2VjcmV0", "protocol": "POP3", "modified": "2024-01-01 00:00:00"}
    postfixadmin.add("fetchmail", mailbox="Joe@example.org", domain="Example.org", **server)
    postfixadmin.add("log", username="root@example.org", domain="example.org", action="x", data="y")
    if release != "3.3":
        postfixadmin.add("dkim", domain_name="Second.Example", private_key="k", public_key="p")
        postfixadmin.add("dkim_signing", author="Second.Example", dkim_id=1)
        postfixadmin.add(
            "mailbox_app_password", username="Joe@example.org", description="x", password_hash="y"
        )
        for whose in ("joe@example.org", "second.example", None):
            postfixadmin.add("totp_exception_address", ip="192.0.2.7", username=whose)


def convert(scratch):
    with in_database(scratch):
        call_command("migrate", verbosity=0, skip_checks=True)
    database = connection.settings_dict
    names = rows(
        f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{scratch}' AND TABLE_NAME NOT IN"
        " (SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE())"
    )
    login = [f"--user={database['USER']}", f"--host={database['HOST']}"]
    login.append(f"--port={database['PORT']}")
    own = os.environ | {"MYSQL_PWD": database["PASSWORD"]}
    into = ["mariadb", *login, database["NAME"]]
    with SCRIPT.open() as script:
        subprocess.run(into, stdin=script, env=own, check=True)
    dump = ["mariadb-dump", *login, "--skip-triggers", scratch, *(name for (name,) in names)]
    tables = subprocess.run(dump, capture_output=True, env=own, check=True).stdout
    subprocess.run(into, input=tables, env=own, check=True)
    call_command("recount", stdout=StringIO())


def columns():
    return rows(
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, COLUMN_DEFAULT, GENERATION_EXPRESSION"
        " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1, 2"
    )


def indexes():
    found = rows(
        "SELECT TABLE_NAME, NON_UNIQUE, GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX) FROM information_schema.STATISTICS"
        " WHERE TABLE_SCHEMA = DATABASE() GROUP BY TABLE_NAME, INDEX_NAME, NON_UNIQUE"
    )
    return sorted(found)


def foreign_keys():
    return rows(
        "SELECT TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE"
        " WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_NAME IS NOT NULL ORDER BY 1, 2, 3"
    )


def contents():
    """The rows of the tables that both panels share, but for when a domain was made for others, and of what is counted."""
    found = {}
    for table in (*SHARED, "domain_usage", "alias_target", "word"):
        names = [name for of, name, *_rest in columns() if of == table]
        if table == "domain_admins":
            names.remove("id")
        moments = {"created", "modified"} & set(names) if table == "domain" else ()
        names = [name for name in names if name not in moments]
        found[table] = sorted(map(repr, rows(f"SELECT {', '.join(names)} FROM {table}")))
    return found


@pytest.mark.parametrize("release", postfixadmin.RELEASES)
def test_the_tables_and_rows_are_those_that_adopt_makes(db, settings, release):
    settings.SRS = False
    with another_database() as adopted:
        fill(release)
        apply()
        wanted = columns(), indexes(), foreign_keys(), contents()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {adopted}_adopt")

    with another_database() as name:
        fill(release)
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}_new COLLATE utf8mb4_bin")
        try:
            convert(f"{name}_new")
            made = columns(), indexes(), foreign_keys(), contents()
            found = [problem.id for problem in run_checks(databases=["default"])]
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name}_new")

    for kind, want in zip(made, wanted, strict=True):
        assert kind == want
    # Nothing but that no snapshot was taken yet.
    assert found == ["mailadmin.W008"]
