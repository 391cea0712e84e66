"""Files that a program imports."""

import base64
import json
from itertools import count

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Admin, LogEntry
from aliases.models import Alias
from mailadmin.file_import import keeping, matching
from mailboxes.models import Mailbox
from panel.models import ApiAnswer, FileImport, FileLine
from tests.file_import.workbooks import workbook

ANN, BOB = "ann@example.org", "bob@example.org"
TWO = {"kind": "mailbox", "text": f"Mail;Name\n{ANN};Ann Lee\n{BOB};Bob\n"}
ONE_WRONG = {"kind": "mailbox", "text": f"Mail\n{ANN}\nx@other.net\n"}


@pytest.fixture
def made(theirs):
    """The path of an import of ``body``."""

    def make(body=TWO, by=theirs):
        answer = by.post("/imports", body)
        assert answer.status_code == 201, answer.content
        return f"/imports/{answer.json()['id']}"

    return make


def lines(program, path, query=""):
    return program.get(f"{path}/lines{query}").json()["items"]


def names():
    return sorted(Mailbox.objects.values_list("pk", flat=True))


def problem(response):
    told = response.json()
    return response.status_code, told["detail"], [one["pointer"] for one in told.get("errors", [])]


# --- Looking


def test_a_file_is_judged_and_nothing_made(theirs):
    answer = theirs.post("/imports", TWO | {"name": "people.csv"})

    told = answer.json()
    assert answer.status_code == 201
    assert told == {
        "id": FileImport.objects.get().pk,
        "kind": "mailbox",
        "name": "people.csv",
        "state": "checked",
        "columns": [
            {"heading": "Mail", "holds": "address"},
            {"heading": "Name", "holds": "name"},
        ],
        "lines": 2,
        "good": 2,
        "bad": 0,
        "left_out": 0,
        "made": 0,
        "changed": told["changed"],
    }
    assert theirs.get(f"/imports/{told['id']}").json() == told
    assert theirs.get("/imports").json() == {"items": [told], "next": None}
    assert (names(), FileImport.objects.get().admin) == ([], "theirs@example.org")


def test_each_line_says_what_is_wrong_with_it(theirs, made):
    assert lines(theirs, made(ONE_WRONG), "?state=bad") == [
        {
            "line": 3,
            "state": "bad",
            "address": "x@other.net",
            "values": {"address": "x@other.net"},
            "problems": [
                {
                    "field": "address",
                    "says": "You manage no domain other.net. Correct it, or leave the line out.",
                }
            ],
            "notes": [],
        }
    ]


def test_lines_come_page_by_page_or_as_json_lines(theirs, made):
    text = "Mail\n" + "".join(f"m{n}@example.org\n" for n in range(5))
    path = made({"kind": "mailbox", "text": text})

    page = theirs.get(f"{path}/lines?limit=2").json()
    assert [one["line"] for one in page["items"]] == [2, 3]
    page = theirs.get(page["next"].partition("/api/v1")[2]).json()
    assert [one["line"] for one in page["items"]] == [4, 5]
    whole = theirs.get(f"{path}/lines", Accept="application/x-ndjson")
    told = b"".join(whole.streaming_content).decode().splitlines()
    assert [json.loads(one)["line"] for one in told] == [2, 3, 4, 5, 6]
    assert theirs.get(f"{path}/lines?state=wrong").status_code == 422


def test_a_dry_run_tells_every_line_and_keeps_nothing(theirs):
    told = theirs.post("/imports?dry_run=true", ONE_WRONG).json()

    assert (told["status"], told["result"]["good"], told["result"]["bad"]) == (201, 1, 1)
    assert [(one["line"], one["state"]) for one in told["also"]["lines"]] == [
        (2, "good"),
        (3, "bad"),
    ]
    assert not FileImport.objects.exists()


def test_a_dry_run_takes_no_more_lines_than_one_request_judges(theirs, monkeypatch):
    monkeypatch.setattr("mailadmin.file_import.api.MOST_DRY", 1)

    assert problem(theirs.post("/imports?dry_run=true", TWO)) == (
        422,
        "A dry run takes at most 1 lines. Send fewer, or upload it: nothing is made before /run.",
        ["/text"],
    )
    assert theirs.post("/imports", TWO).status_code == 201


def test_no_password_of_the_file_is_told(theirs, made):
    path = made({"kind": "mailbox", "text": f"Mail;Password\n{ANN};tangerine-7-bicycle\n"})

    assert lines(theirs, path)[0]["values"] == {"address": ANN}
    assert "tangerine" not in str(FileLine.objects.values())


