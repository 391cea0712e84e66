"""Sign-in by the proxy in front of the panel. That nginx throws away what a client sends: tests/e2e/test_single_sign_on.py."""

from datetime import date

import pytest
from django.test import Client

from accounts.factor_forms import CodeForm
from accounts.sessions import GOES_ON
from mailboxes.models import Mailbox
from tests.codes import code

JOE = {"X-Remote-User": "joe@example.org"}
NEW = "quiet-otters-seven-8"


@pytest.fixture(autouse=True)
def trusted(settings):
    settings.REMOTE_USER = settings.BEHIND_PROXY = True


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


def who(client):
    return client.session.get("_auth_user_id")


def test_whoever_the_proxy_let_through_sees_the_page_they_asked_for(client, joe):
    response = client.get("/account/", headers=JOE, follow=True)

    assert response.redirect_chain == [("/login/?next=/account/", 302), ("/account/", 302)]
    assert who(client) == "joe@example.org"


def test_unless_settings_say_so_the_header_is_anybody_s(client, settings, joe):
    settings.REMOTE_USER = False

    assert (client.get("/login/", headers=JOE).status_code, who(client)) == (200, None)


@pytest.mark.parametrize("name", ["nobody@example.org", "joe", "", "joe@example.org@x", "@"])
def test_an_unknown_name_opens_nothing(name, client, joe):
    response = client.get("/login/", headers={"X-Remote-User": name})

    assert (response.status_code, who(client)) == (422 if name else 200, None)
    assert 'name="password"' in response.content.decode()


def test_a_name_without_a_domain_is_completed(client, settings, joe):
    settings.REMOTE_USER_DOMAIN = "example.org"

    client.get("/login/", headers={"X-Remote-User": "Joe"})

    assert who(client) == "joe@example.org"


def test_an_inactive_account_and_a_role_left_out_are_not_signed_in(client, settings, joe):
    settings.REMOTE_USER_ROLES = ["administrators"]
    client.get("/login/", headers=JOE)
    assert who(client) is None

    settings.REMOTE_USER_ROLES = ["users"]
    Mailbox.objects.filter(pk=joe.pk).update(active=False)
    client.get("/login/", headers=JOE)
    assert who(client) is None


def test_the_session_ends_when_the_proxy_names_another(client, joe, add_mailbox):
    add_mailbox("ann@example.org")
    client.get("/login/", headers=JOE)
    assert client.get("/account/", headers=JOE).status_code == 200

    response = client.get("/account/", headers={"X-Remote-User": "ann@example.org"})
    assert (response.status_code, who(client)) == (302, None)


def test_the_session_ends_when_the_proxy_names_nobody(client, joe):
    client.get("/login/", headers=JOE)

    assert (client.get("/account/").status_code, who(client)) == (302, None)


def test_whoever_signs_out_is_not_signed_in_again_at_once(client, joe):
    client.get("/login/", headers=JOE)

    response = client.post("/logout/", headers=JOE, follow=True)

    assert response.redirect_chain == [("/login/?signed-out", 302)]
    assert (response.status_code, who(client)) == (200, None)


def test_a_password_signs_in_as_somebody_else_and_the_session_stays(
    client, joe, make_admin, password
):
    make_admin("boss@example.org")

    client.post(
        "/login/?signed-out", {"username": "boss@example.org", "password": password}, headers=JOE
    )

    assert client.get("/account/", headers=JOE).status_code == 200
    assert who(client) == "boss@example.org"


def test_a_second_factor_is_asked_for_unless_settings_say_that_the_proxy_did(
    client, settings, joe, clock, shows
):
    secret = shows(joe)
    response = client.get("/login/", headers=JOE)
    assert (response.url, who(client)) == ("/login/second/", None)
    client.post("/login/second/", {"code": code(secret)}, headers=JOE)
    assert who(client) == "joe@example.org"
    assert client.get("/account/").status_code == 302

    settings.REMOTE_USER_SECOND_FACTOR = True
    client.get("/login/", headers=JOE)
    assert who(client) == "joe@example.org"


