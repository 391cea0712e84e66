"""Sign-in by an identity provider, with a real one on loopback that speaks OpenID Connect."""

import re
import warnings
from datetime import date
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from django.core import signing

from accounts import provider
from accounts.models import Admin, LogEntry
from accounts.provider_views import COOKIE, SALT
from mailboxes.models import Mailbox
from tests.codes import App

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it imports names that authlib gives up
    import oidc_provider_mock

# The provider calls names of authlib that it gives up.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
START, RETURN = "/login/provider/", "/login/provider/return/"


@pytest.fixture(scope="module")
def issuer():
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(autouse=True)
def offered(issuer, settings, monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # the provider's loopback has no TLS
    settings.OIDC_ISSUER = issuer
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = "panel", "only-for-tests"
    settings.OIDC_NAME = "Example"
    provider._client.cache_clear()
    yield
    provider._client.cache_clear()


@pytest.fixture
def knows(issuer):
    """What the provider tells of somebody."""

    def knows(subject, **claims):
        requests.put(f"{issuer}/users/{subject}", json=claims, timeout=10).raise_for_status()

    knows("joe", email="joe@example.org", email_verified=True)
    return knows


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


def leads_to_provider(client, place=""):
    query = f"?{urlencode({'next': place})}" if place else ""
    response = client.get(START + query)
    assert response.status_code == 302, response.content.decode()
    return response.url


def says_yes(address, subject="joe"):
    """The address to which the provider leads whoever signed in there as ``subject``."""
    answer = requests.post(address, data={"sub": subject}, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def comes_back(client, address):
    parts = urlsplit(address)
    assert (parts.netloc, parts.path) == ("testserver", RETURN)
    return client.get(f"{parts.path}?{parts.query}")


def signs_in(client, subject="joe", place=""):
    return comes_back(client, says_yes(leads_to_provider(client, place), subject))


def who(client):
    return client.session.get("_auth_user_id")


def test_whoever_the_provider_knows_is_signed_in_and_led_to_the_page(client, joe, knows):
    response = signs_in(client, place="/account/")

    assert (response.status_code, who(client)) == (200, "joe@example.org")
    assert re.findall(r'url=([^"]+)"', response.content.decode()) == ["/account/"]
    assert response.cookies[COOKIE].value == ""
    assert LogEntry.objects.filter(action="login").count() == 1


def test_an_administrator_is_found_before_a_mailbox_of_the_name(
    client, settings, make_admin, add_mailbox, example_org, knows
):
    settings.OIDC_ROLES = ["administrators", "users"]
    add_mailbox("boss@example.org")
    make_admin("boss@example.org", superadmin=True)
    knows("boss", email="Boss@Example.ORG", email_verified=True)

    signs_in(client, "boss")

    assert client.session["_auth_user_backend"] == "accounts.backends.AdminBackend"


@pytest.mark.parametrize(
    ("roles", "opens"), [(["administrators", "users"], True), (["users"], False)]
)
def test_who_manages_the_domain_goes_on_where_administrators_come_this_way(
    roles, opens, client, settings, joe, make_manager, knows
):
    make_manager("joe@example.org", "it@firm.example")
    settings.OIDC_ROLES = roles
    settings.OIDC_ONLY = [role for role in roles if role == "administrators"]
    signs_in(client)
    assert who(client) == "joe@example.org"

    client.post("/account/manage/")

    assert who(client) == ("it@firm.example" if opens else "joe@example.org")


def test_a_role_may_be_left_out(client, settings, make_admin, joe, knows):
    make_admin("joe@example.org")
    settings.OIDC_ROLES = ["users"]

    signs_in(client)

    assert client.session["_auth_user_backend"] == "mailboxes.backends.MailboxBackend"


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "joe@example.org"},
        {"email": "joe@example.org", "email_verified": False},
        {"email": "joe@example.org", "email_verified": "true"},
        {"email": "nobody@example.org", "email_verified": True},
        {"email": ["joe@example.org"], "email_verified": True},
        {"email": "", "email_verified": True},
        {"name": "joe@example.org"},
    ],
)
def test_an_address_that_is_not_verified_or_unknown_opens_nothing(client, claims, joe, knows):
    knows("other", **claims)

    response = signs_in(client, "other")

    assert (response.status_code, who(client)) == (422, None)


