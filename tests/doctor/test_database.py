import os
import re
import subprocess
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection as ours

from mailadmin.doctor import database, looking
from mailadmin.doctor.checking import Finding
from tests.mariadb import MariaDB
from tests.servers.processes import PROGRAMS

pytestmark = pytest.mark.django_db(transaction=True)


def found():
    return {finding.name: finding for finding in looking.look(["database"]).findings}


def execute(statement, connection=ours):
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def do(tmp_path):
    """``do(command, connection)``: run a printed command with the real client, led to that server by a file at home."""

    def do(command, connection=ours):
        to = connection.settings_dict
        lines = (
            f"host={to['HOST']}\nport={to['PORT']}\nuser={to['USER']}\npassword={to['PASSWORD']}\n"
        )
        tmp_path.joinpath(".my.cnf").write_text(f"[client]\n{lines}")
        environment = {"PATH": PROGRAMS, "HOME": str(tmp_path)}
        subprocess.run(["/bin/bash", "-c", command], env=environment, check=True, capture_output=True)  # fmt: skip

    return do


def command_of(name, details):
    return Finding(name, details).say("command")


@pytest.fixture(scope="module")
def away():
    """A database server of its own, for what belongs to the whole server."""
    with MariaDB("--log-bin") as server:
        yield server


@pytest.fixture
def own(away, monkeypatch):
    connection = ours.copy()
    connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": away.port, "USER": "mailadmin", "PASSWORD": away.password, "NAME": ""}  # fmt: skip
    monkeypatch.setattr(database, "connection", connection)
    yield connection
    connection.close()


def ask(connection, check):
    connection.close()  # what is global counts for the next connection
    return list(check(None))


def test_a_database_as_migrated_has_nothing():
    look = looking.look(["database"])

    assert (look.findings, look.unseen) == ([], [])


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris"])
def test_another_time_zone(own, settings, zone, do):
    settings.TIME_ZONE = zone
    execute("SET GLOBAL time_zone = '-05:00'", own)

    [details] = ask(own, database.database_time_zone)
    assert details["zone"] == zone
    do(command_of("database-time-zone", details), own)
    assert ask(own, database.database_time_zone) == []


def test_a_key_that_is_compared_without_accents(do):
    before = _column("mail_copy", "goto")
    execute("ALTER TABLE mail_copy MODIFY goto VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL")
    try:
        [finding] = found().values()
        assert finding.name == "key-collation"
        assert finding.details["column"] == "mail_copy.goto"
    finally:
        do(found()["key-collation"].say("command"))
    assert found() == {}
    assert _column("mail_copy", "goto") == before


def _column(table, name):
    with ours.cursor() as cursor:
        cursor.execute("SELECT COLLATION_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND COLUMN_NAME = %s", [table, name])  # fmt: skip
        return cursor.fetchone()


def test_triggers_of_a_user_who_is_gone():
    """As after a dump was read by another SQL user."""
    with ours.cursor() as cursor:
        cursor.execute("SHOW CREATE TRIGGER mailadmin_alias_insert")
        statement = cursor.fetchone()[2]
    gone = f"gone{os.getpid()}"
    execute(f"CREATE USER {gone}@localhost")
    execute("DROP TRIGGER mailadmin_alias_insert")
    execute(re.sub(r"DEFINER=`[^`]*`@`[^`]*`", f"DEFINER=`{gone}`@`localhost`", statement).replace("%", "%%"))  # fmt: skip
    execute(f"DROP USER {gone}@localhost")
    try:
        finding = found()["trigger-of-another"]
        assert finding.details["definer"] == f"{gone}@localhost"
        assert finding.say("command") == "mailadmin recount"
    finally:
        call_command("recount", stdout=StringIO())
    assert found() == {}


@pytest.mark.parametrize(
    ("definer", "gone"),
    [("panel@10.0.0.9", False), ("panel@10.0.0.8", False), ("former@10.0.0.9", True)],
)
def test_whoever_may_not_look_who_there_is_goes_by_the_name(own, definer, gone):
    execute("CREATE OR REPLACE USER panel@'%' IDENTIFIED BY 'p'", own)
    own.close()
    own.settings_dict |= {"USER": "panel", "PASSWORD": "p"}

    assert database._may_be_gone(definer, "panel@%") is gone


def test_a_binary_log_without_trust(own, away, do):
    execute("CREATE OR REPLACE USER panel@'%' IDENTIFIED BY 'p'", own)
    execute("GRANT ALL ON mailadmin.* TO panel@'%'", own)
    root = own.copy()
    own.settings_dict |= {"USER": "panel", "PASSWORD": "p"}

    assert ask(own, database.binary_log_without_trust) == [{}]

    do(command_of("binary-log-without-trust", {}), root)
    assert ask(own, database.binary_log_without_trust) == []
    root.close()


def test_a_server_that_was_made_read_only(own, do):
    execute("SET GLOBAL read_only = 1", own)

    assert ask(own, database.database_cannot_save) == [{"state": "read_only"}]

    do(command_of("database-cannot-save", {"state": "read_only"}), own)
    assert ask(own, database.database_cannot_save) == []


@pytest.mark.parametrize(
    ("comment", "status", "command"),
    [
        ("Initialized", "non-Primary", "systemctl restart mariadb"),
        ("Donor/Desynced", "Primary", "mariadb -e 'SET GLOBAL wsrep_desync = OFF'"),
        ("Joining: receiving State Transfer", "Primary", "mariadb -e \"SHOW STATUS LIKE 'wsrep_local_%'\""),
    ],
)  # fmt: skip
def test_a_node_that_gets_its_data_is_not_started_anew(monkeypatch, comment, status, command):
    said = {"wsrep_local_state_comment": comment, "wsrep_cluster_status": status, "wsrep_cluster_size": "2"}  # fmt: skip
    monkeypatch.setattr(database.server, "trouble", lambda connection: "not_synced")
    monkeypatch.setattr(database, "_rows", lambda statement: said.items())

    [details] = database.node_out_of_cluster(None)

    assert command_of("node-out-of-cluster", details) == command


def test_a_database_that_is_away_hides_nothing_else(own):
    own.close()
    own.settings_dict |= {"PORT": 1}

    look = looking.look(["database", "machine"])

    [away] = [finding for finding in look.findings if finding.name == "database-away"]
    assert "127.0.0.1" in away.say("seen")
    unseen = {name for names, _why in look.unseen for name in names}
    assert {"key-collation", "trigger-of-another", "database-time-zone"} <= unseen
