import pytest

from accounts.models import LogEntry
from accounts.passwords import verify_password
from mailboxes.models import Mailbox

PASSWORD = "tangerine-7-bicycle"
NEW = {"name": "Ann Lee", "quota_bytes": 5_000_000, "password": PASSWORD}
ANN = "/mailboxes/ann@example.org"


def test_a_mailbox_is_created_by_its_address(theirs):
    response = theirs.put(ANN, NEW)

    assert response.status_code == 201
    assert response.json() | {"created": "", "modified": ""} == {
        "address": "ann@example.org",
        "domain": "example.org",
        "name": "Ann Lee",
        "quota_bytes": 5_000_000,
        "active": True,
        "receives": True,
        "may_send": True,
        "sign_in": True,
        "imap": True,
        "pop3": True,
        "sieve": True,
        "app_only": False,
        "must_change_password": False,
        "sending_limit": None,
        "phone": "",
        "email_other": "",
        "second_factor": False,
        "created": "",
        "modified": "",
    }
    mailbox = Mailbox.objects.get(pk="ann@example.org")
    assert verify_password(PASSWORD, mailbox.password, mailbox.pk)[0]


def test_the_same_body_twice_changes_nothing(theirs):
    first = theirs.put(ANN, NEW)
    entries = LogEntry.objects.count()

    again = theirs.put(ANN, NEW)

    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["ETag"] == first.headers["ETag"]
    assert LogEntry.objects.count() == entries


def test_what_get_returns_is_what_put_takes(theirs, add_mailbox):
    add_mailbox("ann@example.org", name="Ann", quota=3_000_000)
    entries = LogEntry.objects.count()

    record = theirs.get(ANN).json()

    assert theirs.put(ANN, record).json() == record
    assert LogEntry.objects.count() == entries


def test_a_patch_changes_what_it_names(theirs, add_mailbox):
    add_mailbox("ann@example.org", name="Ann", quota=3_000_000, phone="12")

    record = theirs.patch(ANN, {"name": "Ann Lee", "quota_bytes": None}).json()

    assert (record["name"], record["quota_bytes"], record["phone"]) == ("Ann Lee", None, "12")


def test_a_suspended_mailbox_is_off(theirs, add_mailbox):
    add_mailbox("ann@example.org")

    assert theirs.patch(ANN, {"active": False}).json()["active"] is False
    assert not Mailbox.objects.get(pk="ann@example.org").active
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.username) == (
        "edit_mailbox_state",
        "theirs@example.org (127.0.0.1, token Billing)",
    )