@pytest.mark.parametrize("headers", [JOE, {}])
def test_a_password_and_a_code_sign_in_beside_the_proxy(
    headers, client, joe, make_admin, clock, shows, password
):
    secret = shows(make_admin("boss@example.org"))
    sign_in = {"username": "boss@example.org", "password": password}

    response = client.post("/login/?signed-out", sign_in, headers=headers)
    assert (response.url, who(client)) == ("/login/second/", None)
    client.post("/login/second/", {"code": code(secret)}, headers=headers)

    assert who(client) == "boss@example.org"
    assert client.get("/account/", headers=headers).status_code == 200


def test_who_was_asked_by_the_proxy_need_not_set_one_up(client, settings, joe):
    settings.SECOND_FACTOR_FROM = {"mailbox": date(2020, 1, 1)}
    page = client.get("/account/", headers=JOE, follow=True)
    assert page.request["PATH_INFO"] == "/account/factor/setup/"

    client.logout()
    settings.REMOTE_USER_SECOND_FACTOR = True
    page = client.get("/account/", headers=JOE, follow=True)
    assert page.request["PATH_INFO"] == "/account/"


def cookies_of(client):
    return {name: morsel.value for name, morsel in client.cookies.items()}


def changes_password(client, password):
    token = str(client.get("/account/password/", headers=JOE).context["csrf_token"])
    return {"old_password": password, "password": NEW, "csrfmiddlewaretoken": token}


def test_two_clicks_on_a_new_password_leave_the_session_what_it_was(settings, joe, password):
    settings.REMOTE_USER_SECOND_FACTOR = True
    settings.SECOND_FACTOR_FROM = {"mailbox": date(2020, 1, 1)}
    client = Client(enforce_csrf_checks=True)
    client.get("/login/", headers=JOE)
    fields, before = changes_password(client, password), cookies_of(client)
    client.post("/account/password/", fields, headers=JOE)
    client.cookies.load(before)

    again = client.post("/account/password/", fields, headers=JOE)

    assert (again.status_code, again.url) == (302, "/account/")
    assert client.get("/account/", headers=JOE).status_code == 200
    assert client.get("/account/").status_code == 302
    assert who(client) is None


@pytest.mark.parametrize("headers", [{}, {"X-Remote-User": "ann@example.org"}])
def test_the_form_sent_once_more_opens_nothing_to_whom_the_proxy_calls_otherwise(
    headers, joe, password
):
    client = Client(enforce_csrf_checks=True)
    client.get("/login/", headers=JOE)
    fields, before = changes_password(client, password), cookies_of(client)
    client.post("/account/password/", fields, headers=JOE)
    client.cookies.load(before)

    again = client.post("/account/password/", fields, headers=headers)

    assert (again.url.partition("?")[0], who(client)) == ("/login/", None)


@pytest.mark.parametrize("under_way", [True, False])
def test_two_clicks_on_the_second_step_leave_the_session_the_proxy_s(
    under_way, joe, clock, shows, monkeypatch
):
    secret, client, first = shows(joe), Client(enforce_csrf_checks=True), Client()
    client.get("/login/", headers=JOE)
    token = str(client.get("/login/second/", headers=JOE).context["csrf_token"])
    fields = {"code": code(secret), "csrfmiddlewaretoken": token}
    first.cookies.load(cookies_of(client))
    is_valid = CodeForm.is_valid

    def click_meanwhile(bound):
        click.undo()
        assert first.post("/login/second/", fields, headers=JOE).status_code == 302
        return is_valid(bound)

    with monkeypatch.context() as click:
        if under_way:
            click.setattr(CodeForm, "is_valid", click_meanwhile)
        else:
            first.post("/login/second/", fields, headers=JOE)
        client.post("/login/second/", fields, headers=JOE)

    assert client.get("/account/", headers=JOE).status_code == 200
    assert client.get("/account/").status_code == 302
    assert who(client) is None


def test_what_a_session_left_behind_before_these_marks_still_counts(joe, password):
    client = Client(enforce_csrf_checks=True)
    client.get("/login/", headers=JOE)
    fields, before = changes_password(client, password), cookies_of(client)
    client.post("/account/password/", fields, headers=JOE)
    client.cookies.load(before)
    session = client.session
    session[GOES_ON] = session[GOES_ON][:5]
    session.save()

    assert client.post("/account/password/", fields, headers=JOE).url == "/account/"
