"""Who may write to an alias, last days, other names, and addresses that users make."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import LogEntry
from accounts.services import update_admin
from aliases.models import Alias, Ending, OwnAlias
from mailboxes.models import Mailbox

SALES, ANN = "/aliases/sales@example.org", "/mailboxes/ann@example.org"
DAY = (timezone.localdate() + timedelta(days=90)).isoformat()


@pytest.fixture
def rows(example_org, add_mailbox, add_alias):
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "ann@example.org")


# --- Who may write to it


@pytest.mark.parametrize("access", ["internal", "members", "everybody"])
def test_who_may_write_is_what_was_sent(theirs, rows, access):
    told = theirs.patch(SALES, {"access": access}).json()

    assert (told["access"], told["access_text"]) == (access, "")
    entries = LogEntry.objects.count()
    assert theirs.put(SALES, told).json() == told
    assert LogEntry.objects.count() == entries


def test_an_alias_is_closed_and_has_moved(theirs, rows):
    closed = theirs.patch(SALES, {"access": "closed"})
    moved = theirs.patch(SALES, {"access": "moved", "access_text": "shop@example.net"})

    assert closed.json()["access_text"] == "This address is closed"
    assert moved.json()["access_text"] == "shop@example.net"
    assert Alias.objects.get(pk="sales@example.org").access == "moved"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"access": "nobody"}, "/access"),
        ({"access": "moved"}, "/access_text"),
        ({"access": "moved", "access_text": "x"}, "/access_text"),
        ({"access": "moved", "access_text": "sales@example.org"}, "/access_text"),
        ({"access": "closed", "access_text": "fermé"}, "/access_text"),
    ],
)
def test_what_is_wrong_of_it_is_told_where(theirs, rows, body, pointer):
    response = theirs.patch(SALES, body)

    assert response.status_code == 422
    assert [one["pointer"] for one in response.json()["errors"]] == [pointer]


# --- Last days


def test_an_alias_gets_a_last_day_and_loses_it(theirs, rows):
    path = f"{SALES}/last-day"
    assert theirs.get(path).status_code == 404

    made = theirs.put(path, {"last_day": DAY, "then": "delete"})
    again = theirs.put(path, made.json())
    changed = theirs.patch(path, {"then": "off"})

    assert (made.status_code, made.json()) == (201, {"last_day": DAY, "then": "delete"})
    assert (again.status_code, again.json()) == (200, made.json())
    assert changed.json() == {"last_day": DAY, "then": "off"}
    assert LogEntry.objects.filter(action="set_ending").count() == 2
    assert [theirs.delete(path).status_code for _n in range(2)] == [204, 404]
    assert not Ending.objects.exists()


def test_mail_of_a_mailbox_leads_elsewhere_after_its_last_day(theirs, rows):
    sent = {"last_day": DAY, "then": "lead", "forward_to": "bob@elsewhere.test", "forward_days": 30}

    made = theirs.put(f"{ANN}/last-day", sent)

    assert (made.status_code, made.json()) == (201, sent)
    ending = Ending.objects.get()
    assert (ending.goto, ending.days) == ("bob@elsewhere.test", 30)


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        (SALES, {"last_day": "2020-01-01"}, "/last_day"),
        (SALES, {"last_day": None}, "/last_day"),
        (SALES, {"last_day": "x"}, "/last_day"),
        (SALES, {"last_day": DAY, "then": "lead"}, "/then"),
        (ANN, {"last_day": DAY, "then": "lead", "forward_to": "b@c.test"}, "/forward_days"),
        (ANN, {"last_day": DAY, "then": "lead", "forward_days": 3}, "/forward_to"),
        (
            ANN,
            {"last_day": DAY, "then": "lead", "forward_days": 3, "forward_to": "ann@example.org"},
            "/forward_to",
        ),
    ],
)
def test_a_last_day_that_is_wrong_is_told_where(theirs, rows, path, body, pointer):
    response = theirs.put(f"{path}/last-day", body)

    assert response.status_code == 422
    assert [one["pointer"] for one in response.json()["errors"]] == [pointer]
    assert not Ending.objects.exists()


# --- Other names


def test_an_alias_is_renamed_and_what_leads_to_it_follows(theirs, rows, add_alias):
    add_alias("all@example.org", "sales@example.org")

    renamed = theirs.post(f"{SALES}/rename", {"local_part": "shop"})

    assert (renamed.status_code, renamed.json()["address"]) == (200, "shop@example.org")
    assert theirs.get(SALES).json()["targets"] == ["shop@example.org"]
    assert theirs.get("/aliases/all@example.org").json()["targets"] == ["shop@example.org"]


@pytest.mark.parametrize("path", [ANN, SALES])
@pytest.mark.parametrize("role", ["aliases", "read"])
def test_what_leads_to_it_follows_where_aliases_may_be_changed(
    role, path, rows, add_domain, add_alias, make_admin, make_token, program
):
    add_domain("third.example")
    address = path.rpartition("/")[2]
    add_alias("all@third.example", address)
    admin = make_admin(domains=["example.org", "third.example"])
    asked = program(
        make_token(update_admin(actor=None, admin=admin, roles={"third.example": role}))
    )
    sent = {"local_part": "new", "keep_alias": False}

    foretold = asked.post(f"{path}/rename?dry_run=true", sent).json()
    renamed = asked.post(f"{path}/rename", sent)

    follows = role == "aliases"
    assert renamed.status_code == 200
    assert ("all@third.example" in json.dumps(foretold["also"])) is follows
    goto = Alias.objects.get(pk="all@third.example").goto
    assert goto == ("new@example.org" if follows else address)


def test_the_old_name_is_given_up_if_that_is_wanted(theirs, rows):
    sent = {"local_part": "lee", "keep_alias": False}

    assert theirs.post(f"{ANN}/rename", sent).status_code == 200

    assert theirs.get("/aliases/ann@example.org").status_code == 404
    assert theirs.get(SALES).json()["targets"] == ["lee@example.org"]


def test_a_mailbox_moves_to_another_domain_of_ones_own_alone(
    rows, add_domain, other_net, make_admin, make_token, program
):
    add_domain("example.net")
    asked = program(make_token(make_admin(domains=["example.org", "example.net"])))

    foreign = asked.post(f"{ANN}/rename", {"local_part": "ann", "domain": "other.net"})
    own = asked.post(f"{ANN}/rename", {"local_part": "ann", "domain": "example.net"})

    assert foreign.status_code == 422
    assert [one["pointer"] for one in foreign.json()["errors"]] == ["/domain"]
    assert own.json()["address"] == "ann@example.net"


@pytest.mark.parametrize(("path", "name"), [(SALES, "ann"), (ANN, "sales"), (ANN, "ann")])
def test_a_name_that_is_taken_is_a_conflict(theirs, rows, path, name):
    response = theirs.post(f"{path}/rename", {"local_part": name})

    assert response.status_code == 409
    assert [one["pointer"] for one in response.json()["errors"]] == ["/local_part"]


@pytest.mark.parametrize("path", [SALES, ANN])
def test_a_dry_run_is_the_preview_of_the_page(theirs, rows, path):
    told = theirs.post(f"{path}/rename?dry_run=true", {"local_part": "shop"}).json()

    assert told["result"]["address"] == "shop@example.org"
    says = [one["says"] for one in told["also"]["changes"]]
    old = path.rpartition("/")[2]
    assert f"{old} becomes an alias that leads to shop@example.org." in says
    assert told["also"]["stays"]
    assert theirs.get(path).status_code == 200
    assert not Alias.objects.filter(pk="shop@example.org").exists()


# --- Addresses of one's own


@pytest.fixture
def own(rows, theirs, make_token, program):
    assert theirs.put(f"{ANN}/own-addresses-limit", {"most": 2}).json() == {"most": 2}
    return program(make_token(Mailbox.objects.get(pk="ann@example.org")))


def test_a_user_makes_changes_and_deletes_an_address(own):
    path = "/own-addresses/shop@example.org"

    made = own.put(path, {"note": "Book shop", "last_day": DAY})
    again = own.put(path, made.json())
    changed = own.patch(path, {"active": False})

    told = made.json()
    assert made.status_code == 201
    assert told | {"created": ""} == {
        "address": "shop@example.org",
        "mailbox": "ann@example.org",
        "note": "Book shop",
        "active": True,
        "last_day": DAY,
        "created": "",
    }
    assert (again.status_code, again.json()) == (200, told)
    assert changed.json() == told | {"active": False}
    assert own.get("/own-addresses").json()["items"] == [changed.json()]
    assert own.put(path, {"note": "x"}).json()["errors"][0]["pointer"] == "/last_day"
    assert [own.delete(path).status_code for _n in range(2)] == [204, 404]


def test_a_name_that_nobody_guesses_is_drawn_once_for_a_key(own):
    answers = [own.post("/own-addresses", {}, **{"Idempotency-Key": "1"}) for _n in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["address"].endswith("@example.org")
    assert OwnAlias.objects.count() == 1


def test_the_limit_holds(own):
    for name in ("one", "two"):
        assert own.put(f"/own-addresses/{name}@example.org", {}).status_code == 201

    refused = own.put("/own-addresses/three@example.org", {})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/address")
    assert own.put("/own-addresses/x@other.net", {}).status_code == 404


@pytest.mark.parametrize("name", ["postmaster", "ann", "sales"])
def test_a_name_that_is_no_users_is_refused(own, name):
    response = own.put(f"/own-addresses/{name}@example.org", {})

    assert response.status_code in {409, 422}
    assert [one["pointer"] for one in response.json()["errors"]] == ["/address"]


def test_an_alias_of_an_administrator_is_not_the_users(own):
    assert own.patch("/own-addresses/sales@example.org", {"active": False}).status_code == 404
    assert own.delete("/own-addresses/sales@example.org").status_code == 404


def test_administrators_see_them_and_say_how_many(own, theirs):
    own.put("/own-addresses/shop@example.org", {})

    assert [row["mailbox"] for row in theirs.get("/own-addresses").json()["items"]] == [
        "ann@example.org"
    ]
    assert theirs.get("/own-addresses?mailbox=bob@example.org").json()["items"] == []
    assert theirs.put("/own-addresses/x@example.org", {}).status_code == 403
    path = "/domains/example.org/own-addresses-limit"
    assert theirs.get(path).json() == {"most": None}
    assert theirs.put(path, {"most": 7}).json() == theirs.get(path).json() == {"most": 7}
    assert theirs.put(path, {"most": 10**9}).status_code == 422
    assert own.get(path).status_code == 403
