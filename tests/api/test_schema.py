"""The description of the API, and that it says what the API does."""

import json

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mailadmin.api import api
from mailadmin.wsgi import application
from panel.rights import OF_MAILBOX_USERS_ALONE
from tests.api import rows
from tests.api.conftest import Program

EXAMPLES = 8  # of each operation, right and wrong
SCHEMA = schemathesis.openapi.from_dict(
    json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))
)
SCHEMA.app = application
OPERATIONS = {
    found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if found.ok() is not None
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Every other example is about a row that is there.
KEYS = {
    "name": "example.org",
    "address": "ann@example.org",
    "number": "1",
    "answer": "1",
    "line": "2",
    "sender": "sales@example.org",
    "person": "bob@example.org",
    "direction": "to",
    "selector": "s1",
    "network": "192.0.2.0/24",
}


class RolledBack(Exception):
    pass


@pytest.fixture
def within_the_test():
    """Let the application leave the test's connection open, as Django's own client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def token(within_the_test, root, example_org, add_mailbox, add_alias, settings, monkeypatch):
    monkeypatch.setattr("panel.helper.ask", lambda verb, argument="": {})
    settings.ALLOWED_HOSTS = ["*"]
    settings.PANEL_URL = "https://panel.example.org/"
    settings.WEBHOOK_HOSTS = ["hooks.example.net"]
    settings.SECURE_SSL_REDIRECT = False
    settings.API_REQUESTS_A_MINUTE = 1_000_000
    add_mailbox("ann@example.org")
    add_mailbox("bob@example.org")
    add_alias("sales@example.org", "ann@example.org")
    return root.extra["HTTP_AUTHORIZATION"]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("label", OPERATIONS)
def test_it_answers_as_it_is_described(label, mode, token):
    operation, asked = OPERATIONS[label], []

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answers_as_described(case):
        asked.append(case)
        if len(asked) % 2:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = KEYS[name]
        try:
            with transaction.atomic():
                response = case.call(headers={"Authorization": token})
                case.validate_response(response, checks=CHECKS)
                raise RolledBack
        except RolledBack:
            pass

    answers_as_described()


@pytest.fixture
def programs(example_org, add_domain, add_mailbox, add_alias, make_admin, make_token, settings):
    """Those of a superadmin, and of a mailbox's user, who may have rights of their own."""
    settings.PANEL_URL = "https://panel.example.org/"
    settings.WEBHOOK_HOSTS = ["hooks.example.net"]
    root, _theirs, mailbox = rows.fill(add_domain, add_mailbox, add_alias, make_admin)
    return [(account.pk, Program(make_token(account))) for account in (root, mailbox)]


# An alias domain leads to the domain of the rows, which so joins none: tests/api/test_parting_and_joining.py.
OF_OTHER_ROWS = {"POST /api/v1/domains/{name}/join"}
WRITTEN = [label for label in OPERATIONS if label.startswith("P") and label not in OF_OTHER_ROWS]


@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize("label", WRITTEN)
def test_the_examples_of_bodies_are_taken(label, new, programs):
    method, path = label.split(" ", 1)
    operation = SCHEMA.raw_schema["paths"][path][method.lower()]
    [(whose, program)] = programs[operation["x-right"] in OF_MAILBOX_USERS_ALONE :][:1]
    path = rows.filled(path.removeprefix("/api/v1"), whose, new=new and method == "PUT")
    content = operation.get("requestBody", {}).get("content")
    body = None
    if content:
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        body = SCHEMA.raw_schema["components"]["schemas"][name]["examples"][0]

    response = program.ask(method, f"{path}?dry_run=true", body)

    assert response.status_code == 200, response.content


def test_anybody_may_read_the_description():
    response = Client().get("/api/v1/openapi.json", secure=True)

    told = response.json()
    assert (response.status_code, told["openapi"], told["info"]["title"]) == (
        200,
        "3.1.0",
        "mailadmin",
    )
    assert "/api/v1/mailboxes/{address}" in told["paths"]