def test_where_the_provider_verifies_all_it_need_not_say_so(client, settings, joe, knows):
    settings.OIDC_TRUSTS_ADDRESSES = True
    knows("entra", email="joe@example.org")

    signs_in(client, "entra")

    assert who(client) == "joe@example.org"


def test_an_inactive_account_is_not_signed_in(client, joe, knows):
    Mailbox.objects.filter(pk=joe.pk).update(active=False)

    assert (signs_in(client).status_code, who(client)) == (422, None)


def test_the_answer_to_another_browser_opens_nothing(client, joe, knows):
    address = says_yes(leads_to_provider(client))
    del client.cookies[COOKIE]

    assert comes_back(client, address).url == "/login/"
    leads_to_provider(client)
    assert (comes_back(client, address).status_code, who(client)) == (422, None)


def test_an_answer_is_taken_once(client, joe, knows):
    address = says_yes(leads_to_provider(client))
    cookie = client.cookies[COOKIE].value
    comes_back(client, address)
    client.logout()
    client.cookies[COOKIE] = cookie

    assert (comes_back(client, address).status_code, who(client)) == (422, None)


def test_a_token_for_another_beginning_opens_nothing(client, joe, knows):
    address = says_yes(leads_to_provider(client))
    begun = signing.loads(client.cookies[COOKIE].value, salt=SALT)
    for forged in ({"nonce": "another"}, {"code_verifier": "a" * 48}):
        client.cookies[COOKIE] = signing.dumps(begun | forged, salt=SALT)
        assert (comes_back(client, address).status_code, who(client)) == (422, None)


def test_what_the_browser_wrote_into_the_cookie_itself_counts_for_nothing(client, joe, knows):
    address = says_yes(leads_to_provider(client))
    client.cookies[COOKIE] = client.cookies[COOKIE].value + "a"

    assert (comes_back(client, address).url, who(client)) == ("/login/", None)


def test_a_beginning_counts_for_ten_minutes(client, monkeypatch, joe, knows):
    address = says_yes(leads_to_provider(client))
    monkeypatch.setattr("accounts.provider_views.SECONDS", -1)

    assert (comes_back(client, address).url, who(client)) == ("/login/", None)


def test_whoever_says_no_at_the_provider_can_try_again(client, joe, knows):
    address = leads_to_provider(client)
    answer = requests.post(address, data={"action": "deny"}, allow_redirects=False, timeout=10)

    response = comes_back(client, answer.headers["Location"])

    assert (response.status_code, who(client)) == (422, None)
    assert START in response.content.decode()


def test_a_provider_that_is_away_is_said_and_the_password_still_works(client, settings, joe):
    settings.OIDC_ISSUER = "http://127.0.0.1:9"

    response = client.get(START)

    assert response.status_code == 422
    assert 'name="password"' in response.content.decode()


def test_a_provider_that_calls_itself_otherwise_is_not_believed(client, monkeypatch, joe, knows):
    address = says_yes(leads_to_provider(client))
    monkeypatch.setitem(provider._client().server_metadata, "issuer", "https://id.example.org")

    assert (comes_back(client, address).status_code, who(client)) == (422, None)


def test_a_second_factor_is_asked_for_unless_the_provider_asked(client, joe, knows, shows):
    secret = shows(joe)

    response = signs_in(client, place="/account/")

    assert who(client) is None
    place = re.findall(r'url=([^"]+)"', response.content.decode())
    assert place == ["/login/second/?next=%2Faccount%2F"]
    client.post(place[0], {"code": App(secret).now()})
    assert who(client) == "joe@example.org"


@pytest.mark.parametrize(
    ("methods", "asked"),
    [(["pwd", "mfa"], True), (["otp"], True), (["pwd"], False), ("mfa", False), (None, False)],
)
def test_the_provider_tells_how_somebody_signed_in(methods, asked, client, joe, knows, shows):
    shows(joe)
    knows("safe", email="joe@example.org", email_verified=True, amr=methods)

    signs_in(client, "safe")

    assert who(client) == ("joe@example.org" if asked else None)


