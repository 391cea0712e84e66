"""`import file`: what the pages of an import do, on the command line."""

import csv
import json
import os
import stat
from datetime import timedelta
from threading import Thread

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import LogEntry
from aliases.models import Alias
from mailadmin.file_import import command, keeping, work
from mailboxes.models import Mailbox
from panel import file_imports, tasks
from panel.models import FileImport, FileLine, Task
from panel.transactions import Unavailable

pytestmark = pytest.mark.django_db
ANN, BOB = "ann@example.org", "bob@example.org"
PEOPLE = f"Mail;Name;Quota (GB)\n{ANN};Ann Lee;1\n{BOB};Bob;2\n"
HASH = "{SSHA}8gjrMD0JSTZjmfmSnuSVBy5nbTBhYmNk"
ONE_WRONG = f"Mail\n{ANN}\nbob@elsewhere.example\n"


@pytest.fixture
def file(tmp_path):
    def write(data=PEOPLE, name="people.csv"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    return write


@pytest.fixture
def out(tmp_path):
    return tmp_path / "result.csv"


@pytest.fixture
def status(run):
    """``status(…)`` is (exit status, what is printed)."""

    def call(*arguments, **more):
        try:
            return 0, run("import", "file", *arguments, **more)
        except SystemExit as end:
            return end.code, run.screen

    return call


def result(out):
    """{address: (imported, password, link, why not)}."""
    rows = list(csv.reader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0][:3] == ["Line", "Address", "Imported"]
    return {row[1]: tuple(row[2:]) for row in rows[1:]}


def names():
    return sorted(Mailbox.objects.values_list("pk", flat=True))


def nothing_is_left():
    return not (FileImport.objects.exists() or FileLine.objects.exists())


def test_it_makes_the_lines_and_writes_their_passwords_for_its_owner_alone(
    example_org, status, file, out
):
    assert status(file(), "--result", str(out)) == (0, "2 mailboxes created.\n")

    made = result(out)
    assert made.keys() == {ANN, BOB}
    assert {row[0] for row in made.values()} == {"1"}
    ann = Mailbox.objects.get(pk=ANN)
    assert (ann.name, ann.quota_mb, ann.check_password(made[ANN][1])) == ("Ann Lee", 1024, True)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    entry = LogEntry.objects.get(action="create_mailbox", data=ANN)
    assert entry.username == "CLI (localhost)"
    assert nothing_is_left()


def test_a_dry_run_says_what_each_line_is_and_would_change_something(example_org, status, file):
    assert status(file(), "--dry-run") == (
        2,
        f"Line 2: {ANN}: good\nLine 3: {BOB}: good\n2 lines are good.\n",
    )
    assert (names(), nothing_is_left()) == ([], True)


def test_a_dry_run_fails_where_a_line_cannot_be_imported(example_org, run, file):
    with pytest.raises(CommandError, match=r"^1 line cannot be imported\.$"):
        run("import", "file", file(ONE_WRONG), "--dry-run")

    assert run.screen == (
        f"Line 2: {ANN}: good\n"
        "Line 3: bob@elsewhere.example: not good: You manage no domain elsewhere.example. Correct it, or leave the line out.\n"
        "1 line is good, 1 cannot be imported.\n"
    )
    assert nothing_is_left()


def test_a_dry_run_says_it_as_json_lines_without_a_password(example_org, status, file):
    code, said = status(
        file(f"Mail,Password,Name\n{ANN},tangerine-7-bicycle,Ann\n"), "--dry-run", "--json"
    )

    assert (code, [json.loads(line) for line in said.splitlines()]) == (
        2,
        [
            {
                "line": 2,
                "state": "good",
                "address": ANN,
                "values": {"address": ANN, "name": "Ann"},
                "problems": [],
                "notes": [],
            }
        ],
    )


def test_all_lines_are_imported_or_none(example_org, run, file, out, capsys):
    with pytest.raises(CommandError) as refused:
        run("import", "file", file(ONE_WRONG), "--result", str(out))

    assert str(refused.value) == (
        "1 line cannot be imported. Nothing was imported. --good-lines imports the others."
    )
    assert capsys.readouterr().err.startswith("Line 3: bob@elsewhere.example: not good: You manage")
    assert (names(), nothing_is_left(), out.exists()) == ([], True, False)


def test_the_good_lines_alone_are_imported_if_one_says_so(example_org, run, file, out):
    with pytest.raises(CommandError, match=r"^1 line cannot be imported\.$"):
        run("import", "file", file(ONE_WRONG), "--good-lines", "--result", str(out))

    made = result(out)
    assert (run.screen, names(), nothing_is_left()) == ("1 mailbox created.\n", [ANN], True)
    assert (made[ANN][0], made["bob@elsewhere.example"][:3]) == ("1", ("0", "", ""))
    assert made["bob@elsewhere.example"][3].startswith("You manage no domain")


def test_without_a_good_line_nothing_is_imported(example_org, run, file, out):
    with pytest.raises(CommandError, match=r"^1 line cannot be imported\. Nothing was imported\.$"):
        run(
            "import",
            "file",
            file("Mail\nx@elsewhere.example\n"),
            "--good-lines",
            "--result",
            str(out),
        )


def test_columns_are_named_by_heading_or_number(example_org, status, file, out):
    table = "Wer;E-Mail;Konto\nAnn Lee;ann@private.example;ann\n"
    options = ("--column", "konto=address", "--column", "2=email_other", "--column", "Wer=name")

    assert status(file(table), *options, "--domain", "Example.ORG", "--result", str(out))[0] == 0

    ann = Mailbox.objects.get()
    assert (ann.pk, ann.name, ann.email_other) == (ANN, "Ann Lee", "ann@private.example")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--column", "Haus=name"), "Columns: There is no column “Haus”."),
        (("--column", "Mail=shoe"), "Columns: “shoe” is nothing that a column can hold."),
        (("--column", "Mail=name", "--column", "Name=name"), "Columns: Two columns cannot hold"),
        (("--column", "Mail=-", "--column", "Name=-"), "No column holds what each line needs"),
        (("--column", "Mail"), "--column Mail: write HEADING=FIELD"),
        (("--domain", "elsewhere.example"), "Domain: You manage no domain elsewhere.example."),
        (("--kind", "alias"), "No column holds what each line needs: Recipients."),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    example_org, run, file, out, options, sentence
):
    with pytest.raises(CommandError) as refused:
        run("import", "file", file(), *options, "--result", str(out))

    assert str(refused.value).startswith(sentence)
    assert (nothing_is_left(), out.exists()) == (True, False)


