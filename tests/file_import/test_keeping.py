"""How long a file, and what it hands out, are kept; and two windows on one file."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.management.commands import webhooks
from mailadmin.file_import import keeping
from mailboxes.models import Mailbox
from panel import file_imports
from panel.models import FileImport, FileLine, Task
from tests.pages.reading import text, told

MINUTE = timedelta(minutes=1)
STEP = {"HX-Request": "true"}


def many(count):
    return "Adresse\n" + "".join(f"m{n:03}@example.org\n" for n in range(count))


def passwords(client, url):
    """{address: password} that the result has."""
    response = client.post(f"{url}result/")
    rows = list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"))))
    return {row[1]: row[3] for row in rows[1:] if row[3]}


def minutes_pass(count):
    for model in (FileLine, FileImport):
        for row in model.objects.exclude(handed=None):
            model.objects.filter(pk=row.pk).update(handed=row.handed - count * MINUTE)


@pytest.fixture
def begun(admin, checked, monkeypatch):
    """``begun(count)``: (URL of the file, URL of its task) after a step of 50 lines."""
    monkeypatch.setattr("mailadmin.file_import.work.TOGETHER", 50)

    def do(count):
        url = checked(admin, many(count))
        place = admin.post(url, {"do": "begin"}).url.partition("?")[0]
        admin.post(place, {"do": "step"}, headers=STEP)
        return url, place

    return do


def go_on(client, place):
    client.post(place, {"do": "go"})
    client.post(place, {"do": "step"}, headers=STEP)


def test_passwords_of_lines_that_are_made_after_a_download_are_in_the_next(admin, begun):
    url, place = begun(60)
    admin.post(place, {"do": "stop"})
    first = passwords(admin, url)
    assert len(first) == 50
    minutes_pass(11)
    file_imports.forget()
    assert not FileLine.objects.exclude(secret="").exists()
    assert not FileImport.objects.get().secrets

    go_on(admin, place)
    second = passwords(admin, url)
    assert sorted(second) == [f"m{n:03}@example.org" for n in range(50, 60)]
    assert Mailbox.objects.get(pk="m055@example.org").check_password(second["m055@example.org"])


def test_only_what_was_handed_out_is_erased(admin, begun):
    url, place = begun(60)
    admin.post(place, {"do": "stop"})
    passwords(admin, url)
    go_on(admin, place)
    minutes_pass(11)
    file_imports.forget()
    file = FileImport.objects.get()
    assert (file.secrets, file.handed) == (True, None)
    assert len(passwords(admin, url)) == 10


def test_what_is_erased_is_looked_at_under_the_lock_of_who_makes_lines(
    transactional_db, admin, begun
):
    url, place = begun(1)
    admin.post(place, {"do": "stop"})
    passwords(admin, url)
    minutes_pass(11)
    seen = []

    def see(execute, sql, *rest):
        if "file_line" in sql or sql.startswith("UPDATE"):
            seen.append(connection.in_atomic_block)
        return execute(sql, *rest)

    with connection.execute_wrapper(see), CaptureQueriesContext(connection) as queries:
        file_imports.forget()

    assert (FileImport.objects.get().secrets, seen) == (False, [True] * 4)
    locks = [one for one in queries if "FOR UPDATE" in one["sql"]]
    assert len(locks) == connection.features.has_select_for_update


def test_there_is_no_download_while_lines_are_made(admin, begun):
    url, _place = begun(60)
    response = admin.post(f"{url}result/")
    assert response.url == url
    page = admin.get(url)
    assert told(page) == ["It is being imported. Stop that first."]
    assert "Download the result" not in text(page)
    assert FileLine.objects.exclude(secret="").count() == 50


def test_a_download_that_broke_off_can_be_repeated_for_ten_minutes(admin, checked, run):
    url = checked(admin, many(3))
    run(admin, url)
    admin.post(f"{url}result/")  # nobody reads it
    first = passwords(admin, url)
    assert len(first) == 3
    minutes_pass(9)
    file_imports.forget()
    assert passwords(admin, url) == first

    minutes_pass(2)
    assert passwords(admin, url) == {}
    assert "not kept any more" in text(admin.get(url))
    file_imports.forget()
    assert set(FileLine.objects.values_list("secret", "handed")) == {("", None)}
    file = FileImport.objects.get()
    assert (file.secrets, file.handed) == (False, None)


# --- Two windows


def test_lines_that_nobody_has_seen_are_not_made_by_going_on(admin, begun, monkeypatch):
    url, place = begun(60)
    admin.post(place, {"do": "stop"})
    monkeypatch.setattr("mailadmin.file_import.pages.STEP_SECONDS", 0)
    admin.post(url, {"do": "again"})
    go_on(admin, place)

    assert Mailbox.objects.count() == 50
    assert FileLine.objects.filter(state="made").count() == 50
    assert Task.objects.get().state == Task.State.DONE


def test_a_line_is_not_made_while_the_lines_are_checked(admin, begun):
    _url, place = begun(60)
    FileImport.objects.update(checked=0)
    admin.post(place, {"do": "step"}, headers=STEP)

    assert Mailbox.objects.count() == 50
    assert FileLine.objects.filter(state="good").count() == 10
    assert Task.objects.get().gone == 10


@pytest.mark.parametrize("do", ["again", "correct", "leave-out", "delete"])
def test_a_file_that_runs_since_the_page_was_read_is_not_changed(admin, checked, do, monkeypatch):
    url = checked(admin, many(2))
    stale = FileImport.objects.select_related("task").get()
    admin.post(url, {"do": "begin"})
    before = list(FileLine.objects.values_list("pk", "state", "content"))
    monkeypatch.setattr(keeping, "found", lambda actor, key: stale)
    admin.post(url, {"do": do, "line": "2", "to-address": "x@example.org"})

    assert list(FileLine.objects.values_list("pk", "state", "content")) == before
    assert FileImport.objects.get().checked == FileImport.objects.get().last


@pytest.mark.parametrize("do", ["correct", "leave-out", "begin"])
def test_nothing_is_changed_while_the_lines_are_checked(admin, checked, do):
    url = checked(admin, many(2))
    FileImport.objects.update(checked=2)
    before = list(FileLine.objects.values_list("pk", "state", "content"))
    admin.post(url, {"do": do, "line": "2", "to-address": "x@example.org"})

    page = admin.get(url)
    assert told(page) == ["The lines are being checked. Wait until that is done."]
    assert list(FileLine.objects.values_list("pk", "state", "content")) == before
    assert Task.objects.count() == 0


@pytest.mark.parametrize("do", ["check", "again", "correct", "begin"])
def test_a_file_whose_columns_nobody_has_named_is_not_checked(admin, upload, do):
    upload(admin, many(1))
    url = FileImport.objects.get().get_absolute_url()
    assert admin.post(url, {"do": do, "line": "2"}).url == url
    assert admin.get(url).url == f"{url}columns/"
    assert FileLine.objects.get().state == "new"


# --- For how long a file is kept


@pytest.mark.parametrize("do", ["correct", "leave-out"])
def test_a_file_that_somebody_works_with_is_kept_for_another_day(admin, checked, do):
    url = checked(admin, many(2))
    FileImport.objects.update(changed=timezone.now() - file_imports.KEPT - MINUTE)
    admin.post(url, {"do": do, "line": "2", "to-address": "x@example.org"})
    file_imports.forget()
    assert admin.get(url).status_code == 200


def test_a_file_of_yesterday_can_be_imported(admin, checked, run):
    url = checked(admin, many(2))
    FileImport.objects.update(changed=timezone.now() - file_imports.KEPT - MINUTE)
    run(admin, url)
    assert Mailbox.objects.count() == 2


def test_old_files_are_deleted_in_portions_and_are_gone_for_people_at_once(
    admin, checked, monkeypatch
):
    monkeypatch.setattr(file_imports, "LINES_AT_ONCE", 3)
    urls = [checked(admin, many(2)) for _file in range(2)]
    FileImport.objects.update(changed=timezone.now() - file_imports.KEPT - MINUTE)
    left = []
    for _time in range(3):
        file_imports.forget()
        left.append((FileImport.objects.count(), FileLine.objects.count()))
        assert [admin.get(url).status_code for url in urls] == [404, 404]
    assert left == [(1, 1), (0, 0), (0, 0)]


def test_a_file_is_deleted_in_portions(admin, checked, monkeypatch):
    monkeypatch.setattr(file_imports, "LINES_AT_ONCE", 2)
    url = checked(admin, many(5))
    admin.post(url, {"do": "delete"})
    assert (FileImport.objects.count(), FileLine.objects.count()) == (0, 0)


# --- Without a visit of the page


@pytest.fixture
def follow(db, monkeypatch):
    """``follow(looks)``: what mailadmin-webhooks.service does, for so many looks at what is due, one of them each ``seconds``."""

    def do(looks=1, seconds=0):
        clock, left = [1000.0], [looks]

        def run(is_stopped):
            left[0] -= 1
            clock[0] += seconds
            if not left[0]:
                is_stopped.__self__.set()
            return 1

        monkeypatch.setattr(webhooks, "monotonic", lambda: clock[0])
        monkeypatch.setattr(webhooks.signal, "signal", lambda *given: None)
        monkeypatch.setattr(webhooks.webhook_runner, "run", run)
        call_command("webhooks", "--follow")

    return do


def test_the_service_that_always_runs_erases_what_was_handed_out(admin, checked, run, follow):
    url = checked(admin, many(2))
    run(admin, url)
    passwords(admin, url)
    minutes_pass(9)
    follow()
    assert FileLine.objects.exclude(secret="").count() == 2

    minutes_pass(2)
    follow()
    assert set(FileLine.objects.values_list("secret", "handed")) == {("", None)}


def test_it_looks_once_a_minute(follow, monkeypatch):
    looked = []
    monkeypatch.setattr(file_imports, "forget", lambda: looked.append(1))
    follow(looks=7, seconds=25)  # at 0, 75 and 150 seconds

    assert len(looked) == 3
