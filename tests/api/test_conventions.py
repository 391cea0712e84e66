"""What holds for every resource of the API: panel/api."""

import json
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import LogEntry
from aliases.models import Alias
from domains.copy_services import add_copy
from mailadmin.wsgi import application
from mailboxes.models import Mailbox
from panel.models import ApiAnswer

ANN, SALES = "/mailboxes/ann@example.org", "/aliases/sales@example.org"
NEW = {"name": "Ann", "password": "tangerine-7-bicycle"}


def problem(response):
    assert response.headers["Content-Type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == response.status_code
    return told


# --- ETag, If-Match, If-None-Match


def test_a_row_that_is_known_is_not_sent_again(theirs, add_mailbox):
    add_mailbox("ann@example.org")
    etag = theirs.get(ANN).headers["ETag"]

    same = theirs.get(ANN, **{"If-None-Match": etag})

    assert (same.status_code, same.content) == (304, b"")
    Mailbox.objects.update(name="Other")  # by another program
    assert theirs.get(ANN, **{"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_what_changed_meanwhile_is_not_overwritten(theirs, add_mailbox, method):
    add_mailbox("ann@example.org", name="Ann")
    body = None if method == "DELETE" else {"name": "Mine"}
    etag = theirs.get(ANN).headers["ETag"]
    Mailbox.objects.update(name="Theirs")

    late = theirs.ask(method, ANN, body, **{"If-Match": etag})

    assert problem(late)["type"] == "/api/v1/docs#changed-meanwhile"
    assert late.status_code == 412
    assert Mailbox.objects.get().name == "Theirs"
    now = theirs.get(ANN).headers["ETag"]
    assert theirs.ask(method, ANN, body, **{"If-Match": now}).status_code in {200, 204}


def test_a_new_row_can_be_asked_to_be_new_and_an_old_one_to_be_there(theirs):
    assert theirs.put(ANN, NEW, **{"If-Match": "*"}).status_code == 412
    assert theirs.put(ANN, NEW, **{"If-None-Match": "*"}).status_code == 201
    assert theirs.put(ANN, NEW, **{"If-None-Match": "*"}).status_code == 412
    assert theirs.put(ANN, NEW, **{"If-Match": "*"}).status_code == 200


# --- Dry run


def test_a_dry_run_tells_what_would_happen_and_writes_nothing(theirs, mailoutbox):
    entries = LogEntry.objects.count()

    response = theirs.put(f"{ANN}?dry_run=true", NEW)

    told = response.json()
    assert (response.status_code, told["dry_run"], told["status"]) == (200, True, 201)
    assert told["changes"] == [
        {
            "action": "create_mailbox",
            "object": "ann@example.org",
            "domain": "example.org",
            "changes": {
                "name": [None, "Ann"],
                "quota": [None, 0],
                "smtp_active": [None, True],
                "active": [None, True],
            },
        }
    ]
    assert told["result"]["address"] == "ann@example.org"
    assert not Mailbox.objects.exists()
    assert not Alias.objects.exists()
    assert LogEntry.objects.count() == entries


def test_a_dry_run_names_no_domain_that_is_not_theirs(theirs, add_mailbox, other_net):
    """All mail of another domain is copied to a mailbox of theirs, by a superadmin."""
    add_mailbox("ann@example.org")
    add_copy(actor=None, domain=other_net, direction="to", goto="ann@example.org")

    told = theirs.delete(f"{ANN}?dry_run=true").json()

    assert "other.net" not in json.dumps(told)
    assert told["changes_elsewhere"] == 1
    assert [change["action"] for change in told["changes"]] == ["delete_mailbox"]


def test_a_dry_run_refuses_what_would_be_refused(theirs, add_alias):
    add_alias("ann@example.org", "bob@elsewhere.test")

    assert theirs.put(f"{ANN}?dry_run=true", NEW).status_code == 409


def test_a_dry_run_of_what_is_so_already_tells_of_no_change(theirs, add_mailbox):
    add_mailbox("ann@example.org")

    told = theirs.put(f"{ANN}?dry_run=true", theirs.get(ANN).json()).json()

    assert (told["status"], told["changes"]) == (200, [])


def test_a_dry_run_of_a_deletion_names_the_aliases_that_lead_there(theirs, add_mailbox, add_alias):
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "ann@example.org")
    add_alias("all@example.org", "ann@example.org", "bob@elsewhere.test")

    told = theirs.delete(f"{ANN}?dry_run=true").json()

    assert told["status"] == 204
    assert told["also"] == {
        "aliases_leading_there": ["all@example.org", "sales@example.org"],
        "would_have_no_recipient": ["sales@example.org"],
        "and_more": 0,
        "of_others": 0,
    }
    assert Mailbox.objects.count() == 1


def test_a_deletion_treats_the_aliases_that_lead_there_as_the_query_says(
    theirs, add_mailbox, add_alias
):
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "ann@example.org")
    add_alias("all@example.org", "ann@example.org", "bob@elsewhere.test")

    assert theirs.delete(f"{ANN}?others=remove&emptied=delete").status_code == 204

    assert {alias.pk: alias.goto for alias in Alias.objects.all()} == {
        "all@example.org": "bob@elsewhere.test"
    }


@pytest.mark.parametrize("query", ["dry_run=yes", "dry_run=1", "dryrun=true", "dry_run=True"])
def test_a_misspelt_dry_run_writes_nothing(theirs, query):
    assert theirs.put(f"{ANN}?{query}", NEW).status_code == 422
    assert not Mailbox.objects.exists()


# --- Idempotency-Key


def test_a_post_with_the_same_key_is_done_once(theirs, add_mailbox):
    add_mailbox("ann@example.org")
    key = {"Idempotency-Key": "one"}

    answers = [theirs.post(f"{ANN}/rename", {"local_part": "lee"}, **key) for _n in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]
    assert LogEntry.objects.filter(changes__username__isnull=False).count() == 1


def test_the_same_key_with_another_body_is_refused(theirs, add_mailbox):
    add_mailbox("ann@example.org")
    key = {"Idempotency-Key": "one"}
    first, second = {"password": "tangerine-8-bicycle"}, {"password": "tangerine-9-bicycle"}

    answers = [theirs.post(f"{ANN}/password", body, **key) for body in (first, second, first)]

    assert [answer.status_code for answer in answers] == [204, 422, 204]
    assert LogEntry.objects.filter(action="edit_password").count() == 1


def test_a_refused_post_is_not_kept_and_another_token_has_keys_of_its_own(
    theirs, root, add_mailbox
):
    add_mailbox("ann@example.org")
    key = {"Idempotency-Key": "one"}

    assert theirs.post(f"{ANN}/password", {"password": "short"}, **key).status_code == 422
    assert not ApiAnswer.objects.exists()
    for asked in (theirs, root):
        assert (
            asked.post(f"{ANN}/password", {"password": "tangerine-8-bicycle"}, **key).status_code
            == 204
        )
    assert ApiAnswer.objects.count() == 2


def test_a_key_is_forgotten_after_a_day(theirs, add_mailbox):
    add_mailbox("ann@example.org")
    key, body = {"Idempotency-Key": "one"}, {"password": "tangerine-8-bicycle"}
    theirs.post(f"{ANN}/password", body, **key)
    ApiAnswer.objects.update(at=timezone.now() - timedelta(hours=25))

    theirs.post(f"{ANN}/password", body, **key)

    assert LogEntry.objects.filter(action="edit_password").count() == 2
    assert ApiAnswer.objects.count() == 1


def test_no_password_can_be_guessed_from_what_is_kept(theirs, add_mailbox):
    add_mailbox("ann@example.org")
    theirs.post(f"{ANN}/password", {"password": "tangerine-8-bicycle"}, **{"Idempotency-Key": "1"})

    kept = ApiAnswer.objects.get()

    assert (kept.body, kept.status) == (None, 204)
    assert "tangerine" not in kept.request


# --- Lists


@pytest.fixture
def many(example_org, other_net, add_mailbox):
    addresses = [f"{name}@example.org" for name in ("ann", "bob", "cid", "dan", "eve")]
    for address in [*addresses, "ann@other.net"]:
        add_mailbox(address)
    return addresses


def addresses(response):
    return [row["address"] for row in response.json()["items"]]


def test_a_list_is_read_page_by_page(theirs, many):
    found, path = [], "/mailboxes?limit=2"
    while path:
        page = theirs.get(path)
        found.append(addresses(page))
        following = page.json()["next"]
        link = f'<{following}>; rel="next"' if following else None
        assert page.headers.get("Link") == link
        path = following and following.partition("/api/v1")[2]

    assert found == [many[:2], many[2:4], many[4:]]


def test_a_list_has_the_rows_of_all_domains_in_order(root, many):
    pages = [root.get("/mailboxes?limit=5"), root.get("/mailboxes?limit=5&after=eve@example.org")]

    assert list(map(addresses, pages)) == [many, ["ann@other.net"]]


def test_a_list_is_filtered(root, many):
    Mailbox.objects.filter(pk="bob@example.org").update(active=False)

    assert addresses(root.get("/mailboxes?domain=other.net")) == ["ann@other.net"]
    assert addresses(root.get("/mailboxes?q=ANN")) == ["ann@example.org", "ann@other.net"]
    assert addresses(root.get("/mailboxes?active=false")) == ["bob@example.org"]
    assert addresses(root.get("/mailboxes?domain=nowhere.example")) == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=²", "active=yes", "domian=example.org"]
)
def test_a_list_refuses_a_query_that_it_does_not_understand(theirs, query):
    assert problem(theirs.get(f"/mailboxes?{query}"))["status"] == 422


