"""Invitations, second factors, sessions, sign-ins to mail and refused networks."""

import time

import pytest
from django.core import mail
from django.utils import timezone

from accounts import password_links
from accounts.models import PasswordLink
from mailboxes.models import Mailbox, RefusedNetwork, SignIn
from panel.models import ApiAnswer

ANN, IT = "/mailboxes/ann@example.org", "/administrators/it@example.org"
NOW = int(time.time())


@pytest.fixture(autouse=True)
def rows(example_org, add_mailbox, make_admin, settings):
    settings.PANEL_URL = "https://panel.example.org"
    add_mailbox("ann@example.org", email_other="ann@elsewhere.test")
    make_admin("it@example.org", domains=["example.org"])


def opens(url):
    return password_links.find(url.rstrip("/").rpartition("/")[2])


# --- Invitations


@pytest.mark.parametrize("path", [ANN, IT])
def test_somebody_is_invited_told_of_and_not_any_more(root, path):
    assert root.get(f"{path}/invitation").status_code == 404

    made = root.post(f"{path}/invitation", {})

    url = made.json()["url"]
    assert made.status_code == 200
    assert opens(url)[1].pk == path.rpartition("/")[2]
    told = root.get(f"{path}/invitation").json()
    assert told == made.json() | {"url": None}
    assert [root.delete(f"{path}/invitation").status_code for _n in range(2)] == [204, 404]
    assert opens(url) is None


def test_an_invitation_is_sent(theirs, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made = theirs.post(f"{ANN}/invitation", {"send": True})

    [letter] = mail.outbox
    assert letter.to == ["ann@elsewhere.test"]
    assert made.json()["url"] in letter.body


def test_a_dry_run_sends_nothing_and_makes_no_link(theirs, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        told = theirs.post(f"{ANN}/invitation?dry_run=true", {"send": True}).json()

    assert [change["action"] for change in told["changes"]] == ["invite"]
    assert (mail.outbox, PasswordLink.objects.count()) == ([], 0)


def test_a_link_is_not_kept_for_the_same_request(theirs):
    key = {"Idempotency-Key": "1"}

    first, second = (theirs.post(f"{ANN}/invitation", {}, **key) for _n in range(2))

    assert second.json() == first.json() | {"url": None}
    assert first.json()["url"].rstrip("/").rpartition("/")[2] not in str(ApiAnswer.objects.values())
    assert opens(first.json()["url"])


def test_who_has_no_other_address_is_not_sent_one(theirs):
    Mailbox.objects.update(email_other="")

    response = theirs.post(f"{ANN}/invitation", {"send": True})

    assert response.status_code == 422
    assert [one["pointer"] for one in response.json()["errors"]] == ["/send"]
    assert not PasswordLink.objects.exists()


def test_without_an_address_of_the_panel_nobody_is_invited(theirs, settings):
    settings.PANEL_URL = ""

    assert theirs.post(f"{ANN}/invitation", {}).status_code == 422
    assert not PasswordLink.objects.exists()


def test_a_superadmin_does_not_invite_themselves(root):
    assert root.post("/administrators/root@example.org/invitation", {}).status_code == 403


# --- Second factors


def test_a_second_factor_is_reset(theirs, shows):
    shows(Mailbox.objects.get(pk="ann@example.org"))
    assert theirs.get(ANN).json()["second_factor"] is True

    answers = [theirs.delete(f"{ANN}/second-factor").status_code for _n in range(2)]

    assert answers == [204, 404]
    assert theirs.get(ANN).json()["second_factor"] is False


def test_a_token_that_sets_passwords_resets_no_second_factor(
    make_admin, make_token, program, shows
):
    shows(Mailbox.objects.get(pk="ann@example.org"))
    admin = make_admin("other@example.org", domains=["example.org"])
    asked = program(make_token(admin, rights=["mailboxes:write", "mailboxes:password"]))

    assert asked.delete(f"{ANN}/second-factor").status_code == 403
    assert Mailbox.objects.get(pk="ann@example.org").has_second_factor


# --- Sessions


def test_sessions_of_mail_programs_are_ended(theirs, monkeypatch):
    asked = []
    monkeypatch.setattr("panel.helper.ask", lambda *words: asked.append(words) or {})

    assert theirs.post(f"{ANN}/end-sessions").status_code == 204
    assert asked == [("kick", "ann@example.org")]


def test_without_the_helper_no_session_is_ended(theirs):
    assert theirs.post(f"{ANN}/end-sessions").status_code == 503
    assert theirs.post(f"{ANN}/end-sessions?dry_run=true").status_code == 200


# --- Sign-ins to mail


def add(username="ann@example.org", at=NOW, success=True, **more):
    values = {"protocol": "imap", "address": "192.0.2.7", "reason": "", "app_password": 0} | more
    SignIn.objects.create(
        username=username, at=at, day=timezone.localdate(), success=success, **values
    )


def test_sign_ins_are_told_the_last_one_first_and_page_by_page(theirs):
    add(at=NOW - 9, protocol="pop3")
    add(at=NOW, number=3)
    add(at=NOW - 5, success=False, reason="credentials")
    add("bob@example.org")

    path, found = f"{ANN}/sign-ins?limit=2", []
    while path:
        page = theirs.get(path).json()
        found.append([(row["protocol"], row["number"], row["success"]) for row in page["items"]])
        path = page["next"] and page["next"].partition("/api/v1")[2]

    assert found == [[("imap", 3, True), ("imap", 1, False)], [("pop3", 1, True)]]
    [failed] = theirs.get(f"{ANN}/sign-ins?success=false").json()["items"]
    assert failed | {"last": ""} == {
        "last": "",
        "number": 1,
        "success": False,
        "protocol": "imap",
        "network_address": "192.0.2.7",
        "app_password": None,
        "reason": "credentials",
    }


@pytest.mark.parametrize("query", ["after=x", "after=1", f"after={2**63}_1", "success=1", "x=1"])
def test_sign_ins_that_cannot_be_read_so_are_refused(theirs, query):
    assert theirs.get(f"{ANN}/sign-ins?{query}").status_code == 422


def test_its_user_sees_the_own_sign_ins(add_mailbox, make_token, program):
    bob = program(make_token(add_mailbox("bob@example.org")))
    add("bob@example.org")

    assert len(bob.get("/mailboxes/bob@example.org/sign-ins").json()["items"]) == 1
    assert bob.get(f"{ANN}/sign-ins").status_code == 404


# --- Refused networks


def test_a_refused_network_is_let_in_again(root, theirs):
    for network, until in (("192.0.2.0/24", NOW + 86_400), ("198.51.100.0/24", NOW - 9)):
        RefusedNetwork.objects.create(network=network, since=NOW - 99, until=until, failures=20)

    [row] = root.get("/refused-networks").json()["items"]

    assert (row["network"], row["failures"]) == ("192.0.2.0/24", 20)
    path = f"/refused-networks/{row['network']}"
    assert theirs.get("/refused-networks").status_code == theirs.delete(path).status_code == 403
    assert root.delete(f"{path}?dry_run=true").json()["status"] == 204
    assert [root.delete(path).status_code for _n in range(2)] == [204, 404]