def test_files_of_other_kinds_are_read(root, example_org, add_mailbox):
    add_mailbox(ANN)
    data = base64.b64encode(workbook([["Alias", "To"], ["info@example.org", ANN]])).decode()
    bodies = {
        "alias": {"text": data, "base64": True},
        "domain": {"text": "Domain\nexample.com\n"},
        "alias-domain": {"text": "@example.net @example.org\n", "format": "map"},
    }

    for kind, body in bodies.items():
        told = root.post("/imports", body | {"kind": kind}).json()
        assert root.post(f"/imports/{told['id']}/run").json()["made"] == 1

    assert Alias.objects.get(pk="info@example.org").goto == ANN


def test_columns_and_what_counts_for_all_lines_are_said(theirs, made):
    body = {
        "kind": "mailbox",
        "text": "Konto;Wer\nmüller;Max Müller\n",
        "columns": {"Konto": "local_part", "2": "name"},
        "domain": "Example.ORG",
        "umlauts": "one",
        "must_change_password": True,
    }
    path = made(body)

    told = lines(theirs, path)[0]
    assert (told["address"], told["values"]["name"]) == ("muller@example.org", "Max Müller")
    assert FileImport.objects.get().options["must_change"] is True


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"columns": {"Haus": "name"}}, "/columns"),
        ({"columns": {"Mail": "shoe"}}, "/columns"),
        ({"domain": "other.net"}, "/domain"),
        ({"text": "Mail\n"}, "/text"),
        ({"text": "", "base64": True}, "/text"),
        ({"text": "no base64!", "base64": True}, "/text"),
        ({"kind": "alias"}, ""),
        ({"umlauts": "three"}, "/umlauts"),
    ],
)
def test_what_is_not_understood_is_refused_where_it_stands(theirs, other_net, more, expected):
    answer = theirs.post("/imports", TWO | more)

    assert (answer.status_code, problem(answer)[2]) == (422, [expected])
    assert not FileImport.objects.exists()


def test_an_account_has_a_few_files_at_once(theirs, made):
    paths = [made() for _n in range(5)]

    assert problem(theirs.post("/imports", TWO))[0] == 422
    assert theirs.delete(paths[0]).status_code == 204
    assert theirs.delete(paths[0]).status_code == 404
    assert theirs.post("/imports", TWO).status_code == 201


def test_the_same_request_makes_one_file(theirs):
    told = [theirs.post("/imports", TWO, **{"Idempotency-Key": "1"}).json() for _n in range(2)]

    assert told[0] == told[1]
    assert FileImport.objects.count() == 1


def test_many_lines_are_judged_in_steps(theirs, made, monkeypatch):
    monkeypatch.setattr("mailadmin.file_import.judging.TOGETHER", 2)
    monkeypatch.setattr("mailadmin.file_import.api.STEP_SECONDS", 0.000_001)
    monkeypatch.setattr("mailadmin.file_import.judging.monotonic", count().__next__)
    text = "Mail\n" + "".join(f"m{n}@example.org\n" for n in range(3))
    path = made({"kind": "mailbox", "text": text})

    assert theirs.get(path).json()["state"] == "checking"
    assert theirs.post(f"{path}/run").status_code == 409
    monkeypatch.undo()
    told = theirs.post(f"{path}/check").json()
    assert (told["state"], told["good"]) == ("checked", 3)


# --- Correcting


def test_a_line_is_corrected_or_left_out(theirs, made):
    path = made(ONE_WRONG)

    told = theirs.patch(f"{path}/lines/3", {"values": {"address": BOB}}).json()
    assert (told["state"], told["address"], told["problems"]) == ("good", BOB, [])
    assert theirs.patch(f"{path}/lines/3", {"left_out": True}).json()["state"] == "left-out"
    assert theirs.patch(f"{path}/lines/3", {"left_out": False}).json()["state"] == "good"
    assert problem(theirs.patch(f"{path}/lines/3", {"values": {"shoe": "42"}})) == (
        422,
        "There is no such field.",
        ["/values/shoe"],
    )
    assert theirs.patch(f"{path}/lines/9", {"left_out": True}).status_code == 404


# --- Making


