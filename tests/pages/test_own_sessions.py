"""The list of one's own sessions, and ending them."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.browsers import named
from accounts.models import LogEntry, PanelSession
from accounts.services import update_admin
from domains.services import set_domain_active, update_domain
from mailboxes.models import Mailbox
from mailboxes.services import update_mailbox
from panel.transactions import Unavailable
from tests.pages.reading import text

URL = reverse("own-sessions")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"


@pytest.fixture
def open_session(password):
    """``open_session(account)``: sign in by the page, and return that browser."""

    def sign(account, agent=FIREFOX, ip="192.0.2.7"):
        client = Client(headers={"User-Agent": agent}, REMOTE_ADDR=ip)
        fields = {"username": account.pk, "password": password}
        assert client.post(reverse("login"), fields).status_code == 302
        return client

    return sign


def is_open(client):
    return client.get(reverse("account")).status_code == 200


def names(client):
    return {one.ip: one.name for one in client.get(URL).context["sessions"]}


def test_each_session_says_browser_and_address(account, open_session):
    here = open_session(account)
    open_session(account, SAFARI, "2001:db8::7")

    page = here.get(URL)

    assert [(one.browser, one.system, one.ip, one.current) for one in page.context["sessions"]] == [
        ("Firefox", "Linux", "192.0.2.7", True),
        ("Safari", "iPhone", "2001:db8::7", False),
    ]
    assert "Firefox on Linux this one" in text(page)
    assert page.text.count("<time ") == 4


def test_no_key_of_a_session_is_in_the_page(account, open_session):
    here = open_session(account)
    open_session(account, ip="192.0.2.8")

    page = here.get(URL).text

    assert PanelSession.objects.count() == 2
    assert not [row for row in PanelSession.objects.all() if row.pk in page]


def test_one_is_ended(account, open_session):
    here, there = open_session(account), open_session(account, ip="192.0.2.8")
    third = open_session(account, ip="192.0.2.9")

    answer = here.post(URL, {"end": names(here)["192.0.2.8"]})

    assert answer.url == URL
    assert [is_open(client) for client in (here, there, third)] == [True, False, True]
    assert LogEntry.objects.filter(action="end_own_sessions", data="joe@example.org").count() == 1


def test_all_others_are_ended(account, open_session):
    here, *others = [open_session(account, ip=f"192.0.2.{n}") for n in range(4)]

    here.post(URL, {"others": "1"})

    assert is_open(here)
    assert not [client for client in others if is_open(client)]
    assert list(names(here)) == ["192.0.2.0"]


def test_the_session_of_somebody_else_does_not_exist(
    account, open_session, add_mailbox, add_domain
):
    add_domain("ann.example")
    ann = open_session(add_mailbox("ann@ann.example"), ip="192.0.2.8")
    here = open_session(account)

    for end in (names(ann)["192.0.2.8"], "", "x", names(here)["192.0.2.7"]):
        assert here.post(URL, {"end": end}).status_code == 404

    assert is_open(ann)
    assert is_open(here)
    here.post(URL, {"others": "1"})
    assert is_open(ann)


def test_an_administrator_does_not_see_those_of_the_mailbox_of_the_same_name(
    open_session, add_mailbox, make_admin, example_org
):
    user = add_mailbox("joe@example.org", password="another-orange-bicycle-8")
    here = open_session(make_admin("joe@example.org"))
    other = Client()
    other.post(reverse("login"), {"username": user.pk, "password": "another-orange-bicycle-8"})

    assert len(names(here)) == 1
    here.post(URL, {"others": "1"})
    assert is_open(other)


def test_a_session_without_its_second_step_is_nobodys(
    open_session, add_mailbox, example_org, shows
):
    joe = add_mailbox("joe@example.org")
    shows(joe)
    open_session(joe)

    assert PanelSession.objects.get().username == ""


def test_a_new_password_ends_the_others_and_leaves_no_rows_of_them(account, open_session, password):
    here, there = open_session(account), open_session(account, ip="192.0.2.8")
    page = "own-password" if account.is_mailbox_user else "account"

    fields = {"old_password": password, "password": "another-orange-bicycle-8"}
    assert here.post(reverse(page), fields).status_code == 302

    assert (is_open(here), is_open(there)) == (True, False)
    assert PanelSession.objects.of(account).count() == 1


def test_an_account_that_is_off_has_no_open_session(open_session, add_mailbox, example_org):
    client = open_session(add_mailbox("joe@example.org"))

    Mailbox.objects.update(active=False)

    assert not is_open(client)


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_takes_as_many_statements_for_any_number(
    number, open_session, add_mailbox, example_org, django_assert_num_queries
):
    joe = add_mailbox("joe@example.org")
    clients = [open_session(joe, ip=f"192.0.2.{n}") for n in range(number)]

    with django_assert_num_queries(4):  # the session, the account, whether it manages, the list
        assert len(clients[0].get(URL).context["sessions"]) == number


def test_two_clicks_get_the_same_answer(open_session, add_mailbox, example_org, password):
    joe = add_mailbox("joe@example.org")
    client = Client(enforce_csrf_checks=True)
    token = str(client.get(reverse("login")).context["csrf_token"])
    fields = {"username": joe.pk, "password": password, "csrfmiddlewaretoken": token}
    client.post(reverse("login"), fields)
    open_session(joe, ip="192.0.2.8")
    token = str(client.get(URL).context["csrf_token"])
    fields = {"end": names(client)["192.0.2.8"], "csrfmiddlewaretoken": token}

    assert [client.post(URL, fields).status_code for _click in range(2)] == [302, 302]


def test_while_the_database_takes_no_changes_the_list_stays(
    open_session, add_mailbox, example_org, monkeypatch
):
    client = open_session(add_mailbox("joe@example.org"))

    def unavailable(*_args, **_kwargs):
        raise Unavailable("read_only")

    monkeypatch.setattr("panel.once._done", unavailable)
    page = client.post(URL, {"others": "1"})

    assert page.status_code == 503
    assert "The database takes no changes now." in text(page)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, ["Firefox", "Linux"]),
        (SAFARI, ["Safari", "iPhone"]),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0 Safari/537.36 Edg/131.0", ["Edge", "Windows"]),
        (
            "Mozilla/5.0 (Linux; Android 15) Chrome/131.0 Mobile Safari/537.36",
            ["Chrome", "Android"],
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) Chrome/131 OPR/117", ["Opera", "macOS"]),
        ("curl/8.0", ["", ""]),
        ("", ["", ""]),
    ],
)
def test_browsers_are_named(agent, words):
    assert named(agent) == words


def test_who_was_switched_off_and_on_again_signs_in_anew(account, open_session, make_admin):
    here, another = open_session(account), open_session(make_admin("other@example.org"))
    update = update_mailbox if account.is_mailbox_user else update_admin

    for active in (False, True):
        update(actor=None, active=active, **{account.account_kind: account})

    assert (is_open(here), is_open(another)) == (False, True)
    assert PanelSession.objects.of(account).count() == 0


def test_the_right_to_sign_in_comes_back_without_sessions(open_session, add_mailbox, example_org):
    joe = add_mailbox("joe@example.org")
    client = open_session(joe)

    update_mailbox(actor=None, mailbox=joe, name="Joe", pop3_active=False)
    assert is_open(client)
    for sign_in_active in (False, True):
        update_mailbox(actor=None, mailbox=joe, sign_in_active=sign_in_active)

    assert not is_open(client)


def test_a_domain_comes_back_without_sessions_of_its_users(
    open_session, example_org, other_net, add_mailbox, make_admin
):
    ann, bob = add_mailbox("ann@example.org"), add_mailbox("bob@other.net")
    admin = make_admin(domains=["example.org"])
    clients = [open_session(account) for account in (ann, bob, admin)]
    # An administrator whose name a mailbox of the domain has.
    add_mailbox("it@example.org")
    clients.append(open_session(make_admin("it@example.org")))

    update_domain(actor=None, domain=example_org, description="Ours")
    assert [is_open(client) for client in clients] == [True, True, True, True]
    for active in (False, True):
        set_domain_active(actor=None, domain=example_org, active=active)

    assert [is_open(client) for client in clients] == [False, True, True, True]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_domain_ends_any_number_of_them_in_two_statements(
    number, open_session, add_mailbox, example_org
):
    for n in range(number):
        open_session(add_mailbox(f"user{n}@example.org"))

    with CaptureQueriesContext(connection) as captured:
        set_domain_active(actor=None, domain=example_org, active=False)

    about = [query["sql"] for query in captured if "panel_session" in query["sql"]]
    assert len(about) == (2 if number else 1)
    assert PanelSession.objects.count() == 0
