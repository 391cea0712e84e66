"""SCIM 2.0 at /scim/v2: what Okta and Entra ID send."""

from urllib.parse import quote

import pytest
from django.test import Client

from accounts.models import LogEntry, PanelSession
from mailboxes.app_passwords import drawn, make_app_password
from mailboxes.models import Mailbox
from tests.api.scim import (
    ANN,
    ENTRA_CREATE,
    ENTRA_OFF,
    ENTRA_OFF_BY_VALUE,
    ENTRA_OFF_IN_LIST,
    OKTA_CREATE,
    OKTA_OFF,
    PATCH,
    USER,
    Provider,
    off,
    refusal,
)
from tests.api.scim import (
    admin as admin,
)
from tests.api.scim import (
    ann as ann,
)
from tests.api.scim import (
    provider as provider,
)

# --- What it says of itself


def test_it_says_what_it_can_do(provider):
    config = provider.get("/ServiceProviderConfig")
    assert config.headers["Content-Type"] == "application/scim+json"
    assert config.json()["patch"] == {"supported": True}
    assert config.json()["filter"]["maxResults"] == 200
    assert config.json()["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    [kind] = provider.get("/ResourceTypes").json()["Resources"]
    assert (kind["endpoint"], kind["schema"]) == ("/Users", USER)
    [schema] = provider.get("/Schemas").json()["Resources"]
    assert provider.get("/ResourceTypes/User").json() == kind
    assert provider.get(f"/Schemas/{USER}").json() == schema
    named = {one["name"]: one for one in schema["attributes"]}
    assert named["active"]["type"] == "boolean"
    assert named["userName"]["mutability"] == "immutable"


@pytest.mark.parametrize("path", ["/Schemas/x", "/ResourceTypes/Group", "/Groups", "/Users/", "/"])
def test_what_is_not_there_is_404_as_scim_says_it(provider, path):
    assert refusal(provider.get(path)) == (404, None)


# --- Reading


def test_okta_and_entra_look_for_a_user_before_they_create_one(provider, ann):
    none = provider.found('userName eq "joe@example.org"')
    assert (none["totalResults"], none["Resources"]) == (0, [])
    assert none["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
    # Entra's test of the connection asks for what is no address.
    assert provider.found('userName eq "Test_User_dfeef4c5"')["totalResults"] == 0
    assert provider.found('externalId eq "0a21f0f2"')["totalResults"] == 0

    for text in (
        'userName eq "ann@example.org"',
        'username Eq "ANN@Example.org"',
        f'{USER}:userName eq "ann@example.org"',
        'emails[type eq "work"].value eq "ann@example.org"',
        'id eq "ann@example.org"',
    ):
        found = provider.found(text)
        assert (found["totalResults"], found["itemsPerPage"]) == (1, 1), text
        assert found["Resources"][0]["userName"] == "ann@example.org"


@pytest.mark.parametrize(
    "text",
    [
        'userName sw "a"',
        'userName eq "a" or userName eq "b"',
        "userName eq a",
        "userName",
        'title eq "x"',
        'userName eq "\\ud800"',
        'userName eq "' + "[" * 5000,
    ],
)
def test_another_filter_is_refused(provider, text):
    response = provider.get(f"/Users?filter={quote(text)}")

    assert refusal(response) == (400, "invalidFilter")


def test_a_user_is_shown_with_where_it_is(provider, ann):
    body = provider.get(ANN).json()

    assert body == {
        "schemas": [USER],
        "id": "ann@example.org",
        "userName": "ann@example.org",
        "displayName": "Ann Lee",
        "name": {"formatted": "Ann Lee"},
        "active": True,
        "emails": [{"value": "ann@example.org", "type": "work", "primary": True}],
        "meta": {
            "resourceType": "User",
            "created": body["meta"]["created"],
            "lastModified": body["meta"]["lastModified"],
            "location": "https://testserver/scim/v2/Users/ann@example.org",
        },
    }
    assert body["meta"]["created"].endswith("Z")


def test_attributes_are_chosen(provider, ann):
    some = provider.get(f"{ANN}?attributes=userName,name.formatted").json()
    rest = provider.get(f"{ANN}?excludedAttributes=emails,groups").json()

    assert set(some) == {"schemas", "id", "meta", "userName", "name"}
    assert "emails" not in rest
    assert "active" in rest


def test_a_list_has_pages(provider, add_mailbox):
    for number in range(5):
        add_mailbox(f"m{number}@example.org")

    def names(query):
        found = provider.get(f"/Users?{query}").json()
        assert found["totalResults"] == 5
        return found["startIndex"], [row["userName"][:2] for row in found["Resources"]]

    assert names("") == (1, ["m0", "m1", "m2", "m3", "m4"])
    assert names("startIndex=2&count=2") == (2, ["m1", "m2"])
    assert names("startIndex=5&count=100") == (5, ["m4"])
    assert names("startIndex=9") == (9, [])
    assert names("count=0") == (1, [])
    assert names("startIndex=0&count=-1") == (1, [])
    assert names("startIndex=-3&count=1000000")[0] == 1
    assert refusal(provider.get("/Users?count=many")) == (400, "invalidValue")


# --- Creating


@pytest.mark.parametrize("body", [OKTA_CREATE, ENTRA_CREATE], ids=["Okta", "Entra"])
def test_a_user_is_created(provider, body):
    response = provider.ask("POST", "/Users", body)

    assert response.status_code == 201
    assert response.headers["Location"] == "https://testserver/scim/v2/Users/ann@example.org"
    assert "password" not in response.json()
    mailbox = Mailbox.objects.get()
    assert (mailbox.pk, mailbox.name, mailbox.active) == ("ann@example.org", "Ann Lee", True)
    if "password" in body:
        assert mailbox.check_password(body["password"])
    entry = LogEntry.objects.get(action="create_mailbox")
    assert entry.username == "it@example.org (127.0.0.1, token Okta)"


def test_a_new_mailbox_has_the_domains_quota(add_domain, make_admin, make_token):
    add_domain("small.example", maxquota=100)
    provider = Provider(make_token(make_admin(domains=["small.example"])))

    created = provider.ask("POST", "/Users", {"userName": "ann@small.example", "name": {}})

    assert created.status_code == 201
    assert Mailbox.objects.get().quota_mb == 100


def test_a_user_is_created_off(provider):
    provider.ask("POST", "/Users", ENTRA_CREATE | {"active": "False"})

    assert off(Mailbox.objects.get())


def test_what_is_there_is_a_conflict(provider, ann):
    assert refusal(provider.ask("POST", "/Users", OKTA_CREATE)) == (409, "uniqueness")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"userName": ""},
        {"userName": "ann"},
        {"userName": "@example.org"},
        {"userName": 7},
        {"userName": "ann@example.org", "active": "maybe"},
        {"userName": "ann@example.org", "active": 1},
        {"userName": "ann@example.org", "displayName": "A\x00"},
        {"userName": "ann@example.org", "displayName": "\ud800"},
        {"userName": "ann@example.org", "displayName": "x" * 300},
        {"userName": "ann@example.org", "name": "Ann"},
        {"userName": "a b@example.org"},
        {"userName": "ann@example.org", "password": "short"},
    ],
)
def test_what_makes_no_mailbox_is_refused(provider, body):
    assert refusal(provider.ask("POST", "/Users", {"schemas": [USER]} | body)) == (
        400,
        "invalidValue",
    )
    assert not Mailbox.objects.exists()