def test_the_good_lines_are_made_and_their_passwords_told(theirs, made):
    path = made(ONE_WRONG)

    told = theirs.post(f"{path}/run").json()

    assert (told["state"], told["made"], told["bad"], names()) == ("done", 1, 1, [ANN])
    entry = LogEntry.objects.get(action="create_mailbox")
    assert entry.username.startswith("theirs@example.org")
    first, second = theirs.post(f"{path}/result").json()["items"]
    password = first.pop("password")
    assert first == {
        "line": 2,
        "address": ANN,
        "made": True,
        "url": None,
        "sent": False,
        "problem": "",
    }
    assert Mailbox.objects.get().check_password(password)
    assert (second["made"], second["password"]) == (False, None)


def test_passwords_are_not_kept_with_the_answer(theirs, made):
    path = made()
    theirs.post(f"{path}/run")
    key = {"Idempotency-Key": "1"}

    answers = [theirs.post(f"{path}/result", **key).json() for _n in range(2)]

    assert (len(answers[0]["items"]), answers[1]) == (2, {"items": None})
    assert answers[0]["items"][0]["password"] not in str(ApiAnswer.objects.values())


def test_a_dry_run_makes_nothing_and_hands_nothing_out(theirs, made):
    path = made()

    told = theirs.post(f"{path}/run?dry_run=true").json()
    assert (told["result"]["made"], len(told["changes"])) == (2, 2)
    assert (names(), FileImport.objects.get().task) == ([], None)
    theirs.post(f"{path}/run")
    assert theirs.post(f"{path}/result?dry_run=true").json()["result"] == {"items": []}
    assert not FileLine.objects.exclude(handed=None).exists()


def test_a_long_one_is_made_in_steps_and_stopped(theirs, made, monkeypatch):
    monkeypatch.setattr("mailadmin.file_import.work.TOGETHER", 1)
    path = made()

    assert theirs.post(f"{path}/run").json()["state"] == "running"
    assert problem(theirs.post(f"{path}/result"))[:2] == (
        409,
        "It is being imported. Stop that first.",
    )
    assert theirs.delete(path).status_code == 409
    assert theirs.post(f"{path}/stop").json()["state"] == "stopped"
    assert len(theirs.post(f"{path}/result").json()["items"]) == 2
    while theirs.post(f"{path}/run").json()["state"] == "running":
        pass
    assert names() == [ANN, BOB]
    assert problem(theirs.post(f"{path}/run"))[:2] == (
        422,
        "There is no good line that is not imported yet.",
    )


def test_invitations_need_to_know_where_the_panel_is(theirs, made, settings):
    settings.PANEL_URL = ""
    assert theirs.post("/imports", TWO | {"without_password": "invite"}).status_code == 422
    settings.PANEL_URL = "https://panel.example.org/"
    path = made(TWO | {"without_password": "invite"})
    theirs.post(f"{path}/run")

    url = theirs.post(f"{path}/result").json()["items"][0]["url"]
    assert url.startswith("https://panel.example.org/")


def test_a_line_before_where_it_was_stopped_is_corrected_and_made(theirs, made, monkeypatch):
    monkeypatch.setattr("mailadmin.file_import.work.TOGETHER", 1)
    path = made({"kind": "mailbox", "text": f"Mail\nx@other.net\n{ANN}\nle@example.org\n"})
    theirs.patch(f"{path}/lines/4", {"left_out": True})
    theirs.post(f"{path}/run")
    theirs.post(f"{path}/stop")
    assert names() == [ANN]

    theirs.patch(f"{path}/lines/2", {"values": {"address": BOB}})
    while theirs.post(f"{path}/run").json()["state"] == "running":
        pass
    told = theirs.get(path).json()
    assert (names(), told["good"], told["made"]) == ([ANN, BOB], 0, 2)


def test_a_line_before_where_it_was_stopped_is_taken_back_and_made(theirs, made, monkeypatch):
    monkeypatch.setattr("mailadmin.file_import.work.TOGETHER", 1)
    path = made()
    theirs.patch(f"{path}/lines/2", {"left_out": True})
    theirs.post(f"{path}/run")
    theirs.post(f"{path}/stop")

    theirs.patch(f"{path}/lines/2", {"left_out": False})
    while theirs.post(f"{path}/run").json()["state"] == "running":
        pass
    assert names() == [ANN, BOB]


# --- Who may


