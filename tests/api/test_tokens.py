"""What a token opens, and what closes it."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import tokens, totp
from accounts.models import Admin, ApiToken, LogEntry
from accounts.services import delete_admin, update_admin
from domains.services import set_domain_active
from mailboxes.models import Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox, update_mailbox


@pytest.fixture
def admin(example_org, make_admin):
    return make_admin(domains=["example.org"])


def status(program, text, path="/token", **extra):
    return program(text, **extra).get(path).status_code


def test_a_token_tells_what_it_may(admin, make_token, program):
    text = make_token(admin, rights=["mailboxes:read", "log:read"], networks="127.0.0.0/8")

    assert program(text).get("/token").json() == {
        "name": "Billing",
        "account": "admin@example.org",
        "role": "domain admin",
        "rights": ["mailboxes:read", "log:read"],
        "domains": None,
        "networks": ["127.0.0.0/8"],
        "expires": None,
    }


def test_a_token_is_not_stored(admin, make_token):
    text = make_token(admin)

    row = ApiToken.objects.get()

    assert text.startswith("mailadmin_")
    assert row.digest == tokens.digest(text)
    assert text not in str(ApiToken.objects.values())


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer mailadmin_",
        "Bearer mailadmin_" + "a" * 43,
        "Bearer \ud7ff",
        "Basic YWRtaW46YWRtaW4=",
        "Token x",
    ],
)
def test_without_a_token_nothing_is_told(db, header):
    extra = {} if header is None else {"HTTP_AUTHORIZATION": header}

    response = Client().get("/api/v1/mailboxes", secure=True, **extra)

    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="mailadmin"'


def test_a_session_opens_nothing(admin, sign_in):
    client = sign_in(admin)

    assert client.get("/api/v1/mailboxes", secure=True).status_code == 401
    assert client.get("/account/", secure=True).status_code == 200


def test_a_cookie_that_comes_along_is_not_looked_at(admin, make_token, program, sign_in):
    asked = program(make_token(admin))
    asked.get("/token")
    asked.client.cookies = sign_in(admin).cookies

    with CaptureQueriesContext(connection) as found:
        response = asked.get("/token")

    assert len(found) == 2  # the token, its account
    assert not response.cookies


def test_a_request_begins_no_session(admin, make_token, program):
    response = program(make_token(admin)).get("/token")

    assert not response.cookies
    assert response.headers["Cache-Control"] == "no-store"


def test_a_wrong_token_leaves_a_line_for_fail2ban(db, program, caplog):
    assert status(program, "mailadmin_" + "a" * 43) == 401

    assert [record.message for record in caplog.records if "login failed" in record.message] == [
        "login failed for 'API token' from 127.0.0.1"
    ]


# --- What closes it


def test_a_revoked_token_opens_nothing(admin, make_token, program):
    text = make_token(admin)
    tokens.revoke_token(actor=admin, account=admin, token=ApiToken.objects.get())

    assert status(program, text) == 401


def test_an_expired_token_opens_nothing(admin, make_token, program):
    text = make_token(admin, until=timezone.localdate())
    assert status(program, text) == 200

    ApiToken.objects.update(expires=timezone.now())

    assert status(program, text) == 401


def test_an_account_that_is_off_has_no_tokens(admin, make_token, program):
    text = make_token(admin)
    update_admin(actor=None, admin=admin, active=False)

    assert status(program, text) == 401


@pytest.mark.parametrize("switch", ["active", "sign_in_active"])
def test_a_mailbox_to_which_nobody_signs_in_has_none(
    example_org, add_mailbox, make_token, program, switch
):
    mailbox = add_mailbox("ann@example.org")
    text = make_token(mailbox)
    assert status(program, text) == 200

    update_mailbox(actor=None, mailbox=mailbox, **{switch: False})

    assert status(program, text) == 401


def test_a_mailbox_of_a_domain_that_is_off_has_none(example_org, add_mailbox, make_token, program):
    text = make_token(add_mailbox("ann@example.org"))
    set_domain_active(actor=None, domain=example_org, active=False)

    assert status(program, text) == 401


def test_who_must_set_another_password_does_that_first(admin, make_token, program):
    text = make_token(admin)
    Admin.objects.update(must_change=True)

    assert status(program, text) == 403


def test_a_token_of_whoever_must_set_up_a_second_factor_waits_and_asks_for_no_code(
    admin, make_token, program, settings
):
    text = make_token(admin)
    settings.SECOND_FACTOR_FROM = dict.fromkeys(
        ["superadmin", "admin", "mailbox"], timezone.localdate() - timedelta(days=1)
    )

    assert status(program, text, "/mailboxes") == 403
    Admin.objects.filter(pk=admin.pk).update(totp_secret=totp.encrypted(totp.new_secret()))
    assert status(program, text, "/mailboxes") == 200


def test_a_token_is_taken_from_its_networks_alone(admin, make_token, program):
    text = make_token(admin, networks="192.0.2.0/24, 2001:db8::/32")

    assert status(program, text) == 403
    assert status(program, text, REMOTE_ADDR="192.0.2.7") == 200
    assert status(program, text, REMOTE_ADDR="::ffff:192.0.2.7") == 200
    assert status(program, text, REMOTE_ADDR="2001:db8::1") == 200
    assert status(program, text, REMOTE_ADDR="192.0.3.7") == 403
    assert status(program, text, REMOTE_ADDR="") == 403


def test_a_name_that_is_given_again_does_not_get_the_old_tokens(
    admin, make_admin, make_token, program
):
    text = make_token(admin)
    delete_admin(actor=None, admin=admin)
    make_admin(domains=["example.org"])

    assert status(program, text) == 401
    assert not ApiToken.objects.exists()


def test_another_program_that_makes_an_account_anew_does_not_hand_over_its_tokens(
    admin, make_token, program
):
    text = make_token(admin)
    ApiToken.objects.update(created=timezone.now() - timedelta(days=3))
    Admin.objects.update(created=timezone.now())

    assert status(program, text) == 401


def test_a_deleted_mailbox_leaves_no_token_and_a_renamed_one_keeps_it(
    example_org, add_mailbox, make_token, program
):
    text = make_token(add_mailbox("ann@example.org"))
    renamed = rename_mailbox(
        actor=None, mailbox=Mailbox.objects.get(pk="ann@example.org"), local_part="lee"
    )
    assert program(text).get("/token").json()["account"] == "lee@example.org"

    delete_mailbox(actor=None, mailbox=renamed)

    assert not ApiToken.objects.exists()


# --- What it may


def test_who_is_no_superadmin_any_more_has_no_token_that_is(
    example_org, make_admin, make_token, program
):
    make_admin("another@example.org", superadmin=True)
    root = make_admin(superadmin=True)
    text = make_token(root)
    assert status(program, text, "/administrators") == 200

    update_admin(actor=None, admin=root, superadmin=False, domains=["example.org"])

    assert status(program, text, "/administrators") == 403
    assert program(text).delete("/domains/example.org").status_code == 403
    assert status(program, text, "/mailboxes") == 200


def test_a_token_of_some_domains_sees_no_other(
    example_org, other_net, make_admin, make_token, program, add_mailbox
):
    add_mailbox("ann@example.org")
    add_mailbox("ann@other.net")
    admin = make_admin(domains=["example.org", "other.net"])
    asked = program(make_token(admin, domains="other.net"))

    assert [row["address"] for row in asked.get("/mailboxes").json()["items"]] == ["ann@other.net"]
    assert [row["domain"] for row in asked.get("/domains").json()["items"]] == ["other.net"]
    assert asked.get("/mailboxes/ann@example.org").status_code == 404
    assert asked.delete("/mailboxes/ann@example.org").status_code == 404
    update_admin(actor=None, admin=admin, domains=["example.org"])
    assert asked.get("/mailboxes").json()["items"] == []


def test_a_superadmins_token_of_some_domains_is_as_their_domain_admins(
    example_org, other_net, make_admin, make_token, program, add_mailbox
):
    add_mailbox("ann@example.org")
    add_mailbox("ann@other.net")
    root = make_admin("root@example.org", superadmin=True)
    asked = program(make_token(root, domains="example.org"))

    assert asked.get("/token").json()["role"] == "domain admin"
    assert [row["address"] for row in asked.get("/mailboxes").json()["items"]] == [
        "ann@example.org"
    ]
    assert asked.get("/administrators").status_code == 403
    assert asked.patch("/domains/example.org", {"active": False}).status_code == 403
    assert asked.put("/domains/new.example", {}).status_code == 403
    assert asked.get("/log").json()["items"] != []
    assert {row["domain"] for row in asked.get("/log").json()["items"]} == {"example.org"}
    assert Admin.objects.get(pk=root.pk).superadmin


# --- Counting


def test_a_token_asks_so_often_and_then_waits(admin, make_token, program, settings):
    settings.API_REQUESTS_A_MINUTE = 3
    text, other = make_token(admin), make_token(admin, name="Other")

    answers = [program(text).get("/token") for _n in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["Retry-After"]) > 0
    assert status(program, other) == 200
    assert status(program, text, REMOTE_ADDR="192.0.2.7") == 200


def test_wrong_tokens_are_counted_for_their_network_and_stop_no_right_one(
    admin, make_token, program
):
    text, wrong = make_token(admin), "mailadmin_" + "a" * 43

    answers = [status(program, wrong) for _n in range(61)]

    assert answers == [*[401] * 60, 429]
    assert status(program, text) == 200


def test_a_use_is_noted_and_not_each_one(admin, make_token, program, django_assert_num_queries):
    asked = program(make_token(admin), REMOTE_ADDR="192.0.2.7")
    asked.get("/token")

    row = ApiToken.objects.get()
    assert row.last_used
    assert row.last_ip == "192.0.2.7"
    with django_assert_num_queries(2):  # the token, its account
        asked.get("/token")


# --- Making one


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a (b)"}, "name"),
        ({"rights": []}, "rights"),
        ({"rights": ["administrators:read"]}, "rights"),
        ({"rights": ["no:such"]}, "rights"),
        ({"domains": "other.net"}, "domains"),
        ({"domains": "nowhere.example"}, "domains"),
        ({"networks": "here"}, "networks"),
        ({"until": timezone.localdate() - timedelta(days=1)}, "until"),
    ],
)
def test_a_token_that_may_more_than_its_account_is_not_made(admin, other_net, fields, field):
    values = {"name": "Billing", "rights": ["log:read"]} | fields

    with pytest.raises(ValidationError) as refused:
        tokens.make_token(actor=admin, token=tokens.drawn(), **values)

    assert set(refused.value.error_dict) == {field}
    assert not ApiToken.objects.exists()


def test_the_log_tells_who_made_a_token_and_who_acted_by_it(admin, make_token, program):
    text = make_token(admin, rights=["aliases:write"], networks="127.0.0.1")
    program(text).put("/aliases/a@example.org", {"targets": ["b@elsewhere.test"]})

    made, used = LogEntry.objects.order_by("-pk")[:2][::-1]

    assert (made.action, made.data, made.changes) == (
        "create_token",
        "admin@example.org",
        {
            "token": [None, "Billing"],
            "rights": [None, "aliases:write"],
            "networks": [None, "127.0.0.1"],
        },
    )
    assert used.username == "admin@example.org (127.0.0.1, token Billing)"


# --- How much is left


def test_each_answer_tells_how_much_is_left(admin, make_token, program, settings):
    settings.API_REQUESTS_A_MINUTE = 2
    asked = program(make_token(admin, rights=["log:read"]))

    answers = [asked.get("/token"), asked.get("/mailboxes"), asked.get("/token")]

    assert [answer.status_code for answer in answers] == [200, 403, 429]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"token";q=2;w=60'}
    left = [answer.headers["RateLimit"].rpartition(";t=") for answer in answers]
    assert [words for words, _sign, _seconds in left] == [
        '"token";r=1',
        '"token";r=0',
        '"token";r=0',
    ]
    assert all(0 < int(seconds) <= 60 for _words, _sign, seconds in left)
    # Never before there is one more.
    assert answers[2].headers["Retry-After"] == left[2][2]


def test_a_wrong_token_is_told_the_limit_of_wrong_ones(db, program):
    answer = program("mailadmin_" + "a" * 43).get("/token")

    assert answer.status_code == 401
    assert answer.headers["RateLimit-Policy"] == '"wrong-tokens";q=60;w=60'
    assert answer.headers["RateLimit"].startswith('"wrong-tokens";r=59;t=')


def test_without_a_token_there_is_nothing_to_count(db, program):
    assert "RateLimit" not in program(None).get("/token").headers


# --- The other tokens of an account


def test_a_token_lists_those_of_its_account_and_revokes_them(
    admin, make_admin, make_token, program
):
    make_token(make_admin("root@example.net", superadmin=True), name="Another’s")
    old, asked = make_token(admin, name="Old"), program(make_token(admin, name="New"))

    listed = asked.get("/tokens").json()["items"]

    assert [row["name"] for row in listed] == ["Old", "New"]
    assert not {"token", "digest"} & listed[0].keys()
    path = f"/tokens/{listed[0]['id']}"
    assert [asked.delete(path).status_code for _n in range(2)] == [204, 404]
    assert status(program, old) == 401
    other = ApiToken.objects.get(name="Another’s")
    assert asked.delete(f"/tokens/{other.pk}").status_code == 404
