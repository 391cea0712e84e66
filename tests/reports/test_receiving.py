"""The Maildir that Postfix fills, read by `manage.py reports`."""

import fcntl
import gzip
import json
import os
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError
from django.utils import timezone

from domains.mail_reports import ReportDay
from mailadmin.reports import dmarc, receiving
from mailadmin.reports.storing import store
from panel import foreign
from panel.transactions import Unavailable
from tests.reports import letters

pytestmark = pytest.mark.django_db


def document(ago=1, **fields):
    begin = datetime.combine(timezone.now().date(), datetime.min.time(), UTC) - timedelta(days=ago)
    begin = int(begin.timestamp())
    return letters.dmarc(begin=begin, end=begin + 86_399, **fields)


@pytest.fixture
def maildir(tmp_path):
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def put(maildir):
    def write(name, *attachments):
        (maildir / "new" / name).write_bytes(letters.message(*attachments))

    return write


def run(maildir, *arguments):
    told = StringIO()
    call_command("reports", *arguments, maildir=str(maildir), stdout=told)
    return told.getvalue()


def left(maildir):
    return sorted(f"{file.parent.name}/{file.name}" for file in maildir.glob("*/*"))


def test_reports_are_counted_and_their_messages_deleted(maildir, put, example_org):
    put("1", letters.zipped(document(number="1")))
    put("2", gzip.compress(document(number="2")))
    put("3", letters.zipped(document(number="1")))
    put("4", letters.zipped(document(domain="foreign.example")))
    put("5", b"%PDF")

    assert run(maildir) == (
        "Reports: 2 counted, 1 counted before, 1 about domains that are not here,"
        " 1 messages without a report that can be read.\n"
    )
    assert left(maildir) == []
    assert ReportDay.objects.get().passed == 80
    assert run(maildir) == "Reports: none came.\n"


def test_one_that_cannot_be_read_is_in_nobody_s_way(maildir, put, example_org):
    put("1", letters.zipped(b"<" + bytes(25_000_001)))
    (maildir / "new" / "2").write_bytes(b"x" * 10_000_001)
    put("3", letters.zipped(document()))

    told = json.loads(run(maildir, "--json"))

    assert told == {"stored": 1, "unreadable": 1, "unread": 1, "forgotten": 0}
    assert left(maildir) == []


def test_html_beside_a_report_is_no_fault(maildir, put, example_org):
    put("1", b"<html><body>Your report</body></html>", letters.zipped(document()))

    assert run(maildir) == "Reports: 1 counted.\n"


def test_a_message_that_was_being_read_when_a_run_ended_is_tried_once_more(
    maildir, put, example_org
):
    put("1", letters.zipped(document()))
    (maildir / "new" / "1").rename(maildir / "cur" / "1")

    assert run(maildir) == "Reports: 1 counted.\n"
    assert left(maildir) == []


def test_a_run_of_many_minutes_leaves_the_rest_to_the_next(maildir, put, example_org, monkeypatch):
    monkeypatch.setattr(receiving, "LONGEST_RUN", 0)
    put("1", letters.zipped(document(number="1")))
    put("2", letters.zipped(document(number="2")))

    assert run(maildir) == "Reports: 1 counted.\n"
    assert left(maildir) == ["new/2"]
    assert run(maildir) == "Reports: 1 counted.\n"


def test_mail_about_a_day_long_ago_is_not_counted(maildir, put, example_org):
    put("1", letters.zipped(document(ago=7, number="1")))
    put("2", letters.zipped(document(ago=8, number="2")))

    assert run(maildir) == "Reports: 1 counted, 1 too old, or about a day that has not begun.\n"


def test_the_newest_of_too_many_messages_are_deleted(maildir, put, example_org, monkeypatch):
    monkeypatch.setattr(receiving, "MOST_LETTERS", 2)
    for number in "1234":
        put(number, letters.zipped(document(number=number)))

    assert run(maildir) == "Reports: 2 counted, 2 messages deleted unread, too large or too many.\n"
    assert left(maildir) == []


def test_while_the_database_is_away_messages_do_not_fill_the_disk(maildir, put, monkeypatch):
    def away(_connection):
        raise OperationalError(2002, "Can't connect")

    monkeypatch.setattr(foreign, "owner", away)
    put("1", letters.zipped(document()))
    put("3", letters.zipped(document(number="3")))
    (maildir / "new" / "2").write_bytes(b"x" * 10_000_001)
    size = (maildir / "new" / "1").stat().st_size
    monkeypatch.setattr(receiving, "MOST_WAITING", size + 1)

    with pytest.raises(CommandError):
        run(maildir)

    assert left(maildir) == ["new/1"]


def test_the_daily_run_forgets_and_reads_nothing(maildir, put, example_org, settings):
    store(dmarc.read(document(ago=30)))
    settings.REPORT_DAYS = 20
    put("1", letters.zipped(document()))

    assert run(maildir, "--forget") == "4 rows of older reports were forgotten.\n"
    assert left(maildir) == ["new/1"]
    with pytest.raises(CommandError, match="not allowed with"):
        run(maildir, "--forget", "message.eml")


def test_while_the_database_is_away_messages_wait(maildir, put, example_org, monkeypatch):
    put("1", letters.zipped(document()))

    def away(_report, _days):
        raise Unavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(receiving, "store", away)
        with pytest.raises(CommandError, match="The database is unavailable"):
            run(maildir)
    assert left(maildir) == ["new/1"]

    assert run(maildir) == "Reports: 1 counted.\n"


def test_a_message_that_ends_two_runs_is_not_tried_again(maildir, put, example_org, monkeypatch):
    put("1", letters.zipped(document(number="1")))
    put("2", letters.zipped(document(number="2")))

    def broken(_report, _days):
        raise DataError("out of range")

    with monkeypatch.context() as patched:
        patched.setattr(receiving, "store", broken)
        with pytest.raises(DataError):
            run(maildir)
        assert left(maildir) == ["cur/1", "new/2"]
        with pytest.raises(DataError):
            run(maildir)
    assert left(maildir) == ["cur/1.again", "new/2"]

    assert run(maildir) == "Reports: 1 counted, 1 messages without a report that can be read.\n"


def test_only_one_run_reads_at_a_time(maildir, put, example_org):
    put("1", letters.zipped(document()))
    held = os.open(maildir, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)

    assert run(maildir) == f"Another run reads {maildir}.\n"
    os.close(held)

    assert run(maildir) == "Reports: 1 counted.\n"


def test_nothing_has_come_yet(tmp_path):
    assert run(tmp_path / "nowhere") == "Reports: none came.\n"


def test_files_are_read_by_hand_and_kept(tmp_path, example_org):
    saved, plain = tmp_path / "saved.eml", tmp_path / "report.xml"
    saved.write_bytes(letters.message(letters.zipped(document(number="1"))))
    plain.write_bytes(document(ago=60, number="2"))

    told = run(tmp_path, str(saved), str(plain))

    assert told == "Reports: 2 counted.\n"
    assert (saved.exists(), plain.exists()) == (True, True)
