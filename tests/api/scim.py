"""What identity providers send at /scim/v2, and one that does."""

import json
from urllib.parse import quote

import pytest
from django.test import Client

from mailboxes.models import Mailbox

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
ANN = "/Users/ann@example.org"

# Bodies as their documentation and their logs have them.
OKTA_CREATE = {
    "schemas": [USER],
    "userName": "ann@example.org",
    "name": {"givenName": "Ann", "familyName": "Lee"},
    "emails": [{"primary": True, "value": "ann@example.org", "type": "work"}],
    "displayName": "Ann Lee",
    "locale": "en-US",
    "externalId": "00ujl29u0le5T6Aj10h7",
    "groups": [],
    "password": "1mz050nq-Tangerine",
    "active": True,
}
ENTRA_CREATE = {
    "schemas": [USER, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": "Ann@Example.org",
    "active": True,
    "displayName": "Ann Lee",
    "emails": [{"primary": True, "type": "work", "value": "ann@example.org"}],
    "meta": {"resourceType": "User"},
    "name": {"formatted": "Ann Lee", "familyName": "Lee", "givenName": "Ann"},
    "roles": [],
    f"{ENTERPRISE}": {"department": "Sales"},
}
OKTA_OFF = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
ENTRA_OFF = {
    "schemas": [PATCH],
    "Operations": [{"op": "Replace", "path": "active", "value": "False"}],
}
ENTRA_OFF_IN_LIST = {
    "schemas": [PATCH],
    "Operations": [
        {"op": "Add", "path": "displayName", "value": "Ann Smith"},
        {"op": "Replace", "path": f"{USER}:active", "value": False},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ann@example.org"},
    ],
}
ENTRA_OFF_BY_VALUE = {
    "schemas": [PATCH],
    "Operations": [
        {
            "op": "replace",
            "value": {
                "active": "false",
                "name.formatted": "Ann Smith",
                f"{ENTERPRISE}:department": "Sales",
            },
        }
    ],
}


class Provider:
    """An identity provider with a token."""

    def __init__(self, token):
        self.client, self.token = Client(), token

    def ask(self, method, path, body=None, **extra):
        sent = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return self.client.generic(
            method,
            f"/scim/v2{path}",
            sent,
            content_type="application/scim+json",
            headers=headers,
            secure=True,
            **extra,
        )

    def get(self, path):
        return self.ask("GET", path)

    def found(self, text):
        return self.get(f"/Users?filter={quote(text)}&startIndex=1&count=100").json()


@pytest.fixture
def admin(example_org, make_admin):
    return make_admin("it@example.org", domains=["example.org"])


@pytest.fixture
def provider(admin, make_token):
    return Provider(make_token(admin, name="Okta"))


@pytest.fixture
def ann(example_org, add_mailbox):
    return add_mailbox("ann@example.org", name="Ann Lee")


def off(mailbox):
    return not Mailbox.objects.get(pk=mailbox.pk).active


def refusal(response):
    assert response.headers["Content-Type"] == "application/scim+json"
    body = response.json()
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(response.status_code)
    assert body["detail"]
    return response.status_code, body.get("scimType")
