"""Network addresses from which no second factor is asked, at signing in."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.factor_exceptions import add_exception, remove_exception
from accounts.factors import is_spared
from accounts.models import Admin, FactorException
from accounts.services import delete_admin
from tests.codes import code

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


@pytest.mark.parametrize(
    ("network", "ip", "spared"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.0/24", "192.0.2.200", True),
        ("192.0.2.0/24", "192.0.3.1", False),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("2001:db8::/48", "2001:db8:0:7::9", True),
        ("2001:db8::/48", "2001:db9::9", False),
        ("2001:0DB8::0001", "2001:db8::1", True),
        ("no address", "192.0.2.7", False),
        ("", "192.0.2.7", False),
    ],
)
def test_an_exception_is_an_address_or_a_network(network, ip, spared, client, joe, shows, password):
    shows(joe)
    FactorException.objects.create(ip=network, username="joe@example.org")

    fields = {"username": "joe@example.org", "password": password}
    response = client.post(reverse("login"), fields, REMOTE_ADDR=ip)

    assert response.url == ("/" if spared else "/login/second/")


@pytest.mark.parametrize(
    ("whose", "spared"),
    [
        ("joe@example.org", {"mailbox"}),
        ("example.org", {"mailbox"}),
        (None, {"mailbox", "admin"}),
        ("ann@example.org", set()),
        ("other.net", set()),
        ("xample.org", set()),
    ],
)
def test_an_exception_is_for_an_address_a_domains_mailboxes_or_everybody(
    whose, spared, joe, make_admin
):
    admin = make_admin("joe@example.org")
    FactorException.objects.create(ip="192.0.2.7", username=whose)

    accounts = {"mailbox": joe, "admin": admin}
    assert {kind for kind, one in accounts.items() if is_spared(one, "192.0.2.7")} == spared


def test_a_superadmin_who_names_an_administrator_spares_both_accounts_of_the_name(joe, make_admin):
    root, admin = make_admin(superadmin=True), make_admin("joe@example.org")

    add_exception(actor=root, network="192.0.2.7", whose="joe@example.org")

    assert is_spared(admin, "192.0.2.7")
    assert is_spared(joe, "192.0.2.7")


def test_an_exception_of_a_mailbox_is_none_for_an_administrator_who_comes_later(joe, make_admin):
    add_exception(actor=None, network="192.0.2.7", whose="joe@example.org")

    admin = make_admin("joe@example.org")

    assert is_spared(joe, "192.0.2.7")
    assert not is_spared(admin, "192.0.2.7")


@pytest.mark.parametrize("deleted_by", ["the panel", "another program"])
def test_an_exception_of_an_administrator_ends_with_the_account(deleted_by, make_admin):
    make_admin(superadmin=True)
    admin = make_admin("it@example.org")
    add_exception(actor=None, network="192.0.2.7", whose="it@example.org")

    if deleted_by == "the panel":
        delete_admin(actor=None, admin=admin)
    else:
        Admin.objects.filter(pk=admin.pk).delete()

    assert not is_spared(make_admin("it@example.org"), "192.0.2.7")


def test_a_header_of_the_client_makes_no_exception(client, joe, shows, password):
    shows(joe)
    FactorException.objects.create(ip="192.0.2.7", username=None)

    fields = {"username": "joe@example.org", "password": password}
    spoofed = {"REMOTE_ADDR": "198.51.100.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"}
    response = client.post(reverse("login"), fields, **spoofed)

    assert response.url == "/login/second/"


def test_a_session_that_was_spared_does_not_move_to_another_address(client, joe, shows, password):
    shows(joe)
    FactorException.objects.create(ip="192.0.2.0/24", username=None)
    fields = {"username": "joe@example.org", "password": password}
    client.post(reverse("login"), fields, REMOTE_ADDR="192.0.2.7")

    beside = client.get(reverse("account"), REMOTE_ADDR="192.0.2.8")
    elsewhere = client.get(reverse("account"), REMOTE_ADDR="198.51.100.1")
    back = client.get(reverse("account"), REMOTE_ADDR="192.0.2.7")

    assert beside.status_code == 200
    assert elsewhere.url == "/login/?next=/account/"
    assert back.status_code == 302


def test_who_types_a_code_may_move(client, joe, shows, sign, step):
    secret = shows(joe)
    sign("joe@example.org")
    step(code(secret))

    assert client.get(reverse("account"), REMOTE_ADDR="198.51.100.1").status_code == 200


def test_two_clicks_on_a_new_password_leave_a_spared_session_what_it_was(
    shows, make_admin, password
):
    admin = make_admin("it@example.org")
    shows(admin)
    FactorException.objects.create(ip="192.0.2.7", username=None)
    here, there = {"REMOTE_ADDR": "192.0.2.7"}, {"REMOTE_ADDR": "198.51.100.1"}
    client = Client(enforce_csrf_checks=True)
    token = str(client.get(reverse("login")).context["csrf_token"])
    fields = {"username": admin.pk, "password": password, "csrfmiddlewaretoken": token}
    client.post(reverse("login"), fields, **here)
    session = client.session
    session["begun"] = begun = session["begun"] - 100
    session.save()
    token = str(client.get(reverse("account"), **here).context["csrf_token"])
    new = "another-orange-bicycle-8"
    fields = {"old_password": password, "password": new, "password_again": new}
    fields["csrfmiddlewaretoken"] = token
    before = {name: morsel.value for name, morsel in client.cookies.items()}

    first = client.post(reverse("account"), fields, **here)
    client.cookies.load(before)
    elsewhere = client.post(reverse("account"), fields, **there)
    client.cookies.load(before)
    second = client.post(reverse("account"), fields, **here)

    assert (first.status_code, first.url) == (second.status_code, second.url)
    assert elsewhere.url.startswith("/login/")
    assert (client.session["spared_at"], client.session["begun"]) == ("192.0.2.7", begun)
    assert client.get(reverse("account"), **there).url == "/login/?next=/account/"


def test_an_exception_that_is_taken_away_ends_the_sessions_it_let_in(client, joe, shows, password):
    shows(joe)
    row = FactorException.objects.create(ip="192.0.2.7", username=None)
    fields = {"username": "joe@example.org", "password": password}
    client.post(reverse("login"), fields, REMOTE_ADDR="192.0.2.7")
    assert client.get(reverse("account"), REMOTE_ADDR="192.0.2.7").status_code == 200

    remove_exception(actor=None, exception=row)

    ended = client.get(reverse("account"), REMOTE_ADDR="192.0.2.7")
    assert ended.url == "/login/?next=/account/"
