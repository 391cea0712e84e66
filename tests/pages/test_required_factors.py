"""A second factor that is required, and one that somebody else takes away."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.factor_exceptions import add_exception
from mailboxes.models import Mailbox
from tests.pages.own_factor import BACKENDS, fresh, set_up
from tests.pages.reading import text
from tests.pages.test_access import PATTERNS, PUBLIC, address_of

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def required(settings, account):
    """``required(days)``: from so many days from now on, for the role of ``account``."""

    def since(days):
        day = timezone.localdate() + timedelta(days=days)
        settings.SECOND_FACTOR_FROM = {"superadmin": None, "admin": None, "mailbox": None} | {
            account.account_kind: day
        }

    return since


def sign(client, password, **extra):
    fields = {"username": "joe@example.org", "password": password}
    return client.post(reverse("login"), fields, **extra)


def test_before_the_day_one_is_led_to_set_it_up_and_may_do_it_later(
    client, account, password, required
):
    required(days=1)

    landed = sign(client, password)

    assert landed.url.startswith(reverse("own-factor-setup"))
    page = client.get(landed.url)
    assert '<a href="/">Later</a>' in page.text
    assert client.get(reverse("account")).status_code == 200


@pytest.mark.parametrize("days", [0, -1])
def test_from_the_day_on_one_can_do_nothing_else(days, client, account, password, required):
    required(days)
    sign(client, password)

    allowed = {"own-factor-setup", "own-passkey-add", "logout", "preferences", "session-left"}
    for name in sorted(PATTERNS.keys() - PUBLIC - allowed):
        for method in ("get", "post"):
            response = getattr(client, method)(address_of(name))
            assert (response.status_code, response.url) == (302, reverse("own-factor-setup")), name

    answer, _secret = set_up(client, password)
    assert answer.status_code == 200
    assert client.get(reverse("own-factor")).status_code == 200


def test_who_must_have_one_may_sign_out_and_choose_a_language(client, account, password, required):
    required(days=-1)
    sign(client, password)

    assert client.post(reverse("preferences"), {"language": "fr"}).url != reverse(
        "own-factor-setup"
    )
    assert client.post(reverse("logout")).url == reverse("login")


def test_other_roles_are_not_led_anywhere(client, account, password, settings):
    day = timezone.localdate()
    others = {"superadmin", "admin", "mailbox"} - {account.account_kind}
    settings.SECOND_FACTOR_FROM = dict.fromkeys(others, day) | {account.account_kind: None}

    assert sign(client, password).url == "/"
    assert client.get(reverse("account")).status_code == 200


def test_at_an_exception_nobody_has_to_set_one_up(client, account, password, required):
    required(days=-1)
    add_exception(actor=None, network="192.0.2.7", whose="joe@example.org")
    here, there = {"REMOTE_ADDR": "192.0.2.7"}, {"REMOTE_ADDR": "198.51.100.1"}

    assert sign(client, password, **here).url == "/"

    assert client.get(reverse("account"), **here).status_code == 200
    assert "Set one up to go on." not in text(client.get(reverse("own-factor-setup"), **here))
    assert client.get(reverse("account"), **there).status_code == 302


def test_nobody_pays_for_what_is_not_asked(sign_in, account):
    client = sign_in(account)
    client.get(reverse("own-factor-setup"))

    with CaptureQueriesContext(connection) as captured:
        client.get(reverse("own-factor-setup"))

    tables = " ".join(query["sql"] for query in captured)
    assert "totp_exception" not in tables
    assert "second_factor" not in tables


# --- Somebody else's


def test_a_manager_takes_a_mailboxs_away(admin, add_mailbox, shows):
    joe = add_mailbox("joe@example.org")
    shows(joe)
    shown = admin.get(reverse("mailbox", args=[joe.pk])).text
    page = admin.get(reverse("mailbox-factor", args=[joe.pk]))

    answer = admin.post(reverse("mailbox-factor", args=[joe.pk]))

    assert reverse("mailbox-factor", args=[joe.pk]) in shown
    assert "told by mail" in text(page)
    assert answer.status_code == 302
    assert Mailbox.objects.get().totp_secret is None
    assert reverse("mailbox-factor", args=[joe.pk]) not in admin.get(joe.get_absolute_url()).text


def test_a_superadmin_takes_an_administrators_away_but_not_the_own(
    client_of_root, root, make_admin, shows
):
    admin = make_admin("it@example.org")
    shows(admin)

    client_of_root.post(reverse("admin-factor", args=[admin.pk]))
    assert fresh(admin).totp_secret is None

    shows(root)
    client_of_root.force_login(fresh(root), backend=BACKENDS["admin"])
    page = client_of_root.get(reverse("admin-factor", args=[root.pk]))
    answer = client_of_root.post(reverse("admin-factor", args=[root.pk]))
    assert "This is your own account." in text(page)
    assert answer.status_code == 422
    assert fresh(root).totp_secret


def test_where_there_is_none_nothing_is_taken_away(admin, add_mailbox):
    joe = add_mailbox("joe@example.org")

    answer = admin.post(reverse("mailbox-factor", args=[joe.pk]))

    assert answer.status_code == 422
    assert "There is no second factor." in text(answer)
