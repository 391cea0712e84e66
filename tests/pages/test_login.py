import threading

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse

from accounts.models import LoginAttempt
from domains.services import set_domain_active
from mailboxes.models import Mailbox
from tests.pages.reading import text

MD5_CRYPT = "$1$c9809462$9gHrd5apTpEkXg8RB0MrT."  # of the next line
OLD_PASSWORD = "grün-42 apple"
REFUSED = "Address and password do not match, or this account may not sign in."


@pytest.fixture
def sign(client, password):
    def send(username, password=password, **fields):
        return client.post(reverse("login"), {"username": username, "password": password, **fields})

    return send


def test_every_page_leads_a_stranger_to_the_login_and_back(client, sign, make_admin):
    make_admin("root@example.org", superadmin=True)

    sent_away = client.get("/domains/?state=active")
    response = sign("root@example.org", next="/domains/?state=active")

    assert sent_away.url == "/login/?next=/domains/%3Fstate%3Dactive"
    assert (response.status_code, response.url) == (302, "/domains/?state=active")


def test_a_superadmin_a_domain_admin_and_a_mailbox_user_sign_in_at_one_page(
    client, sign, make_admin, add_mailbox, example_org
):
    make_admin("root@example.org", superadmin=True)
    make_admin("admin@example.org", domains=["example.org"])
    add_mailbox("joe@example.org")

    landed = {}
    for name in ("root", "admin", "joe"):
        response = sign(f"{name}@example.org")
        landed[name] = client.get(response.url, follow=True).request["PATH_INFO"]
        client.logout()

    assert landed == {"root": "/", "admin": "/domains/example.org/", "joe": "/account/"}


def test_upper_case_and_spaces_around_the_address_do_not_matter(client, sign, make_admin):
    make_admin("root@example.org", superadmin=True)

    assert sign(" Root@Example.ORG ").status_code == 302


def test_wrong_unknown_and_inactive_get_the_same_answer(sign, make_admin, add_mailbox, example_org):
    make_admin("root@example.org", superadmin=True)
    make_admin("former@example.org", active=False)
    add_mailbox("off@example.org", active=False)

    answers = {
        (
            response.status_code,
            text(response).replace(response.context["form"]["username"].value(), ""),
        )
        for response in (
            sign("root@example.org", "wrong"),
            sign("nobody@example.org"),
            sign("former@example.org"),
            sign("off@example.org"),
        )
    }

    assert len(answers) == 1
    [(status, said)] = answers
    assert status == 422
    assert REFUSED in said


def test_beyond_the_passwords_verified_at_once_nobody_waits_for_a_turn(
    sign, make_admin, monkeypatch
):
    make_admin("root@example.org", superadmin=True)
    turns = threading.BoundedSemaphore(1)
    monkeypatch.setattr("accounts.throttle._verifying", turns)

    with turns:  # somebody else's password is being verified
        response = sign("root@example.org")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.context["form"]["username"].value() == "root@example.org"
    assert LoginAttempt.objects.count() == 0

    assert sign("root@example.org", "wrong").status_code == 422
    assert sign("root@example.org").status_code == 302


