"""SCIM 2.0 at /scim/v2: who may not."""

import pytest

from accounts.models import Admin
from accounts.services import update_admin
from mailboxes.models import Mailbox
from mailboxes.services import update_mailbox
from panel.transactions import Unavailable
from tests.api.scim import (
    ANN,
    OKTA_CREATE,
    OKTA_OFF,
    Provider,
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


def every_write(provider):
    return [
        provider.ask("POST", "/Users", OKTA_CREATE).status_code,
        provider.ask("PUT", ANN, OKTA_CREATE | {"displayName": "x"}).status_code,
        provider.ask("PATCH", ANN, OKTA_OFF).status_code,
        provider.ask("DELETE", ANN).status_code,
    ]


def untouched(mailbox):
    return Mailbox.objects.filter(pk=mailbox.pk, active=True, name="Ann Lee").exists()


@pytest.mark.parametrize("token", ["", "mailadmin_" + "a" * 43, "x"])
def test_without_a_valid_token_nothing_is_told(provider, ann, token):
    stranger = Provider(token)

    for path in ("/Users", ANN, "/ServiceProviderConfig", "/Schemas", "/ResourceTypes"):
        response = stranger.get(path)
        assert refusal(response) == (401, None)
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="mailadmin"'
    assert every_write(stranger) == [401] * 4
    assert untouched(ann)


def test_a_session_opens_nothing(admin, sign_in, ann):
    client = sign_in(admin)

    assert client.get(f"/scim/v2{ANN}", secure=True).status_code == 401
    assert client.delete(f"/scim/v2{ANN}", secure=True).status_code == 401
    assert untouched(ann)


def test_a_token_to_read_changes_nothing(admin, make_token, ann):
    reader = Provider(make_token(admin, rights=["mailboxes:read"]))

    assert reader.get(ANN).status_code == 200
    assert every_write(reader) == [403] * 4
    assert untouched(ann)


def test_a_token_to_write_reads_nothing(admin, make_token, ann):
    writer = Provider(make_token(admin, rights=["mailboxes:write"]))

    assert refusal(writer.get("/Users")) == (403, None)
    assert refusal(writer.get(ANN)) == (403, None)


def test_a_token_for_something_else_does_neither(admin, make_token, ann):
    other = Provider(make_token(admin, rights=["aliases:write", "aliases:read"]))

    assert other.get("/Users").status_code == 403
    assert every_write(other) == [403] * 4
    assert other.get("/ServiceProviderConfig").status_code == 200


def test_a_password_needs_the_right_of_its_own(admin, make_token, ann):
    writer = Provider(make_token(admin, rights=["mailboxes:write"]))
    body = {"Operations": [{"op": "replace", "path": "password", "value": "marmalade-9-tricycle"}]}

    assert refusal(writer.ask("PATCH", ANN, body)) == (403, None)
    assert Mailbox.objects.get().password == ann.password


def test_another_domains_user_does_not_exist(make_admin, make_token, other_net, ann):
    stranger = Provider(make_token(make_admin("eve@other.net", domains=["other.net"])))

    assert refusal(stranger.get(ANN)) == (404, None)
    assert stranger.get("/Users").json()["totalResults"] == 0
    assert stranger.found('userName eq "ann@example.org"')["totalResults"] == 0
    assert every_write(stranger) == [400, 404, 404, 404]
    assert untouched(ann)


def test_a_token_of_one_domain_stays_in_it(make_admin, make_token, example_org, other_net, ann, add_mailbox):  # fmt: skip
    add_mailbox("joe@other.net")
    root = make_admin("root@example.org", superadmin=True)
    narrowed = Provider(make_token(root, domains="other.net"))

    assert [row["id"] for row in narrowed.get("/Users").json()["Resources"]] == ["joe@other.net"]
    assert every_write(narrowed) == [400, 404, 404, 404]
    assert untouched(ann)


def test_a_mailboxs_user_sees_the_own_one_alone(make_token, ann, add_mailbox):
    add_mailbox("joe@example.org")
    own = Provider(make_token(ann))

    assert [row["id"] for row in own.get("/Users").json()["Resources"]] == ["ann@example.org"]
    assert own.get("/Users/joe@example.org").status_code == 404
    assert every_write(own) == [403] * 4
    assert untouched(ann)


def test_an_administrator_who_is_off_may_nothing(provider, admin, ann):
    update_admin(actor=None, admin=admin, active=False)

    assert provider.get("/Users").status_code == 401
    assert every_write(provider) == [401] * 4


def test_a_token_is_taken_from_its_networks_alone(admin, make_token, ann):
    far = Provider(make_token(admin, networks="192.0.2.0/24"))

    assert refusal(far.get("/Users")) == (403, None)


def test_who_must_set_another_password_does_that_first(provider, ann):
    Admin.objects.update(must_change=True)

    assert refusal(provider.get("/Users")) == (403, None)


def test_too_many_requests_are_told_to_wait(admin, make_token, settings):
    settings.API_REQUESTS_A_MINUTE = 1
    provider = Provider(make_token(admin))
    provider.get("/Users")

    response = provider.get("/Users")

    assert refusal(response) == (429, None)
    assert int(response.headers["Retry-After"]) > 0


def test_a_database_that_cannot_save_is_503(provider, ann, monkeypatch):
    def refuse(**kwargs):
        raise Unavailable("read_only")

    monkeypatch.setattr("mailboxes.services.update_mailbox", refuse)

    response = provider.ask("PATCH", ANN, OKTA_OFF)

    assert refusal(response) == (503, None)
    assert response.headers["Retry-After"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/Users"), ("POST", ANN), ("OPTIONS", ANN), ("POST", "/Schemas"), ("TRACE", "/Users")],
)  # fmt: skip
def test_another_method_is_refused(provider, ann, method, path):
    assert refusal(provider.ask(method, path)) == (405, None)


def test_a_mailbox_that_is_off_stays_visible_and_is_switched_on(provider, ann):
    update_mailbox(actor=None, mailbox=ann, active=False)
    body = {"Operations": [{"op": "Replace", "path": "active", "value": "True"}]}

    assert provider.ask("PATCH", ANN, body).json()["active"] is True
