"""From where mail is fetched into mailboxes."""

import pytest

from accounts.models import LogEntry
from mailboxes import fetch_runs, fetching
from mailboxes.fetching import secret_of
from mailboxes.models import Mailbox, RemoteMailbox

JOE, SECRET = "/mailboxes/joe@example.org", "s3cret of somewhere"
BODY = {"server": "imap.example.net", "login": "joe", "password": SECRET}


@pytest.fixture(autouse=True)
def joe(example_org, add_mailbox):
    return add_mailbox("joe@example.org")


@pytest.fixture
def path(theirs):
    return f"{JOE}/fetches/{theirs.post(f'{JOE}/fetches', BODY).json()['id']}"


@pytest.fixture
def user(joe, make_token, program, settings):
    settings.FETCHMAIL_FOR_USERS = True
    return program(make_token(joe))


def pointers(response):
    return [one["pointer"] for one in response.json()["errors"]]


def test_mail_is_fetched_and_the_password_never_told(theirs):
    made = theirs.post(f"{JOE}/fetches", BODY)

    row = RemoteMailbox.objects.get()
    assert made.status_code == 201
    assert made.json() == {
        "id": row.pk,
        "mailbox": "joe@example.org",
        "server": "imap.example.net",
        "login": "joe",
        "protocol": "IMAP",
        "tls": "tls",
        "port": None,
        "folder": "",
        "keep": True,
        "fetch_read": True,
        "minutes": 10,
        "active": True,
        "outcome": None,
        "says": None,
        "last_run": None,
    }
    assert secret_of(row) == SECRET
    one = theirs.get(f"{JOE}/fetches/{row.pk}")
    assert one.json() == made.json()
    assert one.headers["ETag"] == made.headers["ETag"]
    assert theirs.get(f"{JOE}/fetches").json() == {"items": [made.json()], "next": None}


def test_the_same_request_twice_fetches_once(theirs):
    key = {"Idempotency-Key": "1"}

    first, second = (theirs.post(f"{JOE}/fetches", BODY, **key) for _n in range(2))

    assert first.json() == second.json()
    assert RemoteMailbox.objects.count() == 1


def test_a_dry_run_says_what_would_be_and_writes_nothing(theirs):
    told = theirs.post(f"{JOE}/fetches?dry_run=true", BODY)

    assert [change["action"] for change in told.json()["changes"]] == ["fetch_mail"]
    assert SECRET not in told.content.decode()
    assert not RemoteMailbox.objects.exists()


def test_what_is_named_is_changed_and_the_password_stays(theirs, path):
    told = theirs.patch(path, {"minutes": 60, "fetch_read": False, "folder": "Old"}).json()

    row = RemoteMailbox.objects.get()
    assert (told["minutes"], told["fetch_read"], told["folder"]) == (60, False, "Old")
    assert (row.poll_time, row.fetchall, row.src_folder) == (60, False, "Old")
    assert (row.src_server, secret_of(row)) == ("imap.example.net", SECRET)


def test_the_same_twice_is_logged_once(theirs, path):
    theirs.patch(path, {"active": False})
    entries = LogEntry.objects.count()

    assert theirs.patch(path, {"active": False}).status_code == 200
    assert LogEntry.objects.count() == entries


def test_another_server_is_not_told_the_stored_password(theirs, path):
    refused = theirs.patch(path, {"server": "imap.thief.example"})
    taken = theirs.patch(path, {"server": "imap.example.com", "password": "of there"})

    assert (refused.status_code, pointers(refused)) == (422, ["/password"])
    assert (taken.status_code, secret_of(RemoteMailbox.objects.get())) == (200, "of there")


def test_what_somebody_changed_meanwhile_is_not_changed(theirs, path):
    etag = theirs.get(path).headers["ETag"]
    theirs.patch(path, {"minutes": 60})

    assert theirs.patch(path, {"active": False}, **{"If-Match": etag}).status_code == 412
    assert RemoteMailbox.objects.get().active is True


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"server": "not a name"}, "/server"),
        ({"server": "localhost"}, "/server"),
        ({"login": ""}, "/login"),
        ({"protocol": "ETRN"}, "/protocol"),
        ({"tls": "none"}, "/tls"),
        ({"tls": "maybe"}, "/tls"),
        ({"port": 70_000}, "/port"),
        ({"minutes": 7}, "/minutes"),
        ({"password": "a\nb"}, "/password"),
        ({"src_password": "x"}, "/src_password"),
    ],
)
def test_what_cannot_be_is_told_where(theirs, path, wrong, where):
    made, changed = theirs.post(f"{JOE}/fetches", BODY | wrong), theirs.patch(path, wrong)

    assert (made.status_code, changed.status_code) == (422, 422)
    assert pointers(made) == [where]
    assert where in pointers(changed)
    assert RemoteMailbox.objects.count() == 1


