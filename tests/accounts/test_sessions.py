import time

import pytest
from django.urls import reverse

from accounts.models import Admin, PanelSession
from accounts.session_store import SessionStore


@pytest.fixture
def clock(monkeypatch):
    """Call it with minutes, and so much time has passed."""
    begun = time.time()
    state = {"now": begun}
    monkeypatch.setattr("accounts.sessions.time.time", lambda: state["now"])

    def advance(minutes):
        state["now"] += minutes * 60

    return advance


@pytest.fixture
def client_of_admin(client, make_admin, password):
    make_admin("root@example.org", superadmin=True)
    client.post("/login/", {"username": "root@example.org", "password": password})
    assert client.get("/account/").status_code == 200
    return client


def test_a_session_ends_when_nobody_used_it_for_a_while(clock, client_of_admin):
    clock(119)
    assert client_of_admin.get("/account/").status_code == 200
    clock(119)
    assert client_of_admin.get("/account/").status_code == 200
    clock(121)
    assert client_of_admin.get("/account/").status_code == 302
    assert PanelSession.objects.count() == 0


def test_a_session_ends_after_a_day_however_busy_it_is(clock, client_of_admin):
    for _time in range(11):
        clock(60)
        assert client_of_admin.get("/account/").status_code == 200
    clock(60)
    assert client_of_admin.get("/account/").status_code == 302


def test_a_session_that_somebody_else_wrote_opens_nothing(client_of_admin):
    [data] = PanelSession.objects.values_list("session_data", flat=True)
    PanelSession.objects.update(session_data=data[:-1] + ("A" if data[-1] != "A" else "B"))
    assert client_of_admin.get("/account/").status_code == 302
    PanelSession.objects.update(session_data=data)
    assert client_of_admin.get("/account/").status_code == 200


def test_what_a_page_changes_in_a_session_that_it_read_is_its_own():
    store = SessionStore()
    data = store.encode({"names": ["a"]})
    store.decode(data)["names"].append("b")
    assert store.decode(data) == {"names": ["a"]}


def test_the_minutes_of_a_session_are_settings(clock, client_of_admin, settings):
    settings.SESSION_IDLE_SECONDS = 300
    clock(6)
    assert client_of_admin.get("/account/").status_code == 302


def test_a_click_writes_only_once_in_a_twentieth_of_the_idle_time(
    clock, client_of_admin, django_assert_num_queries
):
    reads = 1  # the session, with its administrator
    written = reads + 3  # a transaction around one UPDATE
    for minutes, statements in [(0, reads), (5, reads), (1, written), (5, reads), (1, written)]:
        clock(minutes)
        with django_assert_num_queries(statements):
            assert client_of_admin.get("/account/").status_code == 200


@pytest.mark.parametrize(
    "change", [{"active": False}, {"password": "{PLAIN}x"}, {"passkey_handle": "ab" * 64}]
)
def test_what_becomes_of_an_administrator_counts_at_the_very_next_click(client_of_admin, change):
    Admin.objects.filter(pk="root@example.org").update(**change)

    assert client_of_admin.get("/account/").status_code == 302


def test_an_administrator_who_is_gone_is_out_at_the_very_next_click(client_of_admin):
    Admin.objects.all().delete()

    assert client_of_admin.get("/account/").status_code == 302


def test_a_mailbox_s_session_opens_nothing_of_an_administrator_of_the_same_name(
    client, make_admin, example_org, add_mailbox, password
):
    make_admin("joe@example.org", superadmin=True, password="another evening 44")
    joe = add_mailbox("joe@example.org")
    client.post("/login/", {"username": joe.pk, "password": password})

    assert client.get("/account/").context["account"] == joe
    assert client.get("/administrators/").status_code == 404


def test_a_new_password_does_not_prolong_a_session(clock, client_of_admin, password):
    clock(100)
    client_of_admin.get("/account/")
    new = {"old_password": password, "password": "a much longer evening 43"}
    assert client_of_admin.post("/account/", new | {"password2": new["password"]}).status_code in {
        200,
        302,
    }
    assert Admin.objects.get(pk="root@example.org").check_password("a much longer evening 43")
    for _time in range(6):
        clock(100)
        client_of_admin.get("/account/")
    clock(21)
    assert client_of_admin.get("/account/").status_code == 302


def test_nobody_reads_what_was_said_to_whoever_sat_here_before(
    client_of_admin, example_org, add_mailbox, password
):
    joe = add_mailbox("joe@example.org")
    switch, said = reverse("mailbox-state", args=[joe.pk]), "joe@example.org is on: "
    sign_in = {"username": joe.pk, "password": password}

    client_of_admin.post(switch, {"active": "1"})
    assert client_of_admin.get("/").text.count(said) == 1
    client_of_admin.post(switch, {"active": "1"})
    at_once = client_of_admin.post("/login/", sign_in, follow=True)
    assert (at_once.context["account"], at_once.text.count(said)) == (joe, 0)

    client_of_admin.post("/login/", {"username": "root@example.org", "password": password})
    client_of_admin.post(switch, {"active": "1"})
    signed_out = client_of_admin.post("/logout/", follow=True)
    afterwards = client_of_admin.post("/login/", sign_in, follow=True)
    assert [page.text.count(said) for page in (signed_out, afterwards)] == [0, 0]


@pytest.mark.parametrize(
    ("page", "back"),
    [
        ("http://testserver/mailboxes/?state=full", "/mailboxes/%3Fstate%3Dfull"),
        ("http://testserver", "/"),
        ("http://elsewhere.example/mailboxes/", "/mailboxes/bulk/"),
        (None, "/mailboxes/bulk/"),
    ],
)
def test_whoever_was_signed_out_comes_back_to_the_page_the_form_stood_on(page, back, client):
    headers = {"Referer": page} if page else {}

    response = client.post("/mailboxes/bulk/", {"action": "delete"}, headers=headers)

    assert response.url == f"/login/?next={back}"
