"""Signing in with a second factor: the password alone opens nothing."""

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import factors, totp
from accounts.models import LogEntry, LoginAttempt
from accounts.services import set_admin_password
from mailboxes.models import Mailbox
from panel.transactions import Unavailable
from tests.codes import code
from tests.pages.reading import error_codes, links, text
from tests.pages.test_access import EVERY_METHOD, PATTERNS, PUBLIC, address_of, answer, contents

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


def test_administrators_and_mailbox_users_are_asked_for_a_code_after_the_password(
    client, sign, step, shows, joe, make_admin
):
    landed = {}
    for account in (make_admin("root@example.org", superadmin=True), joe):
        secret = shows(account)
        asked = sign(account.pk, next="/log/" if account.is_superadmin else "")
        assert SESSION_KEY not in client.session
        answer = step(code(secret), **({"next": "/log/"} if account.is_superadmin else {}))
        landed[asked.url] = answer.url
        assert client.session[SESSION_KEY] == account.pk
        client.logout()

    assert landed == {"/login/second/?next=%2Flog%2F": "/log/", "/login/second/": "/"}


def test_who_has_none_signs_in_with_the_password_and_no_statement_more(sign, make_admin):
    make_admin("root@example.org", superadmin=True)

    with CaptureQueriesContext(connection) as captured:
        assert sign("root@example.org").url == "/"

    statements = " ".join(query["sql"] for query in captured)
    assert "totp_exception" not in statements
    assert "second_factor" not in statements
    assert "recovery_code" not in statements


@pytest.mark.parametrize("name", sorted(PATTERNS.keys() - PUBLIC))
def test_a_session_that_has_shown_the_password_alone_opens_no_page(
    name, client, sign, shows, joe, make_admin
):
    root = make_admin("root@example.org", superadmin=True)
    shows(root)
    sign("root@example.org")
    before = contents()

    for method in EVERY_METHOD:
        found = answer(client, method, address_of(name))
        assert found == 302, method

    assert contents() == before
    assert SESSION_KEY not in client.session


def test_the_second_page_is_nobodys_without_the_first(client, step, db):
    assert client.get(reverse("second-step"), {"next": "/log/"}).url == "/login/?next=%2Flog%2F"
    assert step("123456").url == "/login/"


def test_no_link_leads_from_the_second_page_to_another_site(client, sign, step, shows, joe):
    secret = shows(joe)
    sign("joe@example.org")

    page = client.get(reverse("second-step"), {"next": "https://evil.example/"})

    assert "evil" not in page.text
    assert step(code(secret), next="https://evil.example/").url == "/"


def test_a_wrong_code_is_said_at_its_field_and_opens_nothing(client, sign, step, shows, joe):
    shows(joe)
    sign("joe@example.org")

    page = step("123456")

    assert page.status_code == 422
    assert error_codes(page) == {"code": ["wrong_code"]}
    assert SESSION_KEY not in client.session


def test_a_code_that_was_used_signs_nobody_in(client, sign, step, shows, joe):
    secret = shows(joe)
    sign("joe@example.org")
    assert step(code(secret)).status_code == 302
    client.logout()

    sign("joe@example.org")

    assert error_codes(step(code(secret))) == {"code": ["wrong_code"]}
    assert step(code(secret, 1)).status_code == 302


def test_a_recovery_code_opens_the_panel_once(client, sign, step, joe, password):
    from tests.accounts.test_second_factor import set_up

    _secret, codes = set_up(joe)
    sign("joe@example.org")
    page = client.get(reverse("second-step"), {"recovery": "1"})
    assert "Each is taken once" not in text(page)
    assert page.context["form"]["code"].label == "Recovery code"

    assert step(codes[3], recovery="1").status_code == 302
    client.logout()
    sign("joe@example.org")

    assert error_codes(step(codes[3], recovery="1")) == {"code": ["wrong_code"]}


def test_the_key_of_the_session_is_a_new_one_after_each_step(client, sign, step, shows, joe):
    secret = shows(joe)
    client.get(reverse("login"))
    sign("joe@example.org")
    first = client.session.session_key

    step(code(secret))

    assert client.session.session_key != first
    client.cookies["mailadmin_session"] = first
    assert client.get(reverse("account")).status_code == 302


def test_after_ten_minutes_the_password_is_asked_for_again(client, sign, step, shows, joe):
    secret = shows(joe)
    sign("joe@example.org")
    session = client.session
    session["second_step"] = [*session["second_step"][:3], session["second_step"][3] - 601]
    session.save()

    assert step(code(secret)).url == "/login/"


