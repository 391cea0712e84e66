import json

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import tokens
from panel.rights import RIGHTS
from panel.scoping import rights_of


@pytest.fixture(autouse=True)
def nobody_asked_yet():
    cache.clear()  # requests are counted there


@pytest.fixture
def make_token(db):
    """``make_token(account, rights=["log:read"])``: the text of a token; without rights, of all that the account can give."""

    def make(account, rights=None, name="Billing", **limits):
        text = tokens.drawn()
        given = [right for right in RIGHTS if right in rights_of(account)]
        tokens.make_token(actor=account, token=text, name=name, rights=rights or given, **limits)
        return text

    return make


class Program:
    """Asks /api/v1 with a token, as a program does: no cookies, JSON."""

    def __init__(self, token, **extra):
        self.client, self.extra = Client(**extra), {}
        if token:
            self.extra["HTTP_AUTHORIZATION"] = f"Bearer {token}"

    def ask(self, method, path, body=None, **headers):
        return self.client.generic(
            method,
            f"/api/v1{path}",
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers=headers or None,
            secure=True,
            **self.extra,
        )

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def put(self, path, body, **headers):
        return self.ask("PUT", path, body, **headers)

    def patch(self, path, body, **headers):
        return self.ask("PATCH", path, body, **headers)

    def post(self, path, body=None, **headers):
        return self.ask("POST", path, body, **headers)

    def delete(self, path, **headers):
        return self.ask("DELETE", path, **headers)


@pytest.fixture
def program():
    return Program


@pytest.fixture
def root(make_admin, make_token):
    """A program with a token of a superadmin that may everything."""
    return Program(make_token(make_admin("root@example.org", superadmin=True)))


@pytest.fixture
def theirs(example_org, make_admin, make_token):
    """A program with a token of the domain admin of example.org."""
    return Program(make_token(make_admin("theirs@example.org", domains=["example.org"])))
