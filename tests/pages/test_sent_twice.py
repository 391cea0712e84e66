from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import LogEntry
from aliases.models import Alias
from mailboxes.models import Mailbox
from mailboxes.services import delete_mailbox
from panel.models import FormAnswer
from panel.once import KEPT
from tests.making import PASSWORD
from tests.pages.reading import hidden_inputs, text, told


def opened(client, address, **values):
    [token] = set(hidden_inputs(client.get(address))["csrfmiddlewaretoken"])
    return {"csrfmiddlewaretoken": token} | values


ALIAS = {"domain": "example.org", "local_part": "sales", "targets": "a@b.example"}


def test_a_second_click_is_answered_as_the_first(admin):
    address = reverse("alias-create")
    form = opened(admin, address, **ALIAS)

    first = admin.post(address, form)
    assert told(first) == ["Alias sales@example.org created."]
    admin.get("/", follow=True)
    second = admin.post(address, form)

    assert (first.status_code, first.url) == (302, "/aliases/sales@example.org/")
    assert (second.status_code, second.url) == (302, "/aliases/sales@example.org/")
    assert told(second) == ["Alias sales@example.org created."]
    assert Alias.objects.filter(pk="sales@example.org").count() == 1
    assert LogEntry.objects.filter(action="create_alias").count() == 1


def test_a_link_in_the_message_is_a_link_the_second_time_too(superadmin):
    address = reverse("domain-create")
    limits = {f"{name}_0": "unlimited" for name in ("aliases", "mailboxes", "maxquota", "quota")}
    form = opened(superadmin, address, name="new.example", **limits)

    superadmin.post(address, form)
    superadmin.get("/", follow=True)
    page = superadmin.post(address, form, follow=True)

    link = '<a href="/domains/new.example/new/">Add its first mailbox</a>'
    assert f"Domain new.example created. {link}" in page.text


def test_the_same_words_in_another_page_are_another_form(admin):
    address = reverse("alias-create")
    admin.post(address, opened(admin, address, **ALIAS))

    again = admin.post(address, opened(admin, address, **ALIAS))

    assert again.status_code == 422
    assert "sales@example.org exists already" in text(again)


def test_other_words_in_the_same_page_are_another_form(admin):
    address = reverse("alias-create")
    form = opened(admin, address, **ALIAS)
    admin.post(address, form)

    admin.post(address, form | {"local_part": "shop"})

    assert Alias.objects.filter(pk="shop@example.org").exists()


def test_what_a_script_sends_with_one_token_is_done_each_time(admin, add_alias, example_org):
    alias = add_alias("sales@example.org", "a@b.example")
    address = reverse("alias-state", args=[alias.pk])
    admin.get(address)
    form = {"csrfmiddlewaretoken": admin.cookies["mailadmin_csrf"].value}

    for active, stored in (("0", False), ("1", True), ("0", False)):
        admin.post(address, form | {"active": active})
        alias.refresh_from_db()
        assert alias.active is stored


def test_nobody_else_is_answered_as_the_first(admin, make_admin):
    address = reverse("alias-create")
    form = opened(admin, address, **ALIAS)
    admin.post(address, form)
    other = Client()
    other.force_login(
        make_admin("second@example.org", domains=["example.org"]),
        backend="accounts.backends.AdminBackend",
    )

    assert other.post(address, form).status_code == 422


def test_what_was_refused_is_done_when_it_is_sent_again(admin, add_alias, example_org):
    address = reverse("alias-create")
    form = opened(admin, address, **ALIAS)
    in_the_way = add_alias("sales@example.org", "x@b.example")
    assert admin.post(address, form).status_code == 422

    in_the_way.delete()

    assert admin.post(address, form).status_code == 302


def test_a_second_click_on_delete_is_answered_as_the_first(admin, add_mailbox):
    add_mailbox("joe@example.org")
    address = reverse("mailbox-delete", args=["joe@example.org"])
    form = opened(admin, address)

    admin.post(address, form)
    admin.get("/", follow=True)
    second = admin.post(address, form)

    assert (second.status_code, second.url) == (302, "/mailboxes/?domain=example.org")
    assert told(second) == ["Mailbox joe@example.org deleted."]