def test_a_password_that_is_new_meanwhile_ends_the_attempt(client, sign, step, shows, make_admin):
    root = make_admin("root@example.org", superadmin=True)
    secret = shows(root)
    sign("root@example.org")

    set_admin_password(actor=None, admin=root, password="another-orange-bicycle-8")

    assert step(code(secret)).url == "/login/"


def test_an_account_that_is_off_meanwhile_is_let_in_no_more(sign, step, shows, joe):
    secret = shows(joe)
    sign("joe@example.org")

    Mailbox.objects.update(active=False)

    assert step(code(secret)).url == "/login/"


def test_too_many_wrong_codes_close_the_account_even_if_the_password_is_typed_anew(
    sign, step, shows, joe, settings
):
    settings.LOGIN_FAILURES = 3
    secret = shows(joe)
    sign("joe@example.org")
    statuses = [step("123456").status_code for _try in range(2)]
    sign("joe@example.org")  # a right password

    statuses += [step("123456").status_code, step(code(secret)).status_code]

    assert statuses == [422, 422, 422, 429]


def test_a_right_code_in_time_starts_the_count_again(client, sign, step, shows, joe, settings):
    settings.LOGIN_FAILURES = 2
    secret = shows(joe)

    for steps in (-1, 0, 1):
        sign("joe@example.org")
        assert step("123456").status_code == 422
        assert step(code(secret, steps)).status_code == 302
        client.logout()


def test_guesses_from_many_networks_close_the_account_too(client, sign, shows, joe, settings):
    settings.LOGIN_FAILURES = 2
    shows(joe)
    statuses = []

    for network in range(21):
        ip = {"REMOTE_ADDR": f"192.0.2.{network}"}
        fields = {"username": "joe@example.org", "password": "tangerine-7-bicycle"}
        client.post(reverse("login"), fields, **ip)
        statuses.append(client.post(reverse("second-step"), {"code": "123456"}, **ip).status_code)

    assert statuses == [422] * 20 + [429]


def test_the_log_has_the_first_wrong_code_and_the_sign_in(sign, step, shows, joe):
    secret = shows(joe)
    sign("joe@example.org")
    step("123456")
    step("123457")
    step(code(secret))

    told = LogEntry.objects.filter(data="joe@example.org").exclude(action="create_mailbox")
    assert list(told.order_by("pk").values_list("action", flat=True)) == ["code_failed", "login"]


def test_the_second_page_leads_back_and_to_the_other_way(client, sign, shows, joe):
    shows(joe)
    sign("joe@example.org", next="/account/password/")

    page = client.get(reverse("second-step"), {"next": "/account/password/"})

    assert links(page) == [
        "/login/second/?recovery=1&next=%2Faccount%2Fpassword%2F",
        "/login/?next=%2Faccount%2Fpassword%2F",
    ]
    assert client.get(reverse("login")).status_code == 200


def test_the_language_of_the_second_page_can_be_chosen(client, sign, shows, joe):
    shows(joe)
    sign("joe@example.org")

    client.post(reverse("set_language"), {"language": "fr", "next": "/login/second/"})
    page = client.get(reverse("second-step"))

    assert page.status_code == 200
    assert 'lang="fr"' in page.text


def test_a_second_factor_that_is_new_or_gone_ends_sessions_that_are_open(
    client, sign_in, joe, shows
):
    sign_in(joe)
    assert client.get(reverse("account")).status_code == 200

    shows(joe)

    assert client.get(reverse("account")).status_code == 302


def test_while_the_database_takes_no_changes_the_form_is_kept(sign, step, shows, joe, monkeypatch):
    secret = shows(joe)
    sign("joe@example.org")

    def unavailable(*_args):
        raise Unavailable("read_only")

    with monkeypatch.context() as broken:
        broken.setattr("panel.once._done", unavailable)
        page = step(code(secret))

    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert "The database takes no changes now." in text(page)
    assert page.context["form"]["code"].value() == code(secret)
    assert step(code(secret)).status_code == 302


def test_a_wrong_code_that_cannot_be_counted_is_answered_like_a_right_one(
    sign, step, shows, joe, monkeypatch
):
    shows(joe)
    sign("joe@example.org")

    def unavailable(*_args):
        raise Unavailable("read_only")

    monkeypatch.setattr("accounts.throttle.record_failure", unavailable)
    page = step("123456")

    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert error_codes(page) == {"__all__": ["read_only"]}
    assert page.context["form"]["code"].value() == "123456"


