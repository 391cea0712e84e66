"""Who must set another password: because an administrator says so, or because its lifetime is over."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import password_due
from accounts.services import set_admin_password
from domains.models import Domain
from domains.services import update_domain
from mailboxes.models import Mailbox
from mailboxes.services import set_mailbox_password
from tests.pages.own_factor import fresh
from tests.pages.reading import error_codes, text, told

NEW = "quiet-otters-seven-8"
DUE = "/account/password/due/"
DAY = timedelta(days=1)


@pytest.fixture
def joe(account):
    type(account).objects.filter(pk=account.pk).update(must_change=True)
    return fresh(account)


@pytest.fixture
def ann(example_org, add_mailbox):
    """Her password may be used for ninety days."""
    update_domain(actor=None, domain=example_org, password_expiry=90)
    return add_mailbox("ann@example.org")


def ends(mailbox, moment):
    Mailbox.objects.filter(pk=mailbox.pk).update(password_expiry=moment)


def change(client, old, new=NEW, **more):
    return client.post(DUE, {"old_password": old, "password": new, **more})


@pytest.mark.parametrize(
    "name", ["dashboard", "account", "own-factor", "own-factor-setup", "search", "domain-list"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_else_opens(name, method, joe, sign_in):
    answer = getattr(sign_in(joe), method)(reverse(name))

    assert (answer.status_code, answer.url) == (302, DUE)


def test_after_signing_in_one_is_led_there_and_out_again(joe, sign, client, password):
    answer = sign(joe.pk, password, next="/account/")
    assert answer.url == f"{DUE}?next=%2Faccount%2F"
    assert client.get(answer.url).status_code == 200
    assert client.post(reverse("logout")).status_code == 302
    assert client.get(DUE).url == f"/login/?next={DUE}"


def test_it_ends_with_another_password(joe, sign_in, password):
    client = sign_in(joe)

    same = change(client, password, password)
    assert (same.status_code, error_codes(same)) == (422, {"password": ["same"]})
    wrong = change(client, "another")
    assert wrong.status_code == 422
    assert fresh(joe).must_change

    answer = change(client, password, next="/account/")

    assert (answer.status_code, answer.url) == (302, "/account/")
    assert fresh(joe).check_password(NEW)
    assert not fresh(joe).must_change
    assert client.get("/account/").status_code == 200
    assert client.get(DUE).status_code == 302


def test_a_second_factor_that_is_required_comes_after_it(joe, sign_in, settings, password):
    settings.SECOND_FACTOR_FROM = dict.fromkeys(
        ["superadmin", "admin", "mailbox"], timezone.localdate()
    )
    client = sign_in(joe)
    assert client.get(DUE).status_code == 200

    change(client, password)

    assert client.get("/account/").url == reverse("own-factor-setup")


def test_a_manager_says_so_with_a_new_password_and_takes_it_back_with_another(account, password):
    set_new = set_mailbox_password if account.is_mailbox_user else set_admin_password
    what = {"mailbox" if account.is_mailbox_user else "admin": account}

    set_new(actor=None, password=NEW, must_change=True, **what)
    assert fresh(account).must_set_password
    set_new(actor=None, password=password, **what)
    assert not fresh(account).must_set_password


def test_webmail_changes_it_too_but_not_to_the_same(client, settings, ann, password):
    Mailbox.objects.update(must_change=True)
    settings.WEBMAIL_SECRET = "s" * 40

    def ask(new):
        fields = {"user": ann.pk, "old_password": password, "password": new, "client": "::1"}
        secret = f"Bearer {settings.WEBMAIL_SECRET}"
        return client.post(reverse("webmail-password"), fields, headers={"Authorization": secret})

    assert ask(password).status_code == 422
    assert ask(NEW).status_code == 200
    assert not fresh(ann).must_change


def test_a_password_is_over_after_its_lifetime_and_lasts_again_after_a_change(
    ann, sign_in, password
):
    client = sign_in(ann)
    assert client.get("/account/").status_code == 200
    ends(ann, timezone.now() - DAY)

    page = client.get("/account/", follow=True)

    assert page.request["PATH_INFO"] == DUE
    assert "lifetime of your password is over" in text(page)
    change(client, password)
    assert client.get("/account/").status_code == 200
    assert fresh(ann).password_expiry - timezone.now() > 89 * DAY


@pytest.mark.parametrize(
    ("days", "is_over"),
    [(None, False), (-9000, False), (1, False), (-1, True)],
    ids=["without lifetime", "since when nobody knows", "tomorrow", "yesterday"],
)
def test_only_a_known_end_ends_it(days, is_over, ann):
    if days is None:
        Domain.objects.update(password_expiry=0)
        days = -1
    ends(ann, timezone.now() + days * DAY if days > -9000 else timezone.now() - 9500 * DAY)

    assert fresh(ann).must_set_password is is_over


def test_a_lifetime_counts_from_the_day_it_is_set(example_org, add_mailbox, other_net):
    ann, eve = add_mailbox("ann@example.org"), add_mailbox("eve@other.net")
    assert fresh(ann).password_until is None

    update_domain(actor=None, domain=example_org, password_expiry=30)

    left = fresh(ann).password_until - timezone.now()
    assert 29 * DAY < left <= 30 * DAY
    assert not fresh(ann).must_set_password
    assert fresh(eve).password_until is None
    update_domain(actor=None, domain=example_org, password_expiry=0)
    assert fresh(ann).password_until is None


@pytest.mark.parametrize(("days", "warned"), [(13, True), (15, False)])
def test_whose_password_ends_soon_is_warned_after_signing_in(days, warned, ann, sign, password):
    ends(ann, timezone.now() + days * DAY)

    answer = sign(ann.pk, password)

    assert any("can be used until" in words for words in told(answer)) is warned
    assert (password_due.ends_soon(fresh(ann)) is not None) is warned


def test_every_request_of_a_mailbox_user_costs_what_it_did(
    ann, sign_in, django_assert_max_num_queries
):
    client = sign_in(ann)
    with django_assert_max_num_queries(2):  # the session, and the account with its domain
        client.get(reverse("session-left"))


@pytest.mark.parametrize("page", ["edit", "password"])
def test_a_manager_ticks_it_on_the_form(page, account, superadmin):
    kind = account.account_kind
    values = {
        "edit": {"domains": "example.org"}
        if kind == "admin"
        else {"quota_mb": "0", "switches": "1"},
        "password": {"password": NEW},
    }[page]
    place = reverse(f"{kind}-{page}", args=[account.pk])

    answer = superadmin.post(place, values | {"must_change": "on"})

    assert answer.status_code in {200, 302}
    assert fresh(account).must_change
    assert "Must be changed at the next sign-in" in text(superadmin.get(account.get_absolute_url()))
    superadmin.post(place, values)
    assert not fresh(account).must_change