def test_a_result_never_takes_the_place_of_a_file(example_org, run, file, out):
    out.write_text("mine")
    with pytest.raises(CommandError, match=r"is there already\. Name a new file"):
        run("import", "file", file(), "--result", str(out))

    assert (out.read_text(), names(), nothing_is_left()) == ("mine", [], True)


def test_passwords_that_nobody_would_read_are_not_made(example_org, run, file):
    with pytest.raises(CommandError, match=r"--result FILE\.$"):
        run("import", "file", file())

    assert names() == []


def test_invitations_are_links_in_the_result(example_org, run, status, file, out, settings):
    settings.PANEL_URL = ""
    arguments = (file(), "--without-password", "invite", "--result", str(out))
    with pytest.raises(CommandError, match="Set PANEL_URL first"):
        run("import", "file", *arguments)
    settings.PANEL_URL = "https://panel.example.org/"

    assert status(*arguments)[0] == 0

    _imported, password, link, _why = result(out)[ANN]
    assert (password, link.startswith("https://panel.example.org/")) == ("", True)


def test_files_of_other_servers_are_read_as_on_the_page(example_org, status, file, out):
    users = f"{ANN}:{HASH}::::::\n"
    maps = f"info@example.org {ANN},{BOB}\n"

    assert status(file(users, "users"), "--format", "passwd", "--result", str(out))[0] == 0
    said = status(file(maps, "virtual"), "--format", "map", "--kind", "alias")

    assert said == (0, "1 alias created.\n")
    assert Mailbox.objects.get(pk=ANN).password == HASH
    assert Alias.objects.get(pk="info@example.org").goto == f"{ANN},{BOB}"


def test_a_pipe_is_a_file_too(example_org, status):
    piped = f"Alias,To\ninfo@example.org,{ANN}\n"

    assert status("-", "--kind", "alias", stdin=piped) == (0, "1 alias created.\n")