@pytest.mark.parametrize("text", ["", "x", "[]", "7", "{", "[" * 100_000])
def test_what_is_no_json_object_is_refused(provider, text):
    assert refusal(provider.ask("POST", "/Users", text)) == (400, "invalidSyntax")
    assert refusal(provider.ask("PATCH", ANN, text)) == (400, "invalidSyntax")


# --- Switching off


@pytest.mark.parametrize(
    "body",
    [OKTA_OFF, ENTRA_OFF, ENTRA_OFF_IN_LIST, ENTRA_OFF_BY_VALUE],
    ids=["Okta", "Entra", "Entra, with others", "Entra, without a path"],
)
def test_a_user_is_switched_off(provider, ann, body):
    response = provider.ask("PATCH", ANN, body)

    assert response.status_code == 200
    assert response.json()["active"] is False
    assert off(ann)
    assert provider.found('userName eq "ann@example.org"')["Resources"][0]["active"] is False


def test_okta_switches_off_by_put_too_and_on_again(provider, ann):
    whole = OKTA_CREATE | {"id": "ann@example.org", "active": False}
    assert provider.ask("PUT", ANN, whole).json()["active"] is False
    assert off(ann)

    assert provider.ask("PUT", ANN, whole | {"active": True}).json()["active"] is True


