"""Many lines are made together: what one of them alone would not be, and that no line pays for another."""

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import LogEntry
from aliases.models import Alias
from domains.models import Domain
from domains.services import create_domain
from mailadmin.file_import import judging, keeping, work
from mailadmin.file_import.work import ImportWork
from mailboxes.models import Mailbox
from mailboxes.services import create_mailbox
from panel import tasks
from panel.models import FileImport, FileLine, Task
from panel.task_work import Entry

HEADINGS = "Address;Domain;Name;Quota;Password;Forward to\n"
HASH = "{SHA512-CRYPT}$6$rounds=5000$abcdefgh$" + "a" * 86


def people(count, start=0):
    return "".join(f"p{n:03}@example.org;;Person {n};1 MB;;\n" for n in range(start, start + count))


def states():
    rows = FileLine.objects.order_by().values_list("state", flat=True)
    return {state: sorted(rows).count(state) for state in set(rows)}


@pytest.fixture
def several_domains(db):
    return [create_domain(actor=None, name=name) for name in ("one.example", "two.example")]


@pytest.fixture
def make_mailbox(example_org):
    def make(local_part):
        create_mailbox(
            actor=None, domain=example_org, local_part=local_part, password=HASH, hashed=True
        )

    return make


def test_lines_of_several_domains_are_made_in_one_transaction(
    superadmin, checked, run, several_domains
):
    url = checked(
        superadmin,
        HEADINGS
        + "ann@one.example;;Ann;2 MB;tangerine-7-bicycle;\n"
        + "ben@two.example;;Ben;3 MB;;else@where.test\n"
        + "eve@one.example;;Eve;;;\n",
    )
    run(superadmin, url)

    made = {row.pk: row for row in Mailbox.objects.all()}
    assert {name: row.name for name, row in made.items()} == {
        "ann@one.example": "Ann",
        "ben@two.example": "Ben",
        "eve@one.example": "Eve",
    }
    assert made["ann@one.example"].check_password("tangerine-7-bicycle")
    assert made["ann@one.example"].quota_mb == 2
    goto = Alias.objects.get(pk="ben@two.example").goto.split(",")
    assert sorted(goto) == ["ben@two.example", "else@where.test"]
    assert {row.number: bool(row.secret) for row in FileLine.objects.all()} == {
        2: False,
        3: True,
        4: True,
    }
    logged = LogEntry.objects.filter(action="create_mailbox").values_list("data", flat=True)
    assert len(logged) == 3


def test_a_line_that_is_refused_now_leaves_the_others_alone(superadmin, checked, run, make_mailbox):
    url = checked(superadmin, HEADINGS + people(5))
    make_mailbox("p002")  # between the look and the import
    run(superadmin, url)

    assert Mailbox.objects.filter(name__startswith="Person").count() == 4
    assert states() == {"made": 4, "bad": 1}
    (line,) = FileLine.objects.filter(state="bad")
    assert line.address == "p002@example.org"
    task = Task.objects.get()
    assert (task.done, task.refused, task.gone) == (4, 1, 0)


def test_the_last_places_of_a_domain_go_to_the_first_lines(superadmin, checked, run):
    url = checked(superadmin, HEADINGS + people(5))
    Domain.objects.filter(pk="example.org").update(mailboxes=3)
    run(superadmin, url)

    made = Mailbox.objects.order_by("pk").values_list("pk", flat=True)
    assert list(made) == [f"p00{n}@example.org" for n in range(3)]
    assert states() == {"made": 3, "bad": 2}


def test_a_hash_that_computes_to_nothing_is_refused_at_its_line(superadmin, checked, run):
    cut = HASH[:-1]
    text = f"Address;Hash\na@example.org;{HASH}\nb@example.org;{cut}\nc@example.org;{HASH}\n"
    run(superadmin, checked(superadmin, text))

    assert sorted(Mailbox.objects.values_list("pk", flat=True)) == [
        "a@example.org",
        "c@example.org",
    ]
    assert Mailbox.objects.get(pk="a@example.org").password == HASH
    assert states() == {"made": 2, "bad": 1}


def test_a_loop_among_the_lines_is_refused_and_the_other_aliases_are_made(
    superadmin, checked, run, example_org
):
    text = "Alias;To\na@example.org;b@example.org\nb@example.org;a@example.org\nc@example.org;x@y.test\n"
    run(superadmin, checked(superadmin, text, kind="alias"))

    assert sorted(Alias.objects.values_list("pk", flat=True)) == ["a@example.org", "c@example.org"]
    assert states() == {"made": 2, "bad": 1}


