"""Sending as others, and shared mailboxes."""

import pytest

from accounts.models import LogEntry
from mailboxes.models import Mailbox, SendAs, Share

SALES = "/send-as/sales@example.org/by/bob@example.org"
INFO = "/shares/info@example.org/with/bob@example.org"


@pytest.fixture
def mailboxes(example_org, other_net, add_mailbox, add_alias):
    add_alias("sales@example.org", "ann@example.org")
    for name in ("ann@example.org", "bob@example.org", "info@example.org", "eve@other.net"):
        add_mailbox(name)


def test_a_mailbox_is_let_send_as_an_address(theirs, mailboxes):
    made, again = theirs.put(SALES, {}), theirs.put(SALES, {})

    row = {"sender": "sales@example.org", "mailbox": "bob@example.org"}
    assert [(answer.status_code, answer.json()) for answer in (made, again)] == [
        (201, row),
        (200, row),
    ]
    assert theirs.get(SALES).json() == row
    assert theirs.get("/send-as?mailbox=bob@example.org").json()["items"] == [row]
    assert theirs.get("/send-as?sender=info@example.org").json()["items"] == []
    assert [theirs.delete(SALES).status_code for _n in range(2)] == [204, 404]
    assert LogEntry.objects.filter(action="edit_send_as").count() == 2


@pytest.mark.parametrize("name", ["example.org", "@example.org"])
def test_a_mailbox_is_let_send_as_a_whole_domain(theirs, mailboxes, name):
    made = theirs.put(f"/send-as/{name}/by/bob@example.org", {})

    assert made.json() == {"sender": "@example.org", "mailbox": "bob@example.org"}


@pytest.mark.parametrize(
    ("path", "status", "pointer"),
    [
        ("/send-as/none@example.org/by/bob@example.org", 422, "/sender"),
        ("/send-as/sales@example.org/by/eve@other.net", 422, "/mailbox"),
        ("/send-as/sales@example.org/by/none@example.org", 422, "/mailbox"),
        ("/send-as/bob@example.org/by/bob@example.org", 422, "/sender"),
        ("/send-as/eve@other.net/by/bob@example.org", 404, None),
    ],
)
def test_both_ends_must_be_ones_own(theirs, mailboxes, path, status, pointer):
    response = theirs.put(path, {})

    assert response.status_code == status
    assert [one["pointer"] for one in response.json().get("errors", [])] == [pointer][
        : status == 422
    ]
    assert not SendAs.objects.exists()


def test_a_user_gives_the_own_address_and_takes_it_back(mailboxes, make_token, program, root):
    bob = program(make_token(Mailbox.objects.get(pk="bob@example.org")))
    root.put(SALES, {})
    path = "/send-as/bob@example.org/by/ann@example.org"

    assert bob.put(path, {}).status_code == 201
    assert len(bob.get("/send-as").json()["items"]) == 2
    assert bob.put("/send-as/info@example.org/by/ann@example.org", {}).status_code == 404
    # What somebody else gave is not Bob's to take away.
    assert bob.delete(SALES).status_code == 404
    assert bob.delete(path).status_code == 204
    assert SendAs.objects.get().sender == "sales@example.org"


def test_a_mailbox_is_shared_changed_and_no_longer(theirs, mailboxes):
    made = theirs.put(INFO, {"send_as": False})
    changed = theirs.patch(INFO, {"may_write": False})
    again = theirs.put(INFO, changed.json())

    row = Share.objects.get()
    told = {
        "mailbox": "info@example.org",
        "person": "bob@example.org",
        "may_write": True,
        "send_as": False,
        "applied": False,
    }
    assert (made.status_code, made.json() | {"command": ""}) == (201, told | {"command": ""})
    assert changed.json() == told | {"may_write": False, "command": row.command}
    assert (again.status_code, again.json()) == (200, changed.json())
    assert theirs.get("/shares?person=bob@example.org").json()["items"] == [changed.json()]
    assert [theirs.delete(INFO).status_code for _n in range(2)] == [204, 404]


def test_a_share_tells_whether_the_person_may_send_as_it(theirs, mailboxes):
    theirs.put(INFO, {})
    theirs.put("/shares/info@example.org/with/ann@example.org", {"send_as": False})

    told = {row["person"]: row["send_as"] for row in theirs.get("/shares").json()["items"]}

    assert told == {"bob@example.org": True, "ann@example.org": False}
    assert theirs.get(INFO).json()["send_as"] is True


def test_a_person_elsewhere_opens_nothing(theirs, mailboxes):
    response = theirs.put("/shares/info@example.org/with/eve@other.net", {})

    assert [one["pointer"] for one in response.json()["errors"]] == ["/person"]
    assert not Share.objects.exists()


def test_a_user_sees_and_ends_what_is_shared_of_the_own_mailbox(
    theirs, mailboxes, make_token, program
):
    theirs.put(INFO, {})
    info = program(make_token(Mailbox.objects.get(pk="info@example.org")))
    bob = program(make_token(Mailbox.objects.get(pk="bob@example.org")))

    assert len(info.get("/shares").json()["items"]) == len(bob.get("/shares").json()["items"]) == 1
    assert info.put("/shares/info@example.org/with/ann@example.org", {}).status_code == 403
    assert bob.delete(INFO).status_code == 404
    assert info.delete(INFO).status_code == 204
    assert not Share.objects.exists()


def test_a_dry_run_asks_the_helper_nothing(theirs, mailboxes, settings):
    settings.HELPER_SOCKET = "/nowhere"

    told = theirs.put(f"{INFO}?dry_run=true", {}).json()
    done = theirs.put(INFO, {})

    assert (told["status"], told["result"]["applied"]) == (201, True)
    assert done.status_code == 503
    assert not Share.objects.exists()
