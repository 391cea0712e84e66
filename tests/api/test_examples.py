"""What the description gives as examples is taken, and what it says of queries is so."""

import pytest

from panel.rights import OF_MAILBOX_USERS_ALONE
from tests import making
from tests.api import rows
from tests.api.conftest import Program
from tests.api.test_schema import OPERATIONS, SCHEMA

# An alias domain leads to the domain of the rows, which so joins none: tests/api/test_parting_and_joining.py.
OF_OTHER_ROWS = {"POST /api/v1/domains/{name}/join"}
WRITTEN = [label for label in OPERATIONS if label.startswith("P") and label not in OF_OTHER_ROWS]


@pytest.fixture(scope="module")
def accounts(kept_rows):
    making.add_domain("example.org")
    made = (making.add_domain, making.add_mailbox, making.add_alias, making.make_admin)
    root, _theirs, mailbox = rows.fill(*made)
    return root, mailbox


@pytest.fixture
def programs(accounts, db, make_token, settings):
    """Those of a superadmin, and of a mailbox's user, who may have rights of their own."""
    settings.PANEL_URL = "https://panel.example.org/"
    settings.WEBHOOK_HOSTS = ["hooks.example.net"]
    return [(account.pk, Program(make_token(account))) for account in accounts]


@pytest.fixture
def ask(programs):
    """``ask("PUT /api/v1/domains/{name}", "dry_run=true")``: with the example of its body, about a row that is there, or is ``new``."""

    def call(label, query, *, new=False):
        method, path = label.split(" ", 1)
        operation = described(label)
        [(whose, program)] = programs[operation["x-right"] in OF_MAILBOX_USERS_ALONE :][:1]
        path = rows.filled(path.removeprefix("/api/v1"), whose, new=new)
        content = operation.get("requestBody", {}).get("content")
        body = None
        if content:
            name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
            body = SCHEMA.raw_schema["components"]["schemas"][name]["examples"][0]
        return program.ask(method, f"{path}?{query}", body)

    return call


def described(label):
    method, path = label.split(" ", 1)
    return SCHEMA.raw_schema["paths"][path][method.lower()]


def queries(label):
    return {one["name"] for one in described(label)["parameters"] if one["in"] == "query"}


@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize("label", WRITTEN)
def test_the_examples_of_bodies_are_taken(label, new, ask):
    response = ask(label, "dry_run=true", new=new and label.startswith("PUT"))

    assert response.status_code == 200, response.content


def test_queries_take_what_is_described_and_nothing_else(ask):
    wanted = {label: queries(label) for label in OPERATIONS if queries(label)}
    found = {}
    for label in wanted:
        required = "&address=joe@example.org" if label.endswith("/trace") else ""
        response = ask(label, f"dryrun=true{required}")
        begin, _colon, known = response.json()["detail"].rpartition(": ")
        assert (label, begin) == (label, "Unknown in the query: dryrun. It takes")
        found[label] = set(known.rstrip(".").split(", "))

    assert found == wanted
