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

from accounts import activity
from domains.deliveries import RESULTS
from mailadmin.api import api
from mailadmin.wsgi import application

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


def test_anybody_may_read_the_description():
    response = Client().get("/api/v1/openapi.json", secure=True)

    told = response.json()
    assert (response.status_code, told["openapi"], told["info"]["title"]) == (
        200,
        "3.1.0",
        "mailadmin",
    )
    assert "/api/v1/mailboxes/{address}" in told["paths"]


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        ("/log", "kind", activity.KINDS),
        ("/deliveries", "result", RESULTS),
    ],
)
def test_a_filter_says_which_values_it_takes(path, name, values, root, settings):
    settings.DELIVERY_LOGS = ["mail.log"]
    parameters = api.get_openapi_schema()["paths"][f"/api/v1{path}"]["get"]["parameters"]
    [told] = [one for one in parameters if one["name"] == name]

    assert told["schema"]["enum"] == [*values]
    assert told["description"].endswith(f" One of {', '.join(values)}.")
    assert {root.get(f"{path}?{name}={value}").status_code for value in values} == {200}
    assert root.get(f"{path}?{name}=other").status_code == 422
