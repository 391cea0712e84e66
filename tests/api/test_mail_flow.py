"""Relay hosts, copies, and rules about senders."""

import pytest

from accounts.models import LogEntry
from domains.models import Copy, DomainSenderRule, RelayHost, SenderRule

RELAY = "/domains/example.org/relay-host"
COPY = "/copies/to/sales@example.org"
RULE, SERVER_RULE = "/domains/example.org/sender-rules/joe@bad.example", "/sender-rules/bad.example"


# --- Relay hosts


def test_a_relay_host_is_set_and_its_password_not_told(root, theirs, example_org):
    sent = {"server": "smtp.example.net", "login": "shop", "password": "tangerine-7-bicycle"}
    told = {"server": "[smtp.example.net]:587", "login": "shop", "spf_include": ""}

    made = root.put(RELAY, sent)
    stored = RelayHost.objects.get()
    again = root.put(RELAY, made.json())

    assert (made.status_code, made.json()) == (201, told)
    assert (again.status_code, again.json()) == (200, told)
    assert RelayHost.objects.get().secret == stored.secret
    assert "tangerine" not in str(LogEntry.objects.values())
    assert root.get(RELAY).json() == told
    assert "login" not in theirs.get(RELAY).json()
    assert theirs.put(RELAY, sent).status_code == 403
    assert root.patch(RELAY, {"spf_include": "spf.example.net"}).json()["login"] == "shop"
    assert [root.delete(RELAY).status_code for _n in range(2)] == [204, 404]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/server"),
        ({"server": " "}, "/server"),
        ({"server": "smtp.example.net:465"}, "/server"),
        ({"server": "smtp.example.net", "login": "shop"}, "/password"),
        ({"server": "smtp.example.net", "password": "x"}, "/login"),
        ({"server": "smtp.example.net", "spf_include": "a b"}, "/spf_include"),
    ],
)
def test_a_relay_host_that_is_wrong_is_told_where(root, example_org, body, pointer):
    response = root.put(RELAY, body)

    assert response.status_code == 422
    assert [one["pointer"] for one in response.json()["errors"]] == [pointer]
    assert not RelayHost.objects.exists()


# --- Copies


def test_copies_are_made_elsewhere_and_no_more(theirs, example_org):
    told = {"direction": "to", "address": "sales@example.org", "copy_to": "a@elsewhere.test"}

    made = theirs.put(COPY, {"copy_to": "a@elsewhere.test"})
    again = theirs.put(COPY, made.json())
    other = theirs.put(COPY, {"copy_to": "b@elsewhere.test"})

    assert (made.status_code, made.json()) == (201, told)
    assert (again.status_code, again.json()) == (200, told)
    assert other.json()["copy_to"] == "b@elsewhere.test"
    assert theirs.get("/copies?domain=example.org").json()["items"] == [other.json()]
    assert [theirs.delete(COPY).status_code for _n in range(2)] == [204, 404]
    assert not Copy.objects.exists()


def test_copies_of_a_whole_domain_are_for_superadmins(theirs, root, example_org):
    path, sent = "/copies/to/@example.org", {"copy_to": "a@elsewhere.test"}

    assert [theirs.put(path, sent).status_code, root.put(path, sent).status_code] == [403, 201]


@pytest.mark.parametrize(
    ("path", "target", "status", "pointer"),
    [
        (COPY, "x", 422, "/copy_to"),
        (COPY, "sales@example.org", 422, "/copy_to"),
        (COPY, "none@example.org", 422, "/copy_to"),
        ("/copies/to/a b@example.org", "a@elsewhere.test", 422, "/address"),
        ("/copies/to/sales@other.net", "a@elsewhere.test", 404, None),
        ("/copies/over/sales@example.org", "a@elsewhere.test", 422, "/direction"),
    ],
)
def test_a_copy_that_is_wrong_is_told_where(
    theirs, example_org, other_net, path, target, status, pointer
):
    response = theirs.put(path.replace(" ", "%20"), {"copy_to": target})

    assert response.status_code == status
    assert [one["pointer"] for one in response.json().get("errors", [])] == [pointer][
        : status == 422
    ]
    assert not Copy.objects.exists()


# --- Rules about senders


def test_a_sender_of_mail_to_a_domain_is_refused_and_let_in(theirs, example_org):
    made = theirs.put(RULE, {"text": "Not from here"})
    again = theirs.put(RULE, made.json())
    changed = theirs.patch(RULE, {"action": "ok"})

    told = {"sender": "joe@bad.example", "action": "reject", "text": "Not from here"}
    assert (made.status_code, made.json()) == (201, told)
    assert (again.status_code, again.json()) == (200, told)
    assert changed.json() == told | {"action": "ok", "text": ""}
    assert LogEntry.objects.filter(action="edit_domain_senders").count() == 2
    assert theirs.get("/domains/example.org/sender-rules").json()["items"] == [changed.json()]
    assert [theirs.delete(RULE).status_code for _n in range(2)] == [204, 404]
    assert not DomainSenderRule.objects.exists()


def test_rules_of_the_whole_server_are_for_superadmins(root, theirs, example_org):
    made = root.put(SERVER_RULE, {"action": "defer"})

    assert (made.status_code, made.json()["action"]) == (201, "defer")
    assert root.patch(SERVER_RULE, {"text": "Later"}).json()["action"] == "defer"
    assert root.get("/sender-rules").json()["items"] == [root.get(SERVER_RULE).json()]
    assert theirs.get(SERVER_RULE).status_code == theirs.get("/sender-rules").status_code == 403
    assert [root.delete(SERVER_RULE).status_code for _n in range(2)] == [204, 404]
    assert not SenderRule.objects.exists()


@pytest.mark.parametrize("path", [RULE, SERVER_RULE])
@pytest.mark.parametrize(
    ("sender", "body", "pointer"),
    [
        (None, {"action": "discard"}, "/action"),
        (None, {"text": "fermé"}, "/text"),
        ("a%20b", {}, "/sender"),
    ],
)
def test_a_rule_that_is_wrong_is_told_where(root, example_org, path, sender, body, pointer):
    path = path.rpartition("/")[0] + f"/{sender}" if sender else path

    response = root.put(path, body)

    assert response.status_code == 422
    assert [one["pointer"] for one in response.json()["errors"]] == [pointer]
