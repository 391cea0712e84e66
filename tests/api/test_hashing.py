"""What takes tenths of a second is done before the locks for which everybody else waits."""

import pytest
from django.db import connection

from accounts import passwords
from accounts.models import Admin, SuperadminLock
from accounts.passwords import verify_password
from domains.models import RoutingLock
from mailboxes.models import Mailbox

ANN, IT = "/mailboxes/ann@example.org", "/administrators/it@example.org"
PASSWORD, ANOTHER = "tangerine-7-bicycle", "another-8-bicycle"
ANY = {"If-Match": "*"}


@pytest.fixture
def done(monkeypatch):
    """What was slow, and when a lock was taken, in order."""
    found, current, verify = [], passwords._current(), passwords._verify
    locks = tuple(f"INSERT INTO {lock._meta.db_table} " for lock in (RoutingLock, SuperadminLock))

    class Watched:
        def hash(self, raw):
            found.append("hash")
            return current.hash(raw)

    def compare(*args):
        found.append("compare")
        return verify(*args)

    def asked(execute, sql, *args):
        if sql.startswith(locks):
            found.append("lock")
        return execute(sql, *args)

    monkeypatch.setattr(passwords, "_current", Watched)
    monkeypatch.setattr(passwords, "_verify", compare)
    with connection.execute_wrapper(asked):
        yield found


@pytest.fixture(autouse=True)
def accounts(example_org, add_mailbox, make_admin):
    add_mailbox("ann@example.org", password=PASSWORD)
    make_admin("it@example.org", domains=["example.org"], password=PASSWORD)


def before_the_lock(done):
    assert "lock" in done
    place = done.index("lock")
    assert {*done[place:]} == {"lock"}
    return done[:place]


@pytest.mark.parametrize("headers", [{}, ANY])
@pytest.mark.parametrize("path", [ANN, IT])
def test_a_new_password_is_hashed_before(root, done, path, headers):
    assert root.patch(path, {"phone": "1", "password": ANOTHER}, **headers).status_code == 200

    assert before_the_lock(done) == ["hash", "compare"]
    row = (Mailbox if path == ANN else Admin).objects.get(pk=path.rpartition("/")[2])
    assert verify_password(ANOTHER, row.password)[0]


@pytest.mark.parametrize("password", [PASSWORD, ANOTHER])
@pytest.mark.parametrize("path", [ANN, IT])
def test_it_is_no_dry_run_where_that_is_false(root, done, path, password):
    asked = root.patch(f"{path}?dry_run=false", {"password": password})

    assert asked.status_code == 200
    assert before_the_lock(done) == ["hash", "compare"]


@pytest.mark.parametrize("headers", [{}, ANY])
@pytest.mark.parametrize("path", [ANN, IT])
def test_the_same_one_is_compared_before_and_stays(root, done, path, headers):
    rows = (Mailbox if path == ANN else Admin).objects.filter(pk=path.rpartition("/")[2])
    stored = rows.get().password

    assert root.put(path, {"phone": "1", "password": PASSWORD}, **headers).status_code == 200

    assert before_the_lock(done) == ["hash", "compare"]
    assert rows.get().password == stored


def test_the_password_of_a_new_mailbox_is_hashed_before(root, done):
    made = root.put("/mailboxes/joe@example.org", {"password": PASSWORD}, **{"If-None-Match": "*"})

    assert made.status_code == 201
    assert before_the_lock(done) == ["hash"]
    assert verify_password(PASSWORD, Mailbox.objects.get(pk="joe@example.org").password)[0]


def test_a_password_that_is_set_by_its_verb_is_hashed_before(root, done):
    assert root.post(f"{ANN}/password", {"password": ANOTHER}, **ANY).status_code == 204

    assert before_the_lock(done) == ["hash"]


def test_what_another_stored_meanwhile_is_compared_anew(root, done, monkeypatch):
    hold = RoutingLock.hold

    def overtaken():
        Mailbox.objects.filter(pk="ann@example.org").update(password="{PLAIN}" + ANOTHER)
        hold()

    monkeypatch.setattr(RoutingLock, "hold", overtaken)

    assert root.patch(ANN, {"password": PASSWORD}).status_code == 200

    stored = Mailbox.objects.get(pk="ann@example.org").password
    assert verify_password(PASSWORD, stored)[0]


def test_a_dry_run_takes_as_long_with_the_right_one(root, done):
    found = []
    for password in (PASSWORD, ANOTHER):
        done.clear()
        root.patch(f"{ANN}?dry_run=true", {"password": password})
        found.append(list(done))

    assert found[0] == found[1]
    assert "compare" not in found[0]


def test_who_may_not_set_it_takes_as_long_with_the_right_one(make_admin, make_token, program, done):
    admin = make_admin("other@example.org", domains=["example.org"])
    asked, found = program(make_token(admin, rights=["mailboxes:write"])), []
    for password in (PASSWORD, ANOTHER):
        done.clear()
        assert asked.patch(ANN, {"password": password}).status_code == 403
        found.append(list(done))

    assert found[0] == found[1]


@pytest.mark.parametrize("scheme", ["{SHA512-CRYPT}", "{PLAIN}"])
@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        (ANN, {}, {"If-None-Match": "*"}, 412),
        (ANN, {}, {"If-Match": '"another"'}, 412),
        (ANN, {"sending_limit": 5}, {}, 422),
        (IT, {}, {"If-None-Match": "*"}, 412),
        (IT, {"domains": ["nowhere.example"]}, {}, 422),
    ],
)
def test_what_is_refused_takes_as_long_with_the_right_one(
    root, done, path, body, headers, status, scheme
):
    if scheme == "{PLAIN}":
        for model in (Mailbox, Admin):
            model.objects.update(password=scheme + PASSWORD)
    found = []
    for password in (PASSWORD, ANOTHER):
        done.clear()
        answer = root.put(path, {"password": password, **body}, **headers)
        assert answer.status_code == status
        found.append([word for word in done if word != "lock"])

    assert found == [["hash", "compare"]] * 2


@pytest.mark.parametrize("path", [ANN, IT])
def test_a_weak_password_is_refused_whether_it_is_the_stored_one_or_not(root, path):
    rows = (Mailbox if path == ANN else Admin).objects.filter(pk=path.rpartition("/")[2])
    rows.update(password="{PLAIN}weak-1")

    refused = [root.patch(path, {"password": password}) for password in ("weak-1", "weak-2")]

    assert [answer.status_code for answer in refused] == [422, 422]
    assert refused[0].json() == refused[1].json()
    assert root.patch(path, {"active": False}).status_code == 200  # without one none is judged
    assert rows.get().password == "{PLAIN}weak-1"


def test_what_can_be_no_password_is_not_hashed(root, done):
    assert root.patch(ANN, {"password": "x" * 600}).status_code == 422

    assert "hash" not in done
