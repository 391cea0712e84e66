"""The delivery log for programs: as on its page, each role finds the rows of its domains."""

import pytest

from mailboxes.models import Mailbox
from tests.api.conftest import Program, make_token, nobody_asked_yet  # noqa: F401
from tests.deliveries.test_pages import SEEN, ours, roles  # noqa: F401


@pytest.fixture
def asked_by(roles, make_token):  # noqa: F811
    return {role: Program(make_token(roles[role])) for role in roles}


def recipients(page):
    return [row["recipient"] for row in page.json()["items"]]


@pytest.mark.parametrize("role", SEEN)
def test_each_role_finds_the_rows_of_its_domains(role, asked_by):
    assert recipients(asked_by[role].get("/deliveries")) == SEEN[role]


def test_a_row_is_told_in_full(asked_by):
    [row] = asked_by["root"].get("/deliveries?id=between@x").json()["items"]

    assert row.keys() >= {"at", "queue_id", "relay", "size_bytes"}
    assert (row["login"], row["recipient"]) == ("ann@example.org", "eve@other.net")
    assert (row["result"], row["message_id"]) == ("delivered", "between@x")


def test_what_is_the_other_sides_affair_is_not_told(asked_by):
    [row] = asked_by["other"].get("/deliveries?id=between@x").json()["items"]

    assert row["login"] is row["client"] is None


@pytest.mark.parametrize("query", ["address=ann@example.org", "domain=example.org", "id=in@x"])
def test_no_search_finds_rows_of_foreign_domains(asked_by, query):
    found = recipients(asked_by["other"].get(f"/deliveries?{query}"))

    assert "ann@example.org" not in found


def test_it_is_read_page_by_page(asked_by):
    path, found = "/deliveries?limit=2", []
    while path:
        page = asked_by["root"].get(path)
        found += recipients(page)
        path = page.json()["next"] and page.json()["next"].partition("/api/v1")[2]

    assert found == SEEN["root"]


@pytest.mark.parametrize("query", ["after=x", "day=x", "day=2026-02-30", "result=lost", "x=1"])
def test_a_search_that_is_not_understood_is_refused(asked_by, query):
    assert asked_by["root"].get(f"/deliveries?{query}").status_code == 422


def test_a_user_finds_the_own_mail_where_that_is_on(ours, make_token, settings):  # noqa: F811
    asked = Program(make_token(Mailbox.objects.get(pk="ann@example.org")))

    settings.DELIVERIES_FOR_USERS = False
    assert asked.get("/deliveries").json()["items"] == []
    settings.DELIVERIES_FOR_USERS = True
    assert recipients(asked.get("/deliveries")) == ["eve@other.net", "ann@example.org"]
    assert recipients(asked.get("/deliveries?address=eve@other.net")) == [
        "eve@other.net",
        "ann@example.org",
    ]