def test_a_named_pipe_is_one_as_well(example_org, status, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = f"Alias,To\ninfo@example.org,{ANN}\n"
    writer = Thread(target=path.write_text, args=[data], daemon=True)
    writer.start()

    assert status(str(path), "--kind", "alias") == (0, "1 alias created.\n")
    writer.join()


def test_what_was_made_is_said_as_json_too(example_org, run, file, out):
    with pytest.raises(CommandError):
        run("import", "file", file(ONE_WRONG), "--good-lines", "--json", "--result", str(out))

    bad, last = map(json.loads, run.screen.splitlines())
    assert (bad["line"], bad["state"]) == (3, "bad")
    assert last == {"made": 1, "bad": 1, "finished": True}


def test_the_headings_that_are_named_are_headings(example_org, status, file, out):
    table, columns = "Konto;Wer\nann;Ann Lee\n", ("--column", "Konto=local_part")

    status(file(table), *columns, "--domain", "example.org", "--result", str(out))

    assert names() == [ANN]


def test_a_domain_may_be_imported(status, file):
    assert status(file("Domain\nexample.com\n"), "--kind", "domain") == (0, "1 domain created.\n")


# --- Stopped, and gone on with


def stopped(run, monkeypatch, error, *arguments):
    """Make one line, then be stopped by ``error``."""
    whole, steps = tasks.step, []

    def step(task, making):
        if steps:
            raise error
        steps.append(task)
        return whole(task, making)

    with monkeypatch.context() as patch:
        patch.setattr(work, "TOGETHER", 1)
        patch.setattr(tasks, "step", step)
        patch.setattr(command, "sleep", lambda _seconds: None)
        with pytest.raises(CommandError) as said:
            run("import", "file", *arguments)
    return str(said.value)


def test_what_was_stopped_has_its_result_and_goes_on(
    example_org, run, status, file, out, tmp_path, monkeypatch
):
    said = stopped(run, monkeypatch, KeyboardInterrupt, file(), "--result", str(out))

    [key] = FileImport.objects.values_list("pk", flat=True)
    assert said == f"It is not finished: `import file --resume {key}` goes on."
    assert (names(), Task.objects.get().state) == ([ANN], "stopped")
    first = result(out)
    assert Mailbox.objects.get(pk=ANN).check_password(first[ANN][1])
    assert not FileLine.objects.exclude(secret="").exists()

    with pytest.raises(CommandError, match="is there already"):
        run("import", "file", "--resume", str(key), "--result", str(out))
    rest = tmp_path / "rest.csv"
    assert status("--resume", str(key), "--result", str(rest)) == (0, "2 mailboxes created.\n")
    second = result(rest)
    assert second[ANN] == ("1", "", "", "")
    assert Mailbox.objects.get(pk=BOB).check_password(second[BOB][1])
    assert nothing_is_left()
    with pytest.raises(CommandError, match=f"There is no import {key} to go on with"):
        run("import", "file", "--resume", str(key), "--result", str(tmp_path / "more.csv"))


def test_a_database_that_stays_away_ends_it_and_says_how_to_go_on(
    example_org, run, file, out, monkeypatch, capsys
):
    said = stopped(run, monkeypatch, Unavailable("away"), file(), "--result", str(out))

    assert said.startswith("It is not finished: `import file --resume ")
    assert capsys.readouterr().err.count("The database is unavailable.") == command.ATTEMPTS
    assert result(out)[ANN][0] == "1"


class Away:
    """A database that goes away between two transactions: its next statements fail, ``times`` of them."""

    times = 0

    def __call__(self, execute, sql, params, many, context):
        if self.times and not connection.in_atomic_block:
            self.times -= 1
            raise OperationalError(2006, "Server has gone away")
        return execute(sql, params, many, context)


@pytest.fixture
def away(transactional_db, monkeypatch):
    """``away.times = 2``, once the first line is made: called with how often."""
    database, whole = Away(), tasks.step

    def after_a_line(times):
        def step(task, making):
            if task.passed and not step.begun:
                step.begun, database.times = True, times
            return whole(task, making)

        step.begun = False
        monkeypatch.setattr(work, "TOGETHER", 1)
        monkeypatch.setattr(tasks, "step", step)
        monkeypatch.setattr(command, "sleep", lambda _seconds: None)

    with connection.execute_wrapper(database):
        after_a_line.database = database
        yield after_a_line


def test_a_database_that_comes_back_lets_it_go_on(example_org, status, file, out, away, capsys):
    away(2)

    assert status(file(), "--result", str(out)) == (0, "2 mailboxes created.\n")
    assert capsys.readouterr().err.count("The database is unavailable.") == 2
    assert all(row[1] for row in result(out).values())


def test_a_database_that_is_away_at_the_end_leaves_the_hint_how_to_go_on(
    example_org, run, status, file, out, away
):
    away(1_000)
    with pytest.raises(CommandError) as said:
        run("import", "file", file(), "--result", str(out))
    away.database.times = 0

    [key] = FileImport.objects.values_list("pk", flat=True)
    assert str(said.value) == (
        "The database is unavailable. Nothing was saved, try again."
        f" It is not finished: `import file --resume {key}` goes on."
    )
    assert (names(), out.exists()) == ([ANN], False)
    assert status("--resume", str(key), "--result", str(out))[0] == 0
    assert Mailbox.objects.get(pk=ANN).check_password(result(out)[ANN][1])


def interrupted(*_arguments, **_more):
    raise KeyboardInterrupt


def test_stopped_outside_the_steps_it_says_how_to_go_on(example_org, run, file, out, monkeypatch):
    monkeypatch.setattr(tasks, "begin", interrupted)
    with pytest.raises(CommandError) as said:
        run("import", "file", file(), "--result", str(out))

    [key] = FileImport.objects.values_list("pk", flat=True)
    assert str(said.value) == (
        f"Stopped. It is not finished: `import file --resume {key}` goes on."
    )
    assert not out.exists()


def test_stopped_while_it_writes_the_result_leaves_no_half_one(
    example_org, run, status, file, out, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(command.os, "fsync", interrupted)
        with pytest.raises(CommandError, match=r"Stopped\. What was made is kept for ten minutes"):
            run("import", "file", file(), "--result", str(out))
    assert not out.exists()

    [key] = FileImport.objects.values_list("pk", flat=True)
    assert status("--resume", str(key), "--result", str(out))[0] == 0
    assert Mailbox.objects.get(pk=ANN).check_password(result(out)[ANN][1])


def test_what_is_not_kept_any_more_is_said(
    example_org, run, status, file, out, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        patch.setattr(command.os, "fsync", interrupted)
        with pytest.raises(CommandError):
            run("import", "file", file(), "--result", str(out))
    [key] = FileImport.objects.values_list("pk", flat=True)
    FileLine.objects.update(handed=timezone.now() - timedelta(minutes=11))
    capsys.readouterr()

    assert status("--resume", str(key), "--result", str(out))[0] == 0
    assert capsys.readouterr().err == (
        "Passwords and links of lines that were imported before are not kept any more:"
        " only a result that was written then has them.\n"
    )
    assert result(out)[ANN] == ("1", "", "", "")


def test_going_on_takes_neither_a_file_nor_a_dry_run(
    example_org, run, file, out, tmp_path, monkeypatch
):
    stopped(run, monkeypatch, KeyboardInterrupt, file(), "--result", str(out))
    [key] = FileImport.objects.values_list("pk", flat=True)
    rest = ("--resume", str(key), "--result", str(tmp_path / "rest.csv"))

    for more in ([file()], ["--dry-run"]):
        with pytest.raises(CommandError, match="it takes neither FILE nor --dry-run"):
            run("import", "file", *more, *rest)
    assert names() == [ANN]


def test_a_result_that_cannot_be_written_is_kept_for_some_minutes(
    example_org, run, status, file, out, tmp_path, monkeypatch
):
    def full(_number):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(command.os, "fsync", full)
        with pytest.raises(CommandError, match=r"No space left on device\. What was made is kept"):
            run("import", "file", file(), "--result", str(out))

    [key] = FileImport.objects.values_list("pk", flat=True)
    again = tmp_path / "again.csv"
    assert status("--resume", str(key), "--result", str(again))[0] == 0
    assert Mailbox.objects.get(pk=ANN).check_password(result(again)[ANN][1])
    assert nothing_is_left()


def test_an_import_of_a_page_is_not_the_commands(example_org, run, make_admin, out):
    make_admin("it@panel.example", domains=["example.org"])
    row = FileImport.objects.create(admin="it@panel.example", kind="mailbox", columns=["address"])

    with pytest.raises(CommandError, match=f"There is no import {row.pk} to go on with"):
        run("import", "file", "--resume", str(row.pk), "--result", str(out))


def test_a_file_that_is_being_deleted_is_not_the_commands_either(example_org):
    row = FileImport.objects.create(admin="it@panel.example", kind="mailbox", columns=["address"])
    file_imports._hide(row.pk)

    assert not keeping.of(None).exists()
