import re

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from mailadmin import views

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
ERROR_PAGES = ["400.html", "403.html", "403_csrf.html", "404.html", "500.html", "503.html"]


@pytest.fixture
def patient_client():
    return Client(raise_request_exception=False)


@pytest.fixture
def database_away():
    """Call it, and until the test's end no statement is answered any more."""
    with pytest.MonkeyPatch.context() as patch:

        def go(error=OperationalError):
            def cursor(*args, **kwargs):
                raise error('(2002, "Can\'t connect to server")')

            patch.setattr(connection, "cursor", cursor)

        yield go


@pytest.mark.parametrize("path", ["/login/", "/", "/nowhere/", "/healthz"])
def test_every_answer_allows_our_own_files_only(path, client, db):
    response = client.get(path)

    assert response.headers["Content-Security-Policy"] == POLICY
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["dashboard", "domain-list", "admin-list", "log", "account", "search"]
)
def test_no_cache_keeps_a_page_of_somebody_signed_in(name, sign_in, make_admin, example_org):
    response = sign_in(make_admin(superadmin=True)).get(reverse(name))

    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    ["dashboard", "domain-list", "domain-create", "admin-list", "admin-create", "log", "account"],
)
def test_no_page_has_a_script_or_style_of_its_own(name, sign_in, make_admin, example_org):
    page = sign_in(make_admin(superadmin=True)).get(reverse(name)).content.decode()

    assert "<style" not in page
    assert " style=" not in page
    assert " onclick=" not in page
    assert "javascript:" not in page
    assert page.count("<script") == page.count("<script src=")


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_without_the_database_a_page_says_that_mail_is_waiting(
    error, patient_client, sign_in, make_admin, database_away
):
    patient_client.cookies = sign_in(make_admin(superadmin=True)).cookies
    database_away(error)

    response = patient_client.get(reverse("dashboard"))

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"
    assert "Mail is waiting, not lost" in response.content.decode()
    assert "2002" not in response.content.decode()


def test_without_the_database_signing_in_says_so_too(patient_client, db, database_away):
    database_away()

    response = patient_client.post(reverse("login"), {"username": "a@b.example", "password": "x"})

    assert response.status_code == 503


def test_the_health_check_answers_whoever_asks(client, db):
    response = client.get(reverse("healthz"))

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_the_health_check_tells_monitoring_that_the_database_is_away(
    error, client, db, database_away
):
    database_away(error)

    response = client.get(reverse("healthz"))

    assert (response.status_code, response.content) == (503, b"database away\n")


def test_an_unforeseen_error_is_a_500_that_tells_nothing(
    patient_client, sign_in, make_admin, monkeypatch
):
    def broken(self, **kwargs):
        raise ValueError("a-secret-detail")

    patient_client.cookies = sign_in(make_admin(superadmin=True)).cookies
    monkeypatch.setattr(views.Dashboard, "get_context_data", broken)

    response = patient_client.get(reverse("dashboard"))

    assert response.status_code == 500
    assert "Something broke in the panel" in response.content.decode()
    assert "a-secret-detail" not in response.content.decode()


@pytest.mark.parametrize("template", ERROR_PAGES)
def test_error_pages_need_no_context_and_no_database(template, database_away):
    database_away()

    page = render_to_string(template)

    assert page.count("<h1>") == 1
    assert "{%" not in page


def test_a_page_that_does_not_exist_says_nothing_about_why(sign_in, make_admin, example_org):
    client = sign_in(make_admin())

    foreign = client.get(reverse("domain", args=["example.org"]))
    missing = client.get(reverse("domain", args=["nowhere.example"]))

    assert (foreign.status_code, missing.status_code) == (404, 404)
    without_tokens = [
        re.sub(r'value="\w{64}"', "", page.content.decode()) for page in (foreign, missing)
    ]
    assert without_tokens[0] == without_tokens[1]
    assert "There is nothing here" in foreign.content.decode()


def test_a_page_that_does_not_exist_keeps_an_administrator_in_the_panel(
    client, sign_in, make_admin, add_mailbox, example_org
):
    addresses = [reverse("domain", args=["nowhere.example"]), "/nowhere/"]

    root = sign_in(make_admin(superadmin=True))
    pages = [root.get(address) for address in addresses]
    of_user = sign_in(add_mailbox("joe@example.org")).get("/nowhere/")
    of_nobody = client.get("/nowhere/")

    assert [page.status_code for page in (*pages, of_user, of_nobody)] == [404] * 4
    assert [page.content.decode().count('id="side"') for page in pages] == [1, 1]
    assert "nowhere.example" not in pages[0].content.decode()
    assert 'id="side"' not in of_user.content.decode() + of_nobody.content.decode()