def test_who_was_asked_there_need_not_set_one_up_here(client, settings, joe, knows):
    settings.SECOND_FACTOR_FROM = {"mailbox": date(2020, 1, 1)}
    settings.OIDC_SECOND_FACTOR = True

    signs_in(client)

    assert client.get("/account/").status_code == 200


def test_a_password_does_not_open_what_is_the_provider_s_alone(
    client, settings, make_admin, joe, password
):
    make_admin("boss@example.org")
    settings.OIDC_ONLY = ["users"]

    refused = client.post("/login/", {"username": "joe@example.org", "password": password})
    assert (refused.status_code, who(client)) == (422, None)
    wrong = client.post("/login/", {"username": "joe@example.org", "password": "wrong"})
    assert "Example" not in str(wrong.context["form"].errors)
    client.post("/login/", {"username": "boss@example.org", "password": password})
    assert who(client) == "boss@example.org"


def test_without_any_password_the_page_asks_for_none(client, settings):
    settings.OIDC_ONLY = ["users", "administrators"]

    page = client.get("/login/?next=/log/").content.decode()

    assert 'name="password"' not in page
    assert f"{START}?next=/log/" in page


def test_without_a_provider_there_are_no_such_pages(client, settings):
    settings.OIDC_ISSUER = settings.OIDC_NAME = ""

    assert [client.get(page).status_code for page in (START, RETURN)] == [404, 404]
    assert START not in client.get("/login/").content.decode()


def test_nothing_is_stored_for_a_stranger_s_click(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        address = client.get(START).url

    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"http://testserver{RETURN}"]


def test_another_site_s_address_is_not_where_one_is_led(client, joe, knows):
    response = signs_in(client, place="https://elsewhere.example/")

    assert re.findall(r'url=([^"]+)"', response.content.decode()) == ["/"]


def test_a_password_that_opens_nothing_need_not_be_changed(
    client, settings, make_admin, joe, knows
):
    Admin.objects.filter(pk=make_admin("boss@example.org").pk).update(must_change=True)
    Mailbox.objects.filter(pk=joe.pk).update(must_change=True)
    settings.OIDC_ROLES = settings.OIDC_ONLY = ["administrators", "users"]
    knows("boss", email="boss@example.org", email_verified=True)

    page = signs_in(client, "boss", place="/account/").content.decode()
    assert re.findall(r'url=([^"]+)"', page) == ["/account/"]
    assert client.get("/account/").status_code == 200
    client.logout()

    signs_in(client)  # whose password opens the mail
    assert client.get("/account/").url == "/account/password/due/"


def test_a_second_factor_is_required_of_whom_the_provider_alone_signs_in(
    client, settings, make_admin, knows
):
    Admin.objects.filter(pk=make_admin("boss@example.org").pk).update(must_change=True)
    settings.OIDC_ROLES = settings.OIDC_ONLY = ["administrators"]
    settings.SECOND_FACTOR_FROM = {"admin": date(2020, 1, 1)}
    knows("boss", email="boss@example.org", email_verified=True)

    signs_in(client, "boss")

    assert client.get("/account/").url == "/account/factor/setup/"


def test_only_a_mailbox_s_password_is_said_to_be_for_mail(
    client, settings, make_admin, joe, password
):
    make_admin("boss@example.org")
    settings.OIDC_ONLY = ["administrators", "users"]

    def said(name):
        page = client.post("/login/", {"username": name, "password": password})
        return page.context["form"].non_field_errors()

    assert said("joe@example.org") == ["Sign in with Example. The password is for mail alone."]
    assert said("boss@example.org") == ["Sign in with Example."]


def test_administrators_are_signed_in_only_where_settings_say_so(
    client, settings, make_admin, knows
):
    make_admin("boss@example.org")
    knows("boss", email="boss@example.org", email_verified=True)

    assert (signs_in(client, "boss").status_code, who(client)) == (422, None)

    settings.OIDC_ROLES = ["administrators", "users"]
    signs_in(client, "boss")
    assert who(client) == "boss@example.org"