def test_copies_are_made_one_by_one(superadmin, checked, run, make_mailbox):
    make_mailbox("ann")
    make_mailbox("ben")
    text = "Mail to;Copy to\nann@example.org;x@y.test\nben@example.org;x@y.test\n"
    run(superadmin, checked(superadmin, text, kind="copy"))
    assert states() == {"made": 2}


@pytest.mark.parametrize("kind", ["mailbox", "alias"])
def test_a_hundred_lines_cost_no_more_statements_than_ten(superadmin, checked, kind):
    found = []
    for count, letter in ((10, "a"), (100, "b")):
        lines = "".join(f"{letter}{n:03}@example.org;x@y.test\n" for n in range(count))
        text = ("Address;Name\n" if kind == "mailbox" else "Alias;To\n") + lines
        url = checked(superadmin, text, kind=kind)
        place = superadmin.post(url, {"do": "begin"}).url.partition("?")[0]
        with CaptureQueriesContext(connection) as queries:
            superadmin.post(place, {"do": "step"}, headers={"HX-Request": "true"})
        assert FileImport.objects.latest("pk").lines.filter(state="made").count() == count
        found.append(len(queries))

    few, many = found
    assert many <= few + 10  # long lists of keys are looked up in parts


def test_a_group_that_is_refused_late_does_not_keep_the_import_where_it_is(
    superadmin, checked, make_mailbox, monkeypatch
):
    url = checked(superadmin, HEADINGS + people(4))
    make_mailbox("p003")
    monkeypatch.setattr("panel.tasks.STEP_SECONDS", 0.000_001)
    place = superadmin.post(url, {"do": "begin"}).url.partition("?")[0]
    # Any group is over the time of a step: so is whatever follows it.
    seconds = iter(range(10_000))
    monkeypatch.setattr("panel.tasks.monotonic", lambda: 0.0 if next(seconds) < 2 else 1.0)

    superadmin.post(place, {"do": "step"}, headers={"HX-Request": "true"})

    assert Task.objects.get().done == 1


@pytest.mark.parametrize(
    ("rounds", "together"), [(5_000, 500), (100_000, 25), (5_000_000, 1)], ids=str
)
def test_as_many_are_hashed_together_as_take_two_seconds(
    superadmin, checked, settings, rounds, together
):
    checked(superadmin, HEADINGS + people(2))
    settings.PASSWORD_ROUNDS = rounds
    assert sizes_of_groups(1_000) == [together] * (1_000 // together)


def test_those_who_are_written_to_are_made_in_tens(superadmin, checked):
    checked(superadmin, HEADINGS + people(2), welcome="on")
    assert sizes_of_groups(25) == [10, 10, 5]


def test_brought_hashes_and_aliases_are_made_by_hundreds(superadmin, checked, settings):
    settings.PASSWORD_ROUNDS = 1_000_000
    checked(superadmin, f"Address;Hash\na@example.org;{HASH}\n")
    assert sizes_of_groups(501) == [500, 1]
    checked(superadmin, "Alias;To\na@example.org;b@y.test\n", kind="alias")
    assert sizes_of_groups(501) == [500, 1]


def sizes_of_groups(count):
    file = FileImport.objects.latest("pk")
    task = Task(options={"file": file.pk, "kind": file.kind})
    entries = [Entry(f"p{n}@example.org", [n]) for n in range(count)]
    return [len(group) for group in ImportWork(None).groups(task, entries)]


def test_a_dry_run_does_not_tell_twice_what_a_refused_group_had_made(make_admin, several_domains):
    admin = make_admin("root@example.org", superadmin=True)
    text = "Address\n" + "".join(f"{name}@one.example\n" for name in "ab") + "x@two.example\n"
    upload = ContentFile(text.encode(), name="people.csv")
    file = keeping.store(actor=admin, kind="mailbox", upload=upload, format="table")
    file = judging.match(file=file, columns=["address"], options={})
    judging.judge_for(None, actor=admin, file=file)
    Domain.objects.filter(pk="two.example").update(mailboxes=-1)
    admin.recorded = []
    task = tasks.begin(work.begin(actor=admin, file=file))

    tasks.step(task, ImportWork(admin))

    made = [entry.data for entry in admin.recorded if entry.action == "create_mailbox"]
    assert made == ["a@one.example", "b@one.example"]


def test_of_a_file_that_was_deleted_nothing_is_left_to_do(superadmin, checked):
    checked(superadmin, HEADINGS + people(2))
    file = FileImport.objects.latest("pk")
    task = tasks.begin(work.begin(actor=None, file=named_by_nobody(file)))
    FileImport.objects.all().delete()

    assert tasks.step(task, ImportWork(None)).state == Task.State.DONE


def named_by_nobody(file):
    FileImport.objects.filter(pk=file.pk).update(admin="")
    return file