def test_a_second_click_for_many_rows_is_answered_as_the_first(admin, add_mailbox):
    for name in ("ada", "ben"):
        add_mailbox(f"{name}@example.org")
    form = opened(admin, "/mailboxes/", action="delete", confirmed="1")
    form["selected"] = ["ada@example.org", "ben@example.org"]

    admin.post(reverse("mailbox-bulk"), form)
    admin.get("/", follow=True)
    second = admin.post(reverse("mailbox-bulk"), form)

    assert (second.status_code, second.url) == (302, "/mailboxes/")
    assert told(second) == ["2 mailboxes deleted."]


def test_a_click_while_many_rows_are_worked_on_says_so(admin, add_mailbox, monkeypatch):
    add_mailbox("ada@example.org")
    form = opened(admin, "/mailboxes/", action="delete", confirmed="1", selected="ada@example.org")
    answers = []

    def click_again(**kwargs):
        answers.append(admin.post(reverse("mailbox-bulk"), form))
        delete_mailbox(**kwargs)

    monkeypatch.setattr("mailboxes.services.delete_mailbox", click_again)

    admin.post(reverse("mailbox-bulk"), form)

    [meanwhile] = answers
    assert (meanwhile.status_code, meanwhile.url) == (302, "/mailboxes/")
    assert told(meanwhile) == [
        "This is being done already. Load the list again to see how far it is."
    ]
    assert Mailbox.objects.count() == 0


@pytest.fixture
def own_password(sign_in, make_admin, add_mailbox, example_org):
    """Returns, for an administrator or a mailbox's user: the client, the page, and what is typed."""

    def open_page(account):
        row = make_admin() if account == "admin" else add_mailbox("joe@example.org")
        client = sign_in(row)
        address = reverse("account" if account == "admin" else "own-password")
        return client, address, opened(client, address, **NEW_PASSWORD)

    return open_page


NEW_PASSWORD = {"old_password": PASSWORD, "password": "seven green bicycles"}
ACCOUNTS = pytest.mark.parametrize("account", ["admin", "mailbox"])


@ACCOUNTS
def test_a_second_click_on_the_own_password_is_answered_as_the_first(account, own_password):
    client, address, form = own_password(account)
    before = client.cookies[settings.SESSION_COOKIE_NAME].value

    first = client.post(address, form)
    ended = []
    for _click in range(2):  # the browser has not read the answer with its new session yet
        client.cookies[settings.SESSION_COOKIE_NAME] = before
        ended.append(client.post(address, form))

    assert {(click.status_code, click.url) for click in ended} == {(302, first.url)}
    page = text(client.get(first.url))
    said = {
        "admin": "Password changed. Other sessions are signed out.",
        "mailbox": "Saved just now",
    }
    assert page.count(said[account]) == 1
    assert LogEntry.objects.filter(action="edit_password").count() == 1


@ACCOUNTS
def test_the_session_before_a_new_password_opens_nothing_else(account, own_password):
    client, address, form = own_password(account)
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post(address, form)

    for again in ({}, form | {"password": "seven red bicycles"}, form | {"old_password": "x"}):
        client.cookies[settings.SESSION_COOKIE_NAME] = before
        answer = client.post(address, again) if again else client.get(address)
        assert (answer.status_code, answer.url.partition("?")[0]) == (302, "/login/")


def test_who_was_switched_off_meanwhile_is_not_let_in_by_a_second_click(own_password):
    client, address, form = own_password("mailbox")
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post(address, form)
    Mailbox.objects.update(active=False)

    client.cookies[settings.SESSION_COOKIE_NAME] = before
    assert client.post(address, form).url.partition("?")[0] == "/login/"


def test_answers_are_forgotten_after_some_minutes(admin):
    address = reverse("alias-create")
    form = opened(admin, address, **ALIAS)
    admin.post(address, form)
    FormAnswer.objects.update(at=timezone.now() - KEPT - timedelta(seconds=1))

    assert admin.post(address, form).status_code == 422
    admin.post(address, form | {"local_part": "shop"})
    assert list(FormAnswer.objects.values_list("url", flat=True)) == ["/aliases/shop@example.org/"]


def test_a_page_that_is_read_writes_no_answer(admin):
    admin.get(reverse("alias-create"))

    assert FormAnswer.objects.count() == 0