def test_a_list_comes_whole_as_json_lines(theirs, many, monkeypatch):
    monkeypatch.setattr("panel.api.lists.TOGETHER", 2)

    response = theirs.get("/mailboxes", Accept="application/x-ndjson")

    assert response.headers["Content-Type"] == "application/x-ndjson"
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert [json.loads(line)["address"] for line in lines] == many
    assert json.loads(lines[0]) == theirs.get(ANN).json()


def test_an_administrator_without_domains_sees_an_empty_list(make_admin, make_token, program):
    asked = program(make_token(make_admin()))

    assert asked.get("/mailboxes").json() == {"items": [], "next": None}


# --- Problems


def test_a_row_that_is_not_there_is_a_problem(theirs):
    told = problem(theirs.get(ANN))

    assert told == {
        "type": "/api/v1/docs#not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing of this name, or it is not yours to see.",
    }


@pytest.mark.parametrize("path", ["/", "/nothing", "/mailboxes/", "/nothing/at/all"])
def test_an_address_that_is_none_is_a_problem(theirs, path):
    assert problem(theirs.get(path))["status"] == 404


def test_another_method_is_a_problem_that_names_those_that_are(theirs):
    response = theirs.ask("POST", "/mailboxes", {})

    assert problem(response)["status"] == 405
    assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_a_problem(theirs, body):
    response = theirs.client.generic(
        "PUT", f"/api/v1{ANN}", body, "application/json", secure=True, **theirs.extra
    )

    assert problem(response)["status"] == 400


