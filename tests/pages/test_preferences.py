import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

BACKENDS = {
    True: "mailboxes.backends.MailboxBackend",
    False: "accounts.backends.AdminBackend",
}


@pytest.fixture(params=["administrator", "mailbox user"])
def account(request, example_org, make_admin, add_mailbox):
    if request.param == "administrator":
        return make_admin(domains=["example.org"])
    return add_mailbox("joe@example.org")


def browser(account, **defaults):
    client = Client(headers={"accept-language": "en"}, **defaults)
    client.force_login(account, backend=BACKENDS[account.is_mailbox_user])
    return client


def choose(client, **chosen):
    return client.post(reverse("preferences"), chosen)


def page(client):
    return client.get(reverse("account")).text


def test_the_chosen_language_is_that_of_every_browser(account):
    choose(browser(account), language="fr")

    assert '<html lang="fr"' in page(browser(account))
    assert "Se déconnecter" in page(browser(account))


def test_the_browsers_language_counts_until_one_is_chosen(account):
    client = browser(account)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"

    assert '<html lang="fr"' in page(client)
    choose(client, language="en")
    assert '<html lang="en"' in page(client)


def test_the_page_to_sign_in_on_keeps_the_language_in_this_browser_alone(account):
    client = browser(account)
    choose(client, language="fr")
    client.post(reverse("logout"))

    assert '<html lang="fr">' in client.get("/login/").text
    assert '<html lang="en">' in Client(headers={"accept-language": "en"}).get("/login/").text


@pytest.mark.parametrize(
    ("theme", "drawn"),
    [
        ("dark", 'data-theme="dark" data-bs-theme="dark">'),
        ("light", 'data-theme="light" data-bs-theme="light">'),
        ("system", 'data-theme="system">'),
    ],
)
def test_the_chosen_colours_are_in_the_page_itself_without_any_script(account, theme, drawn):
    choose(browser(account), theme="dark")
    choose(browser(account), theme=theme)

    html = page(browser(account))
    assert f'<html lang="en" {drawn}' in html
    assert f'name="theme" value="{theme}" aria-pressed="true"' in html
    assert html.count('aria-pressed="true"') == 1


def test_before_signing_in_the_page_names_no_colours(db):
    assert '<html lang="en">' in Client().get("/login/").text


def test_a_choice_leaves_the_others_as_they_are(account):
    client = browser(account)
    choose(client, language="fr")
    choose(client, theme="dark")
    choose(client, page_size="25")

    account.refresh_from_db()
    assert (account.language, account.theme, account.page_size) == ("fr", "dark", 25)


@pytest.mark.parametrize(
    "wrong",
    [
        {"language": "xx"},
        {"language": "fr', theme='dark"},
        {"theme": "pink"},
        {"page_size": "1000000"},
        {"page_size": "x"},
        {"password": "x", "superadmin": "1"},
        {},
    ],
)
def test_what_nobody_can_choose_is_not_stored(account, wrong):
    rows = type(account).objects.filter(pk=account.pk).values()
    before = rows.get()
    choose(browser(account), **wrong)

    assert rows.get() == before


def test_nobody_chooses_for_others(account, add_mailbox, make_admin):
    others = [make_admin("other@example.org"), add_mailbox("other@example.org")]
    choose(browser(account), language="fr", username="other@example.org")

    for other in others:
        other.refresh_from_db()
        assert other.language == ""


def test_an_administrator_and_a_mailbox_of_one_name_choose_apart(
    example_org, make_admin, add_mailbox
):
    admin, mailbox = make_admin("joe@example.org", superadmin=True), add_mailbox("joe@example.org")
    choose(browser(mailbox), theme="dark")

    admin.refresh_from_db()
    mailbox.refresh_from_db()
    assert (admin.theme, mailbox.theme) == ("", "dark")


def test_a_stranger_chooses_the_language_of_this_browser_alone(client, db):
    assert choose(client, theme="dark").url == "/login/?next=/preferences/"
    assert client.get(reverse("preferences")).status_code == 302


def test_a_choice_is_a_post(account):
    assert browser(account).get(reverse("preferences"), {"theme": "dark"}).status_code == 405


def test_one_is_back_on_the_page_one_came_from(account):
    client = browser(account)
    came_from = {"HTTP_REFERER": "http://testserver/log/?person=ann"}

    def led(data, **headers):
        return client.post(reverse("preferences"), data, **headers).url

    assert led({"language": "fr"}, **came_from) == "http://testserver/log/?person=ann"
    assert led({"page_size": "25", "next": "/aliases/?q=a"}, **came_from) == "/aliases/?q=a"
    assert led({"theme": "dark", "next": "https://elsewhere.example/"}) == "/"


def test_a_script_gets_no_page_for_an_answer(account):
    client = browser(account)

    answer = client.post(
        reverse("preferences"), {"theme": "dark"}, headers={"accept": "application/json"}
    )

    assert (answer.status_code, answer.content) == (204, b"")


def test_every_list_has_as_many_rows_as_were_chosen(example_org, make_admin, add_alias):
    for number in range(30):
        add_alias(f"a{number:02}@example.org", "x@elsewhere.example")
    admin = make_admin(domains=["example.org"])

    def rows(**query):
        client = browser(admin)
        lists = (reverse("alias-list"), reverse("log"), reverse("domain", args=["example.org"]))
        return [len(client.get(path, query).context["object_list"]) for path in lists]

    assert rows() == [30, 31, 30]
    choose(browser(admin), page_size="25")
    assert rows() == [25, 25, 25]
    assert rows(size=50) == [30, 31, 30]


def test_the_number_of_rows_leads_back_to_the_first_page_with_its_filter(
    example_org, make_admin, add_alias
):
    for number in range(60):
        add_alias(f"a{number:02}@example.org", "x@elsewhere.example")
    client = browser(make_admin(domains=["example.org"]))

    html = client.get("/aliases/?q=a&size=25&after=a03%40example.org").text

    assert re.findall('name="next" value="([^"]*)"', html)[-1] == "/aliases/?q=a"


def test_preferences_cost_no_statement(account):
    client = browser(account)

    def cost():
        with CaptureQueriesContext(connection) as asked:
            page(client)
        return len(asked)

    before = cost()
    choose(client, language="fr", theme="dark", page_size="25")
    assert cost() == before


def test_a_language_that_is_gone_is_the_browsers_again(account):
    type(account).objects.update(language="eo")

    assert '<html lang="en"' in page(browser(account))