@pytest.mark.parametrize(
    ("body", "right"),
    [
        (TWO, "mailboxes:write"),
        (TWO, "forwarding:write"),
        (TWO | {"without_password": "send"}, "mailboxes:password"),
        ({"kind": "alias", "text": f"Alias;To\ninfo@example.org;{ANN}\n"}, "aliases:write"),
        (
            {"kind": "alias-domain", "text": "Domain;Target\na.example;example.org\n"},
            "domains:write",
        ),
        ({"kind": "domain", "text": "Domain\na.example\n"}, "domains:write"),
    ],
)
def test_an_import_needs_the_rights_of_its_rows(
    example_org, make_admin, make_token, program, body, right
):
    root = make_admin("root@example.net", superadmin=True)
    every = ["mailboxes:write", "mailboxes:password", "aliases:write", "alias-domains:write"]
    every += ["forwarding:write", "domains:write", "imports:write", "imports:read"]
    without = program(make_token(root, [one for one in every if one != right], name="Without"))
    path = f"/imports/{program(make_token(root, every)).post('/imports', body).json()['id']}"

    expected = (
        403,
        f"This token, or its account, may not do this: it needs the right {right}.",
        [],
    )
    for asked in ("/imports", f"{path}/run", f"{path}/result"):
        assert problem(without.post(asked, body if asked == "/imports" else None)) == expected


def test_passwords_of_a_file_that_somebody_else_uploaded_need_their_own_right(
    theirs, make_token, program, made
):
    account = Admin.objects.get(pk="theirs@example.org")
    rights = ["imports:write", "imports:read", "mailboxes:write", "forwarding:write"]
    token = program(make_token(account, rights, name="Without"))
    of_person = keeping.store(
        actor=account,
        kind="mailbox",
        upload=ContentFile(f"Mail\n{ANN}\n".encode(), "people.csv"),
        format="table",
    )
    matching.match(file=of_person, columns=["address"], options={})
    theirs.post(f"/imports/{of_person.pk}/check")
    of_another = made(TWO | {"text": f"Mail\n{BOB}\n"})
    for path in (f"/imports/{of_person.pk}", of_another):
        assert token.post(f"{path}/run").json()["made"] == 1

        assert problem(token.post(f"{path}/result"))[:2] == (
            403,
            "This token, or its account, may not do this: it needs the right mailboxes:password.",
        )
        assert not FileLine.objects.exclude(handed=None).exists()
    assert theirs.post(f"/imports/{of_person.pk}/result").json()["items"][0]["password"]
    mine = made(TWO | {"text": "Mail\nmine@example.org\n"}, by=token)
    token.post(f"{mine}/run")
    assert token.post(f"{mine}/result").json()["items"][0]["password"]


def test_domains_are_for_superadmins(theirs):
    assert (
        theirs.post("/imports", {"kind": "domain", "text": "Domain\na.example\n"}).status_code
        == 403
    )


def test_a_token_that_is_limited_to_domains_sees_no_file_of_the_others(
    example_org, other_net, make_admin, make_token, program, made
):
    boss = make_admin("boss@example.net", superadmin=True)
    whole = program(make_token(boss))
    limited = program(make_token(boss, domains="example.org", name="One"))
    body = {"kind": "mailbox", "text": "Mail\nx@other.net\n"}
    path = made(body, by=whole)

    assert limited.get("/imports").json()["items"] == []
    for answer in (limited.get(path), limited.get(f"{path}/lines"), limited.post(f"{path}/run")):
        assert answer.status_code == 404
    mine = made(body, by=limited)
    assert lines(limited, mine)[0]["state"] == "bad"


def test_a_file_of_somebody_else_is_not_there(theirs, root, made):
    path = made()

    for answer in (root.get(path), root.post(f"{path}/result"), root.delete(path)):
        assert answer.status_code == 404


def test_a_file_of_the_page_is_the_accounts_too(theirs, example_org):
    keeping.store(
        actor=Admin.objects.get(pk="theirs@example.org"),
        kind="mailbox",
        upload=ContentFile(b"Mail\nx@example.org\n", "people.csv"),
        format="table",
    )

    told = theirs.get("/imports").json()["items"][0]
    assert (told["state"], told["columns"]) == ("checking", [{"heading": "Mail", "holds": None}])
    assert problem(theirs.post(f"/imports/{told['id']}/run"))[0] == 409
    assert problem(theirs.post(f"/imports/{told['id']}/check"))[0] == 422


# --- What it costs


def test_a_list_of_three_files_costs_what_one_costs(theirs, made):
    counts = []
    for _n in range(3):
        made()
        with CaptureQueriesContext(connection) as queries:
            theirs.get("/imports")
        counts.append(len(queries))

    assert counts[0] == counts[1] == counts[2]
