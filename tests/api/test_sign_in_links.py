"""Links that sign in once: from the API to the panel's pages."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Admin, LogEntry, PanelSession, SignInLink
from accounts.services import update_admin
from mailboxes.services import update_mailbox

PAGE = "/login/link/sign-in/"


@pytest.fixture(autouse=True)
def panel(settings):
    settings.PANEL_URL = "https://panel.example.org/"


@pytest.fixture
def mailbox(example_org, add_mailbox):
    return add_mailbox("ann@example.org")


@pytest.fixture
def visitor():
    return Client()


def made(program, kind="mailboxes", name="ann@example.org"):
    return program.post(f"/{kind}/{name}/sign-in-link")


def path_of(response):
    return response.json()["url"].removeprefix("https://panel.example.org")


def opened(visitor, path):
    """The page with the button, as a browser reaches it from elsewhere."""
    assert visitor.get(path).url == PAGE
    return visitor.get(PAGE)


def test_a_link_signs_in_as_the_mailbox_user_by_one_button(theirs, mailbox, visitor):
    page = opened(visitor, path_of(made(theirs)))

    assert (page.status_code, page.context["whose"]) == (200, mailbox)
    answer = visitor.post(PAGE)
    assert (answer.status_code, answer.url) == (302, "/")
    assert PanelSession.objects.get().username == "ann@example.org"
    assert visitor.get("/account/").status_code == 200


def test_reading_the_link_uses_nothing_up_and_signs_nobody_in(theirs, mailbox, visitor):
    path = path_of(made(theirs))
    for _n in range(3):
        opened(visitor, path)

    assert not PanelSession.objects.exists()
    assert visitor.post(PAGE).status_code == 302


def test_a_link_works_once(theirs, mailbox):
    path = path_of(made(theirs))
    first, second = Client(), Client()
    for visitor in (first, second):
        opened(visitor, path)

    assert first.post(PAGE).status_code == 302
    assert second.post(PAGE).status_code == 410
    assert PanelSession.objects.count() == 1


def test_a_link_of_half_a_minute_ago_opens_nothing(theirs, mailbox, visitor):
    response = made(theirs)
    link = SignInLink.objects.get()
    assert timedelta(0) < link.until - timezone.now() <= timedelta(seconds=30)
    SignInLink.objects.update(until=timezone.now())

    assert opened(visitor, path_of(response)).status_code == 410
    assert visitor.post(PAGE).status_code == 410
    assert not PanelSession.objects.exists()


@pytest.mark.parametrize("cookie", ["", "x", "%00"])
def test_no_link_opens_nothing(db, visitor, cookie):
    visitor.cookies["mailadmin_sign_in"] = cookie

    assert visitor.get(PAGE).status_code == 410
    assert visitor.post(PAGE).status_code == 410


def test_a_second_factor_is_still_asked_for(theirs, mailbox, visitor, clock, shows):
    shows(mailbox)
    opened(visitor, path_of(made(theirs)))

    answer = visitor.post(PAGE)

    assert answer.url.startswith(reverse("second-step"))
    assert not PanelSession.objects.exclude(username="").exists()
    assert visitor.get("/account/").status_code == 302


def test_who_must_set_another_password_does_that_first(theirs, mailbox, visitor):
    update_mailbox(actor=None, mailbox=mailbox, must_change=True)
    opened(visitor, path_of(made(theirs)))

    assert visitor.post(PAGE).url.startswith(reverse("password-due"))


def test_whoever_is_switched_off_meanwhile_is_not_let_in(theirs, mailbox, visitor):
    path = path_of(made(theirs))
    update_mailbox(actor=None, mailbox=mailbox, active=False)

    assert opened(visitor, path).status_code == 410
    assert visitor.post(PAGE).status_code == 410


def test_an_account_that_may_not_sign_in_has_no_link(theirs, mailbox):
    update_mailbox(actor=None, mailbox=mailbox, active=False)

    response = made(theirs)

    assert response.status_code == 422
    assert not SignInLink.objects.exists()


def test_where_the_provider_signs_people_in_no_link_does(theirs, mailbox, settings):
    settings.OIDC_ONLY, settings.OIDC_NAME = ["users"], "Provider"

    response = made(theirs)

    assert response.status_code == 422
    assert not SignInLink.objects.exists()


def test_a_link_for_a_domain_admin_is_a_superadmins_to_make(root, theirs, visitor):
    assert made(theirs, "administrators", "theirs@example.org").status_code == 403
    opened(visitor, path_of(made(root, "administrators", "theirs@example.org")))

    assert visitor.post(PAGE).status_code == 302
    assert PanelSession.objects.get().username == "theirs@example.org"


def test_no_link_signs_in_as_a_superadmin(root, make_admin):
    make_admin("another@example.org", superadmin=True)

    for name in ("another@example.org", "root@example.org"):
        assert made(root, "administrators", name).status_code == 403
    assert not SignInLink.objects.exists()


def test_who_became_a_superadmin_meanwhile_is_not_let_in(root, theirs, make_admin, visitor):
    path = path_of(made(root, "administrators", "theirs@example.org"))
    update_admin(actor=None, admin=Admin.objects.get(pk="theirs@example.org"), superadmin=True)

    assert opened(visitor, path).status_code == 410


def test_without_an_address_of_the_panel_there_is_no_link(theirs, mailbox, settings):
    settings.PANEL_URL = ""

    assert made(theirs).status_code == 422


def test_a_dry_run_makes_no_link(theirs, mailbox):
    told = theirs.post("/mailboxes/ann@example.org/sign-in-link?dry_run=true").json()

    assert [change["action"] for change in told["changes"]] == ["create_sign_in_link"]
    assert not SignInLink.objects.exists()


def test_the_link_is_not_stored_and_the_log_says_who_made_it(theirs, mailbox):
    token = path_of(made(theirs)).rpartition("/sign-in/")[2].strip("/")

    assert token not in str(SignInLink.objects.values())
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.data) == ("create_sign_in_link", "ann@example.org")
    assert entry.username == "theirs@example.org (127.0.0.1, token Billing)"