NOT_ALLOWED_ANY_MORE = [
    {"protocol": "AUTO"},
    {"protocol": "POP2"},
    {"protocol": None},
    {"usessl": False, "plain": True, "sslcertck": False},
    {"src_server": ""},
    {"src_server": "no server"},
    {"src_server": "imap.example.net:993"},
    {"src_server": "localhost"},
    {"src_server": "IMAP.example.net"},
    {"src_port": 70_000},
    {"src_port": 993},
    {"src_user": ""},
    {"src_user": "a\nb"},
    {"src_folder": "a\nb"},
    {"src_password": ""},
]


@pytest.mark.parametrize("columns", NOT_ALLOWED_ANY_MORE)
def test_what_is_not_allowed_any_more_is_switched_off_as_it_is(theirs, path, columns):
    RemoteMailbox.objects.update(**columns)
    before = theirs.get(path).json()

    told = theirs.patch(path, {"active": False})

    assert (told.status_code, told.json()) == (200, before | {"active": False})
    assert LogEntry.objects.latest("pk").changes == {"active": [True, False]}


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"protocol": "POP2"}, ["/protocol", "/password"]),
        ({"tls": "none"}, ["/tls", "/password"]),
        ({"server": "no server either"}, ["/server"]),
    ],
)
def test_another_that_is_not_allowed_is_refused_still(theirs, path, wrong, where):
    RemoteMailbox.objects.update(protocol="AUTO", src_server="no server")

    refused = theirs.patch(path, wrong)

    assert (refused.status_code, pointers(refused)) == (422, where)


def test_a_new_one_needs_a_password(theirs):
    answer = theirs.post(f"{JOE}/fetches", {"server": "imap.example.net", "login": "joe"})

    assert (answer.status_code, pointers(answer)) == (422, ["/password"])


def test_a_mailbox_has_so_many_at_most(theirs, path, monkeypatch):
    monkeypatch.setattr(fetching, "MOST", 1)

    assert pointers(theirs.post(f"{JOE}/fetches", BODY)) == ["/server"]


def test_an_address_that_is_not_public_is_not_connected_to(theirs, monkeypatch):
    monkeypatch.setattr(fetch_runs.local_delivery, "check", lambda: None)
    made = theirs.post(f"{JOE}/fetches", BODY | {"server": "127.0.0.1"}).json()

    fetch_runs.run(RemoteMailbox.objects.get())

    told = theirs.get(f"{JOE}/fetches/{made['id']}").json()
    assert told["outcome"] == "private_address"
    assert "127.0.0.1" in told["says"]
    assert told["last_run"] is not None


def test_it_ends(theirs, path):
    assert [theirs.delete(path).status_code for _n in range(2)] == [204, 404]
    assert not RemoteMailbox.objects.exists()


# --- Who may


def test_a_mailboxs_user_changes_the_own_ones(user, path):
    assert user.get(path).status_code == 200
    assert user.patch(path, {"minutes": 60}).json()["minutes"] == 60
    assert user.post(f"{JOE}/fetches", BODY).status_code == 201
    assert user.delete(path).status_code == 204


def test_but_only_where_users_may(user, path, settings):
    settings.FETCHMAIL_FOR_USERS = False

    answers = [user.get(path), user.post(f"{JOE}/fetches", BODY), user.delete(path)]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert RemoteMailbox.objects.count() == 1


def test_where_nothing_is_fetched_there_is_nothing(theirs, path, settings):
    settings.FETCHMAIL_TO = ""

    assert theirs.get(f"{JOE}/fetches").status_code == 404
    assert theirs.post(f"{JOE}/fetches", BODY).status_code == 404
    assert theirs.patch(path, {"active": False}).status_code == 404


def test_those_of_another_domain_or_mailbox_are_not_there(
    theirs, path, user, add_mailbox, other_net, make_admin, make_token, program
):
    ann = add_mailbox("ann@example.org")
    number = path.rpartition("/")[2]
    strangers = [
        program(make_token(make_admin("others@other.net", domains=["other.net"]))),
        program(make_token(ann)),
    ]

    for asked in strangers:
        answers = [
            asked.get(path),
            asked.patch(path, {"active": False}),
            asked.delete(path),
            asked.get(f"{JOE}/fetches"),
            asked.post(f"{JOE}/fetches", BODY),
        ]
        assert [answer.status_code for answer in answers] == [404] * 5
    for asked in (theirs, strangers[1]):
        assert asked.get(f"/mailboxes/ann@example.org/fetches/{number}").status_code == 404
    assert RemoteMailbox.objects.get().active is True


def test_reading_is_not_writing(path, joe, make_token, program, settings):
    settings.FETCHMAIL_FOR_USERS = True
    asked = program(make_token(Mailbox.objects.get(pk=joe.pk), rights=["fetching:read"]))

    assert asked.get(path).status_code == 200
    assert asked.patch(path, {"active": False}).status_code == 403
    assert asked.delete(path).status_code == 403