@pytest.mark.parametrize("body", ["[]", "1", '"x"', "null", ""])
def test_a_body_that_is_no_object_is_a_problem(theirs, body):
    response = theirs.client.generic(
        "PUT", f"/api/v1{ANN}", body, "application/json", secure=True, **theirs.extra
    )

    assert problem(response)["status"] in {400, 422}


def test_a_large_body_is_a_problem(theirs, settings):
    response = theirs.put(ANN, {"name": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE})

    assert problem(response)["status"] in {400, 413}


@pytest.mark.parametrize(
    ("number", "name"),
    [(1213, "busy"), (2006, "away"), (1290, "read only"), (1040, "connections")],
)
def test_a_database_that_cannot_do_it_now_is_asked_again_later(theirs, monkeypatch, number, name):
    def fail(*args, **kwargs):
        raise OperationalError(number, name)

    monkeypatch.setattr("mailboxes.api.record_for", fail)

    response = theirs.get("/mailboxes")

    assert problem(response)["status"] == 503
    assert response.headers["Retry-After"] == "5"


def test_sentences_are_in_the_language_that_is_asked_for(theirs):
    told = problem(theirs.put(ANN, {"password": "kurz"}, **{"Accept-Language": "de"}))

    assert "mindestens 10 Zeichen" in told["detail"]


def test_an_error_of_ours_is_a_problem_that_tells_nothing(theirs, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("a secret")

    monkeypatch.setattr("mailboxes.api.record_for", fail)
    theirs.client.raise_request_exception = False

    response = theirs.get("/mailboxes")

    assert problem(response)["status"] == 500
    assert "secret" not in response.content.decode()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"CONTENT_LENGTH": "999999999"}, 413),
        ({"CONTENT_LENGTH": "x"}, 400),
        ({"CONTENT_TYPE": "application/json; charset=utf-16"}, 400),
    ],
)
def test_what_is_refused_before_it_is_read_is_a_problem_too(sent, status):
    told = []
    environ = {"REQUEST_METHOD": "PUT", "PATH_INFO": "/api/v1/domains/example.org"} | sent

    body = b"".join(application(environ, lambda *answer: told.append(answer)))

    [(line, headers)] = told
    assert line.startswith(str(status))
    assert dict(headers)["Content-Type"] == "application/problem+json"
    assert json.loads(body)["status"] == status