def test_an_error_while_verifying_gives_the_turn_back(sign, make_admin, monkeypatch):
    make_admin("root@example.org", superadmin=True)
    turns = threading.BoundedSemaphore(1)
    monkeypatch.setattr("accounts.throttle._verifying", turns)

    with monkeypatch.context() as broken:
        broken.setattr("accounts.backends.verify_password", lambda *_args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sign("root@example.org")

    assert sign("root@example.org").status_code == 302


def test_nobody_of_an_inactive_domain_signs_in(sign, add_mailbox, example_org):
    add_mailbox("joe@example.org")
    set_domain_active(actor=None, domain=example_org, active=False)

    response = sign("joe@example.org")

    assert response.status_code == 422
    assert response.context["form"].non_field_errors() == [REFUSED]


def test_the_password_is_not_sent_back(sign, db):
    assert b"a-wrong-secret" not in sign("nobody@example.org", "a-wrong-secret").content


def test_empty_fields_are_said_at_the_field_and_count_as_no_attempt(sign, db):
    response = sign("", "")

    assert response.status_code == 422
    assert response.context["form"].errors == {
        "username": ["Enter the e-mail address."],
        "password": ["Enter the password."],
    }
    assert LoginAttempt.objects.count() == 0


def test_after_too_many_wrong_passwords_even_the_right_one_must_wait(
    sign, client, make_admin, settings
):
    settings.LOGIN_FAILURES, settings.LOGIN_PAUSE_MINUTES = 3, 15
    make_admin("root@example.org", superadmin=True)

    statuses = [sign("root@example.org", "wrong").status_code for _attempt in range(3)]
    response = sign("root@example.org")

    assert statuses == [422, 422, 422]
    assert response.status_code == 429
    assert "Wait 15 minutes, then try again." in text(response)
    assert SESSION_KEY not in client.session


def test_a_right_password_in_time_starts_the_count_again(sign, client, make_admin, settings):
    settings.LOGIN_FAILURES = 2
    make_admin("root@example.org", superadmin=True)

    for _round in range(3):
        assert sign("root@example.org", "wrong").status_code == 422
        assert sign("root@example.org").status_code == 302
        client.logout()


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "http:evil.example",
        "\thttps://evil.example",
    ],
)
def test_no_link_leads_from_the_login_to_another_site(target, client, sign, make_admin):
    make_admin("root@example.org", superadmin=True)

    page = client.get(reverse("login"), {"next": target})
    response = sign("root@example.org", next=target)
    again = client.get(reverse("login"), {"next": target})

    assert "evil" not in page.content.decode()
    assert "alert" not in page.content.decode()
    assert (response.status_code, response.url) == (302, "/")
    assert (again.status_code, again.url) == (302, "/")


@pytest.mark.parametrize(("target", "place"), [("https", "/log/"), ("http", "/")])
def test_over_https_no_link_leads_to_plain_http_not_even_here(
    target, place, client, make_admin, password
):
    make_admin("root@example.org", superadmin=True)
    fields = {"username": "root@example.org", "password": password}

    response = client.post(
        reverse("login"), fields | {"next": f"{target}://testserver/log/"}, secure=True
    )

    assert response.status_code == 302
    assert response.url.removeprefix("https://testserver") == place


def test_the_session_is_a_new_one_after_signing_in(client, sign, make_admin):
    make_admin("root@example.org", superadmin=True)
    session = client.session
    session["left behind"] = "by somebody else"
    session.save()
    before = session.session_key

    sign("root@example.org")

    assert client.session.session_key != before
    assert "left behind" not in client.session
    assert client.session[SESSION_KEY] == "root@example.org"


def test_who_is_signed_in_is_led_past_the_login(sign_in, make_admin):
    client = sign_in(make_admin())

    response = client.get(reverse("login"))

    assert (response.status_code, response.url) == (302, "/")


def test_signing_out_takes_a_post_and_ends_the_session(sign_in, make_admin):
    client = sign_in(make_admin())
    key = client.session.session_key

    assert client.get(reverse("logout")).status_code == 405
    assert client.session.session_key == key

    response = client.post(reverse("logout"))
    assert (response.status_code, response.url) == (302, "/login/")
    assert client.session.session_key != key
    assert client.get("/").url == "/login/?next=/"


def test_a_form_without_its_token_is_refused(make_admin, password):
    client = Client(enforce_csrf_checks=True)
    make_admin("root@example.org", superadmin=True)

    response = client.post(reverse("login"), {"username": "root@example.org", "password": password})

    assert response.status_code == 403
    assert "This form is too old" in response.content.decode()


def test_an_outdated_hash_is_replaced_at_login_and_the_session_lives(
    client, sign, add_mailbox, example_org
):
    add_mailbox("joe@example.org")
    Mailbox.objects.update(password=MD5_CRYPT)

    sign("joe@example.org", OLD_PASSWORD)

    assert Mailbox.objects.get().password.startswith("{SHA512-CRYPT}$6$")
    assert client.get(reverse("account")).status_code == 200


def test_the_login_page_is_never_cached(client, db):
    assert "no-store" in client.get(reverse("login")).headers["Cache-Control"]


def test_the_page_names_the_firm_and_says_who_sets_a_forgotten_password(client, db, settings):
    assert "Forgot it? Your administrator sets a new one." in text(client.get(reverse("login")))
    assert "Brightwater" not in client.get(reverse("login")).text

    settings.FIRM_NAME = "Brightwater <& Sons>"

    assert "Brightwater &lt;&amp; Sons&gt;" in client.get(reverse("login")).text
