"""What an adoption found and did is kept in a file, which the commands that come later name."""

import re

import pytest
from django.core.management import CommandError
from django.db import connection

from tests.adoption import postfixadmin
from tests.adoption.command import adopt, apply, typed
from tests.adoption.tables import rows
from tests.adoption.test_switch import Stopped, stop_before

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _dropped(elsewhere):
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {elsewhere}_adopt")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "report.txt"


def test_it_has_the_report_and_all_that_was_done_for_its_owners_eyes_only(site, file):
    postfixadmin.add_mailbox("Anna@Example.Org")
    wanted = adopt().splitlines()

    said = apply("--report", str(file)).splitlines()

    lines = file.read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+", lines[0])
    assert lines[2 : 2 + len(wanted)] == wanted
    assert lines[3 + len(wanted) :] == said[len(wanted) :]
    assert any("Anna@Example.Org" in line for line in lines)
    assert said[-1] == f"The report of all this is kept in {file}."
    assert file.stat().st_mode & 0o777 == 0o600


def test_where_nothing_is_said_it_lies_beside_the_dump(site, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    typed("--apply", "--dump", str(tmp_path / "before.sql"))

    assert "Adopted." in (tmp_path / f"{site}-adopted.txt").read_text()
    assert list(here.iterdir()) == []


def test_without_a_dump_it_lies_where_the_command_was_run(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    typed("--apply", "--no-dump")

    assert [path.name for path in tmp_path.iterdir()] == [f"{site}-adopted.txt"]


def test_going_back_and_finishing_name_it(site, file):
    apply("--report", str(file))
    named = f"The report of the adoption is kept in {file}."

    assert named in adopt("--undo").splitlines()
    apply("--report", str(file))
    assert named in adopt("--finish", "--yes").splitlines()


def test_another_run_is_added_to_it(site, file):
    apply("--report", str(file))
    adopt("--undo")

    apply("--report", str(file))

    assert file.read_text().count("Can be adopted.") == 2


def test_a_run_that_was_stopped_goes_on_in_the_same_file(site, file, monkeypatch):
    with monkeypatch.context() as patched:
        stop_before(patched, "INSERT IGNORE INTO adoption")
        with pytest.raises(Stopped):
            apply("--report", str(file))
    assert "Counting and proving once more" not in file.read_text()

    apply()

    assert "Counting and proving once more" in file.read_text()


def test_where_it_cannot_be_kept_nothing_begins(site, tmp_path):
    with pytest.raises(CommandError, match=r"cannot be kept.*Say where with --report"):
        apply("--report", str(tmp_path / "nowhere/report.txt"))

    assert rows(f"SHOW DATABASES LIKE '{site}\\_adopt'") == ()


def test_no_link_is_followed_to_another_file(site, tmp_path, file):
    file.symlink_to(tmp_path / "other.txt")

    with pytest.raises(CommandError, match="cannot be kept"):
        apply("--report", str(file))

    assert not (tmp_path / "other.txt").exists()


def test_a_copy_that_answers_otherwise_is_told_of_in_it(site, file, tmp_path):
    (tmp_path / "bad.cf").write_text("query = SELECT RAND() FROM mailbox WHERE username = '%s'\n")

    with pytest.raises(CommandError, match=f"The report is kept in {re.escape(str(file))}"):
        apply("--report", str(file), "--map", str(tmp_path / "bad.cf"))

    assert "bad.cf: joe@example.org:" in file.read_text()