def test_a_deleted_mailbox_does_not_exist_the_second_time(theirs, add_mailbox):
    add_mailbox("ann@example.org")

    answers = [theirs.delete(ANN).status_code for _n in range(2)]

    assert answers == [204, 404]
    assert not Mailbox.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer", "sentence"),
    [
        ({}, "/password", "A new one needs a password."),
        ({"password": "short"}, "/password", "Use at least 10 characters."),
        (NEW | {"quota_bytes": 10**18}, "/quota_bytes", None),
        (NEW | {"quota_bytes": "2 GB"}, "/quota_bytes", "Input should be a valid integer"),
        (NEW | {"active": "yes"}, "/active", "Input should be a valid boolean"),
        (NEW | {"quota": 5}, "/quota", "Extra inputs are not permitted"),
        (NEW | {"name": "a\nb"}, "/name", "Write printable characters alone."),
        (NEW | {"name": "\ud800"}, "/name", None),
        (NEW | {"password": "\ud800"}, "/password", None),
        (NEW | {"email_other": "ann"}, "/email_other", "Enter a valid email address."),
        (NEW | {"address": "bob@example.org"}, "/address", None),
        (NEW | {"sending_limit": 5}, "/sending_limit", "This server does not limit how much is sent."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_and_nothing_is_saved(theirs, body, pointer, sentence):
    response = theirs.put(ANN, body)

    problem = response.json()
    assert (response.status_code, response.headers["Content-Type"]) == (
        422,
        "application/problem+json",
    )
    told = {one["pointer"]: one["detail"] for one in problem["errors"]}
    assert pointer in told
    assert sentence in {None, told[pointer]}
    assert not Mailbox.objects.exists()


def test_the_limit_of_the_domain_counts(add_domain, make_admin, make_token, program, add_mailbox):
    add_domain("small.example", mailboxes=1)
    add_mailbox("one@small.example")
    admin = program(make_token(make_admin(domains=["small.example"])))

    response = admin.put("/mailboxes/two@small.example", NEW)

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {
            "pointer": "/domain",
            "detail": "small.example already has its 1 mailbox. Ask a superadmin to raise the limit, or delete one.",
        }
    ]


def test_a_name_that_an_alias_has_is_a_conflict(theirs, add_alias):
    add_alias("ann@example.org", "bob@elsewhere.test")

    response = theirs.put(ANN, NEW)

    assert response.status_code == 409
    assert response.json()["errors"][0]["pointer"] == "/address"


@pytest.mark.parametrize("path", ["/mailboxes/ann@other.net", "/mailboxes/ann", "/mailboxes/@"])
def test_a_mailbox_of_another_domain_does_not_exist(theirs, other_net, path):
    assert theirs.put(path, NEW).status_code == 404
    assert theirs.get(path).status_code == 404
    assert theirs.patch(path, {"name": "x"}).status_code == 404
    assert theirs.delete(path).status_code == 404


def test_a_role_name_is_for_superadmins(theirs, root):
    path = "/mailboxes/postmaster@example.org"

    assert [theirs.put(path, NEW).status_code, root.put(path, NEW).status_code] == [403, 201]


def test_only_a_superadmin_says_how_much_somebody_sends(theirs, root, add_mailbox, settings):
    settings.DKIM_SIGNER = "rspamd"
    add_mailbox("ann@example.org")

    answers = [asked.patch(ANN, {"sending_limit": 7}).status_code for asked in (theirs, root)]

    assert answers == [403, 200]
    assert theirs.put("/mailboxes/bob@example.org", NEW | {"sending_limit": 7}).status_code == 403
    assert not Mailbox.objects.filter(pk="bob@example.org").exists()


def test_a_new_password_needs_its_own_right(
    example_org, make_admin, make_token, program, add_mailbox
):
    mailbox = add_mailbox("ann@example.org")
    admin = make_admin(domains=["example.org"])
    asked = program(make_token(admin, rights=["mailboxes:write"]))

    assert asked.patch(ANN, {"password": "another-8-bicycle"}).status_code == 403
    assert asked.put(ANN, {"name": "x", "password": "another-8-bicycle"}).status_code == 403
    assert asked.post(f"{ANN}/password", {"password": "another-8-bicycle"}).status_code == 403
    assert Mailbox.objects.get(pk=mailbox.pk).password == mailbox.password


def test_a_password_is_set_by_its_verb(theirs, add_mailbox):
    add_mailbox("ann@example.org")

    response = theirs.post(
        f"{ANN}/password", {"password": "another-8-bicycle", "must_change_password": True}
    )

    assert (response.status_code, response.content) == (204, b"")
    row = Mailbox.objects.get(pk="ann@example.org")
    assert row.must_change
    assert verify_password("another-8-bicycle", row.password, row.pk)[0]


def test_a_mailbox_is_renamed(theirs, add_mailbox):
    add_mailbox("ann@example.org")

    response = theirs.post(f"{ANN}/rename", {"local_part": "lee"})

    assert (response.status_code, response.json()["address"]) == (200, "lee@example.org")
    assert theirs.get("/aliases/ann@example.org").json()["targets"] == ["lee@example.org"]


def test_forwarding_is_what_was_sent(theirs, add_mailbox):
    add_mailbox("ann@example.org")
    sent = {"targets": ["bob@elsewhere.test"], "keep_copy": False}

    response = theirs.put(f"{ANN}/forwarding", sent)

    assert response.json() == sent | {"active": True, "away_message": False}
    assert theirs.get(f"{ANN}/forwarding").json() == response.json()
    ended = theirs.put(f"{ANN}/forwarding", {})
    assert ended.json() == {
        "targets": [],
        "keep_copy": True,
        "active": False,
        "away_message": False,
    }


def test_a_mail_loop_is_a_conflict_with_its_path(theirs, add_mailbox, add_alias):
    add_mailbox("ann@example.org")
    add_alias("sales@example.org", "ann@example.org")

    response = theirs.put(
        f"{ANN}/forwarding", {"targets": ["sales@example.org"], "keep_copy": False}
    )

    assert response.status_code == 409
    assert response.json()["errors"] == [
        {
            "pointer": "/targets",
            "detail": "This would create a mail loop: ann@example.org → sales@example.org → ann@example.org.",
        }
    ]


def test_its_user_sees_and_forwards_the_own_one_alone(
    example_org, add_mailbox, make_token, program
):
    ann = add_mailbox("ann@example.org", phone="12")
    add_mailbox("bob@example.org")
    own = program(make_token(ann))

    assert [row["address"] for row in own.get("/mailboxes").json()["items"]] == ["ann@example.org"]
    assert not {"phone", "sending_limit"} & own.get(ANN).json().keys()
    assert own.get("/mailboxes/bob@example.org").status_code == 404
    assert own.patch(ANN, {"quota_bytes": None}).status_code == 403
    forwarded = own.put(f"{ANN}/forwarding", {"targets": ["ann@elsewhere.test"]})
    assert forwarded.status_code == 200
    itself = own.put(f"{ANN}/forwarding", {"targets": ["ann@example.org"]})
    assert itself.json()["errors"][0]["pointer"] == "/targets"
    other = own.put("/mailboxes/bob@example.org/forwarding", {"targets": []})
    assert other.status_code == 404


def test_app_passwords_are_listed_and_revoked(theirs, add_mailbox):
    mailbox = add_mailbox("ann@example.org")
    row = mailbox.app_passwords.create(
        description="Phone", protocols="imap,smtp", networks="192.0.2.0/24", password_hash="x"
    )

    listed = theirs.get(f"{ANN}/app-passwords").json()

    assert listed == {
        "items": [
            {
                "id": row.pk,
                "name": "Phone",
                "protocols": ["imap", "smtp"],
                "networks": ["192.0.2.0/24"],
                "until": None,
            }
        ],
        "next": None,
    }
    path = f"{ANN}/app-passwords/{row.pk}"
    assert [theirs.delete(path).status_code for _n in range(2)] == [204, 404]


@pytest.mark.parametrize("number", ["0", "x", "9" * 30, "-1"])
def test_an_app_password_that_is_not_there(theirs, add_mailbox, number):
    add_mailbox("ann@example.org")

    assert theirs.delete(f"{ANN}/app-passwords/{number}").status_code == 404


def test_a_dry_run_does_not_tell_whether_a_password_is_the_right_one(theirs, add_mailbox):
    add_mailbox("ann@example.org", password=PASSWORD)
    path = f"{ANN}?dry_run=true"

    told = [theirs.patch(path, {"password": text}).json() for text in (PASSWORD, "other-7-bicycle")]

    for one in told:
        del one["result"]["modified"]  # a second may lie between
    assert told[0] == told[1]
    assert [change["action"] for change in told[0]["changes"]] == ["edit_password"]


def test_a_token_that_sets_no_passwords_does_not_learn_one(
    example_org, make_admin, make_token, program, add_mailbox
):
    add_mailbox("ann@example.org", password=PASSWORD)
    admin = make_admin(domains=["example.org"])
    asked = program(make_token(admin, rights=["mailboxes:write"]))

    for text in (PASSWORD, "other-7-bicycle"):
        assert asked.patch(ANN, {"password": text}).status_code == 403
    # By a link to it a password is set.
    assert asked.patch(ANN, {"email_other": "me@elsewhere.example"}).status_code == 403
    assert Mailbox.objects.get(pk="ann@example.org").email_other == ""
    assert asked.patch(ANN, {"email_other": "", "name": "Ann"}).status_code == 200
