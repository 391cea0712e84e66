from collections import namedtuple

import pytest
from django.db import connection

from mailadmin.adoption import moving, structure
from tests.adoption import postfixadmin
from tests.adoption.reports import adopt, found
from tests.adoption.tables import rows
from tests.mariadb import NAME, MariaDB
from tests.strangers import own_user

pytestmark = pytest.mark.django_db(transaction=True)

Usage = namedtuple("Usage", "free")


def test_tables_that_an_old_release_lacked_are_named(site):
    postfixadmin.run("DROP TABLE quota2;\nDROP TABLE log")

    status, report = adopt()

    assert (status, report["in_the_way"]) == (1, ["tables-missing"])
    assert found(report)["tables-missing"]["examples"] == ["log", "quota2"]


def test_a_server_older_than_those_that_were_proved_is_named(site, monkeypatch):
    monkeypatch.setattr(structure, "MARIADB_MINIMUM", (99, 1))

    status, report = adopt()

    assert (status, report["in_the_way"]) == (1, ["server-too-old"])
    [[version]] = rows("SELECT SUBSTRING_INDEX(VERSION(), '-', 1)")
    assert found(report)["server-too-old"]["examples"] == [version]


def test_too_little_room_for_the_copy_stops_it(site, monkeypatch):
    monkeypatch.setattr(structure.shutil, "disk_usage", lambda _place: Usage(free=1000))

    status, report = adopt()

    assert (status, report["in_the_way"]) == (1, ["disk"])
    assert found(report)["disk"]["does"] == "0 MB are free: make room."


def test_where_the_room_cannot_be_seen_a_person_is_told_how_much_it_takes(site, monkeypatch):
    def unseen(_place):
        raise PermissionError

    monkeypatch.setattr(structure.shutil, "disk_usage", unseen)

    status, report = adopt()

    assert (status, found(report)["disk"]["severity"]) == (0, "keep")
    [[place]] = rows("SELECT @@datadir")
    assert found(report)["disk"]["title"] == f"The copy takes about 1 MB in {place}"


@pytest.fixture
def logged(db):
    with MariaDB("--log-bin", "--server-id=1") as server:
        there = {
            "HOST": "127.0.0.1",
            "PORT": str(server.port),
            "USER": NAME,
            "PASSWORD": server.password,
            "NAME": NAME,
        }
        with moving.at(there):
            postfixadmin.create()
            with own_user(NAME + "_panel", database=NAME):
                yield
    connection.close()


def test_a_binary_log_is_noticed_before_anything_is_copied(logged):
    status, report = adopt()

    assert (status, report["in_the_way"]) == (1, ["binary-log", "rights"])
    does = found(report)["binary-log"]["does"]
    assert "SET GLOBAL log_bin_trust_function_creators = 1" in does
