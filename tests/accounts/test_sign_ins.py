from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import sign_ins
from accounts.models import LogEntry, LoginAttempt

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def people(example_org, other_net, make_admin, add_mailbox):
    add_mailbox("joe@example.org")
    return make_admin("root@example.org", superadmin=True)


def enter(name, password, ip="192.0.2.7"):
    return Client(REMOTE_ADDR=ip).post("/login/", {"username": name, "password": password})


def written():
    rows = LogEntry.objects.filter(action__startswith="login").order_by("pk")
    return list(rows.values_list("action", "username", "domain", "data"))


def test_who_signs_in_is_written_down(password):
    enter("Joe@example.org", password)
    enter("root@example.org", password, "2001:db8::1")

    assert written() == [
        ("login", "joe@example.org (192.0.2.7)", "example.org", "joe@example.org"),
        ("login", "root@example.org (2001:db8::1)", "", "root@example.org"),
    ]


def test_the_same_one_from_the_same_place_is_written_once_an_hour(password):
    for ip in ("192.0.2.7", "192.0.2.7", "192.0.2.8"):
        enter("joe@example.org", password, ip)
    assert len(written()) == 2

    LogEntry.objects.update(timestamp=timezone.now() - sign_ins.HOUR - timedelta(seconds=1))
    enter("joe@example.org", password)
    assert len(written()) == 3


def test_of_wrong_passwords_the_first_is_written_and_the_one_that_closes(settings):
    for _time in range(settings.LOGIN_FAILURES + 3):
        enter("joe@example.org", "wrong")

    failed = ("login_failed", "joe@example.org (192.0.2.7)", "example.org", "joe@example.org")
    assert written() == [failed, failed]
    last = LogEntry.objects.latest("pk")
    assert last.changes == {"failures": [None, settings.LOGIN_FAILURES]}


def test_a_name_that_nobody_has_is_not_written_down():
    enter("hunter2-my-password", "x")
    enter("nobody@example.org", "x")

    unknown = ("login_unknown", " (192.0.2.7)", "", "")
    assert written() == [unknown, unknown]


def test_a_switched_off_account_is_a_name_that_nobody_has(people):
    type(people).objects.update(active=False)
    enter("root@example.org", "x")

    assert written() == [("login_unknown", " (192.0.2.7)", "", "")]


@pytest.mark.parametrize(
    ("name", "action"), [("joe@example.org", "login_failed"), ("x@example.org", "login_unknown")]
)
def test_many_networks_write_so_much_an_hour_and_no_more(name, action, monkeypatch):
    monkeypatch.setattr(sign_ins, "AN_HOUR", 3)
    for number in range(6):
        enter(name, "wrong", f"192.0.2.{number}")
    assert [row[0] for row in written()] == [action] * 3

    other = {"login_failed": "y@example.org", "login_unknown": "joe@example.org"}[action]
    enter(other, "wrong", "198.51.100.1")
    assert len(written()) == 4


def test_sign_ins_to_one_domain_do_not_hide_those_to_another(add_mailbox, password, monkeypatch):
    monkeypatch.setattr(sign_ins, "AN_HOUR", 2)
    add_mailbox("ann@other.net")
    for number in range(4):
        enter("joe@example.org", password, f"192.0.2.{number}")
    enter("ann@other.net", password)

    assert [row[2] for row in written()] == ["example.org", "example.org", "other.net"]


def test_unknown_and_known_names_take_as_many_statements(django_assert_num_queries):
    def cost(name, ip):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as asked:
            enter(name, "wrong", ip)
        return len(asked)

    assert cost("joe@example.org", "192.0.2.1") == cost("nobody@example.org", "192.0.2.2")


def test_each_administrator_sees_those_of_the_own_domains(
    make_admin, sign_in, add_mailbox, password
):
    add_mailbox("ann@other.net")
    for name in ("joe@example.org", "ann@other.net", "nobody@example.org", "root@example.org"):
        enter(name, "wrong")
    client = sign_in(make_admin("it@example.org", domains=["example.org"]))

    page = client.get("/log/?kind=sign-in")

    assert [row.data for row in page.context["object_list"]] == ["joe@example.org"]
    assert "A wrong password for <a" in page.text


def test_the_dashboard_shows_changes_alone(make_admin, sign_in, password, people):
    LoginAttempt.objects.all().delete()
    enter("root@example.org", password)

    entries = sign_in(people).get("/").context["log_entries"]

    assert "login" not in {entry.action for entry in entries}
    assert len(entries) > 0
