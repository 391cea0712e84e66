"""Many lines are made together: what one of them alone would not be, and that no line pays for another."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import LogEntry
from aliases.models import Alias
from domains.models import Domain
from domains.services import create_domain
from mailboxes.models import Mailbox
from mailboxes.services import create_mailbox
from panel.models import FileImport, FileLine, Task

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