def test_what_says_nothing_of_active_switches_nothing(provider, ann):
    provider.ask("PATCH", ANN, OKTA_OFF)
    whole = {"schemas": [USER], "userName": "ann@example.org", "displayName": "Ann"}
    provider.ask("PUT", ANN, whole)
    assert off(ann)
    provider.ask("PUT", ANN, whole | {"active": None})
    assert off(ann)


@pytest.fixture
def opened(ann, make_token, password, sign_in):
    """Everything that opens Ann's mailbox."""
    app = drawn()
    make_app_password(actor=ann, password=app, name="Phone", protocols=["imap"])
    return {"token": make_token(ann), "session": sign_in(ann), "app": app}


def test_who_is_switched_off_gets_in_nowhere(
    provider, ann, opened, password, program, django_capture_on_commit_callbacks, monkeypatch
):
    kicked = []
    monkeypatch.setattr("panel.helper.is_there", lambda: True)
    monkeypatch.setattr("panel.helper.ask", lambda *words: kicked.append(words))

    # Dovecot's own queries, for app passwords too: tests/contract/test_app_passwords.py.
    def state():
        signed_in = opened["session"].get("/account/", secure=True).status_code == 200
        with_password = Client().post(
            "/login/", {"username": ann.pk, "password": password}, secure=True
        )
        by_token = program(opened["token"]).get("/token").status_code == 200
        app = Mailbox.objects.may_sign_in().filter(pk=ann.pk, app_passwords__isnull=False)
        return signed_in, with_password.status_code == 302, by_token, app.exists()

    assert state() == (True, True, True, True)

    with django_capture_on_commit_callbacks(execute=True):
        provider.ask("PATCH", ANN, ENTRA_OFF)

    assert state() == (False, False, False, False)
    assert not PanelSession.objects.of(ann).exists()
    assert ("kick", ann.pk) in kicked


# --- Other changes


@pytest.mark.parametrize(
    ("operations", "name"),
    [
        ([{"op": "replace", "path": "displayName", "value": "Ann Smith"}], "Ann Smith"),
        ([{"op": "Add", "path": "name.formatted", "value": "Ann Smith"}], "Ann Smith"),
        ([{"op": "Replace", "path": "name.familyName", "value": "Smith"}], "Ann Smith"),
        ([{"op": "Replace", "path": "name.givenName", "value": "Anna"}], "Anna Lee"),
        ([{"op": "replace", "value": {"name": {"givenName": "Jo", "familyName": "Ray"}}}], "Jo Ray"),
        ([{"op": "replace", "value": {"displayName": "A", "name.givenName": "B"}}], "A"),
        ([{"op": "remove", "path": "displayName"}], ""),
        ([{"op": "replace", "path": "title", "value": "Boss"}], "Ann Lee"),
        ([{"op": "remove", "path": "title"}], "Ann Lee"),
        ([{"op": "replace", "path": "displayName", "value": "A"}, {"op": "replace", "path": "DISPLAYNAME", "value": "B"}], "B"),
    ],
)  # fmt: skip
def test_a_name_is_changed(provider, ann, operations, name):
    response = provider.ask("PATCH", ANN, {"schemas": [PATCH], "Operations": operations})

    assert (response.status_code, response.json()["displayName"]) == (200, name)
    assert Mailbox.objects.get().name == name


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ({"op": "replace", "path": "userName", "value": "joe@example.org"}, "mutability"),
        ({"op": "remove", "path": "active"}, "mutability"),
        ({"op": "remove", "path": "userName"}, "mutability"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "move", "path": "displayName"}, "invalidSyntax"),
        ({"op": "replace", "value": "x"}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": "off"}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": [False]}, "invalidValue"),
        ({"op": "replace", "path": 7, "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "displayName", "value": {"a": 1}}, "invalidValue"),
        ("replace", "invalidSyntax"),
    ],
)
def test_a_change_that_cannot_be_is_refused(provider, ann, operation, kind):
    before = Mailbox.objects.values().get()

    response = provider.ask("PATCH", ANN, {"schemas": [PATCH], "Operations": [operation]})

    assert refusal(response) == (400, kind)
    assert Mailbox.objects.values().get() == before