def test_guessing_codes_is_told_to_the_person_once_a_day(
    client, sign, step, shows, joe, settings, mailoutbox, django_capture_on_commit_callbacks
):
    settings.LOGIN_FAILURES = 3
    shows(joe)
    mails = []

    for network in range(5):
        ip = {"REMOTE_ADDR": f"192.0.2.{network}"}
        fields = {"username": "joe@example.org", "password": "tangerine-7-bicycle"}
        client.post(reverse("login"), fields, **ip)
        with django_capture_on_commit_callbacks(execute=True):
            client.post(reverse("second-step"), {"code": "123456"}, **ip)
        mails.append(len(mailoutbox))

    assert mails == [0, 0, 1, 1, 1]
    assert mailoutbox[0].subject == "Wrong codes for joe@example.org"
    assert "from the network address 192.0.2.2." in mailoutbox[0].body


def test_two_clicks_sign_in_once_and_get_the_same_answer(shows, joe, password):
    client = Client(enforce_csrf_checks=True)
    secret = shows(joe)
    token = str(client.get(reverse("login")).context["csrf_token"])
    fields = {"username": joe.pk, "password": password, "csrfmiddlewaretoken": token}
    client.post(reverse("login"), fields)
    token = str(client.get(reverse("second-step")).context["csrf_token"])
    fields = {"code": code(secret), "csrfmiddlewaretoken": token}
    before = {name: morsel.value for name, morsel in client.cookies.items()}

    first = client.post(reverse("second-step"), fields)
    client.cookies.load(before)
    second = client.post(reverse("second-step"), fields)

    assert (first.status_code, first.url) == (second.status_code, second.url) == (302, "/")
    assert client.get(reverse("account")).status_code == 200
    assert LoginAttempt.objects.count() == 0


@pytest.mark.parametrize("meanwhile", ["a new password", "a reset", "nothing"])
def test_the_form_sent_once_more_opens_nothing_if_password_or_factor_is_another_now(
    meanwhile, shows, make_admin, password
):
    root = make_admin("root@example.org", superadmin=True)
    client, secret = Client(enforce_csrf_checks=True), shows(root)
    token = str(client.get(reverse("login")).context["csrf_token"])
    fields = {"username": root.pk, "password": password, "csrfmiddlewaretoken": token}
    client.post(reverse("login"), fields)
    token = str(client.get(reverse("second-step")).context["csrf_token"])
    fields = {"code": code(secret), "csrfmiddlewaretoken": token}
    before = {name: morsel.value for name, morsel in client.cookies.items()}
    client.post(reverse("second-step"), fields)
    if meanwhile == "a new password":
        set_admin_password(actor=None, admin=root, password="another-orange-bicycle-8")
    elif meanwhile == "a reset":
        factors.reset(actor=None, account=root)
    client.cookies.load(before)

    again = client.post(reverse("second-step"), fields)

    assert again.url == ("/" if meanwhile == "nothing" else "/login/")
    assert (SESSION_KEY in client.session) == (meanwhile == "nothing")


def test_a_secret_that_no_key_reads_lets_nobody_in(client, sign, step, shows, joe, settings):
    secret = shows(joe)
    settings.SECRET_KEY = "another-key-0123456789-" * 3

    assert sign("joe@example.org").url == "/login/second/"
    assert step(code(secret)).status_code == 422
    assert totp.decrypted(Mailbox.objects.get().totp_secret) is None


def test_an_administrator_and_a_mailbox_of_one_name_are_counted_apart(
    client, shows, joe, make_admin, settings
):
    settings.LOGIN_FAILURES = 3
    secret = shows(joe)
    admin_secret = shows(make_admin("joe@example.org", password="another-orange-bicycle-8"))
    passwords = {"mailbox": "tangerine-7-bicycle", "admin": "another-orange-bicycle-8"}

    def answer(kind, code):
        browser = Client()
        browser.post(reverse("login"), {"username": joe.pk, "password": passwords[kind]})
        return browser.post(reverse("second-step"), {"code": code}).status_code

    assert [answer("mailbox", "123456") for _try in range(4)] == [422, 422, 422, 429]
    assert answer("admin", "123456") == 422
    assert answer("admin", code(admin_secret)) == 302
    assert answer("mailbox", code(secret)) == 429


def test_a_typed_name_does_not_count_as_wrong_codes(client, sign, step, shows, joe, settings):
    settings.LOGIN_FAILURES = 3
    for name in ("code joe@example.org", "code mailbox joe@example.org"):
        for _try in range(3):
            sign(name)

    secret = shows(joe)
    sign("joe@example.org")

    assert step(code(secret)).status_code == 302