@pytest.mark.parametrize("operations", [None, [], {}, "x", [{"op": "replace", "value": {}}] * 101])
def test_a_patch_without_fitting_operations_is_refused(provider, ann, operations):
    response = provider.ask("PATCH", ANN, {"schemas": [PATCH], "Operations": operations})

    assert refusal(response) == (400, "invalidSyntax")


def test_all_of_a_patch_is_done_or_nothing(provider, ann):
    operations = [
        {"op": "replace", "path": "displayName", "value": "Ann Smith"},
        {"op": "replace", "path": "password", "value": "short"},
    ]

    response = provider.ask("PATCH", ANN, {"schemas": [PATCH], "Operations": operations})

    assert response.status_code == 400
    assert Mailbox.objects.get().name == "Ann Lee"


def test_what_says_nothing_of_the_name_keeps_it(provider, ann):
    provider.ask("PATCH", ANN, ENTRA_OFF)
    provider.ask("PUT", ANN, {"userName": "ann@example.org", "active": True})

    assert Mailbox.objects.get().name == "Ann Lee"
    changes = [e.changes for e in LogEntry.objects.filter(action="edit_mailbox_state")]
    assert changes == [{"active": [True, False]}, {"active": [False, True]}]


def test_put_names_the_same_user(provider, ann):
    assert refusal(provider.ask("PUT", ANN, {"displayName": "x"})) == (400, "invalidValue")
    other = {"userName": "joe@example.org", "displayName": "x"}
    assert refusal(provider.ask("PUT", ANN, other)) == (400, "mutability")


def test_a_password_is_pushed_and_the_same_one_changes_nothing(provider, ann):
    new = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"password": "marmalade-9-tricycle"}}]}  # fmt: skip
    assert provider.ask("PATCH", ANN, new).status_code == 200
    stored = Mailbox.objects.get()
    assert stored.check_password("marmalade-9-tricycle")

    provider.ask("PATCH", ANN, new)

    assert Mailbox.objects.get().password == stored.password
    assert LogEntry.objects.filter(action="edit_password").count() == 1


def test_a_weak_password_is_refused_whether_it_is_the_stored_one_or_not(provider, ann):
    Mailbox.objects.update(password="{PLAIN}weak-1")

    refused = [
        refusal(
            provider.ask(
                "PATCH",
                ANN,
                {
                    "schemas": [PATCH],
                    "Operations": [{"op": "replace", "path": "password", "value": password}],
                },
            )
        )
        for password in ("weak-1", "weak-2")
    ]

    assert refused == [(400, "invalidValue")] * 2


def test_a_user_is_deleted_once(provider, ann):
    response = provider.ask("DELETE", ANN)
    assert (response.status_code, response.content) == (204, b"")

    assert refusal(provider.ask("DELETE", ANN)) == (404, None)
    assert refusal(provider.get(ANN)) == (404, None)
