import pytest
from django.db import connection
from django.urls import reverse

from mailboxes.models import Mailbox
from panel.models import FormAnswer
from tests.pages.reading import hidden_inputs, text, told

SECRET = "kilo-<mebu>-tavi-7392"
FORMS = {
    "mailbox-create": ([], {"local_part": "joe", "domain": "example.org", "quota_mb": "0"}),
    "mailbox-password": (["ann@example.org"], {}),
    "admin-create": ([], {"username": "joe@example.org"}),
    "admin-password": (["ann@example.org"], {}),
}


@pytest.fixture
def ann(add_mailbox, make_admin, superadmin):
    make_admin("ann@example.org")
    return add_mailbox("ann@example.org")


@pytest.mark.parametrize("name", FORMS)
def test_login_and_password_are_shown_to_be_handed_over(name, superadmin, ann):
    key, values = FORMS[name]
    login = key[0] if key else "joe@example.org"

    page = superadmin.post(reverse(name, args=key), values | {"password": SECRET})

    words = text(page)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert f"Login name {login} Password {SECRET}" in words
    assert ("Receiving (IMAP) mail.example.org, port 993" in words) is name.startswith("mailbox")
    assert "Panel http://testserver/login/" in words
    kind = name.partition("-")[0]
    assert page.context["next"] == reverse(kind, args=[login])


@pytest.mark.parametrize("name", ["mailbox-password", "admin-password"])
@pytest.mark.parametrize("came_from", ["/", "/mailboxes/?q=ann"])
def test_whoever_comes_from_a_list_is_shown_the_password_too(name, came_from, superadmin, ann):
    values = {"password": SECRET, "next": came_from}

    page = superadmin.post(reverse(name, args=["ann@example.org"]), values)

    assert f"Login name ann@example.org Password {SECRET}" in text(page)


def test_who_may_not_send_is_given_no_server_for_it(superadmin, ann):
    Mailbox.objects.update(smtp_active=False)

    page = superadmin.post(
        reverse("mailbox-password", args=["ann@example.org"]), {"password": SECRET}
    )

    assert "Sending (SMTP)" not in text(page)


def test_the_password_is_stored_nowhere(superadmin, ann):
    address = reverse("mailbox-password", args=["ann@example.org"])
    token = hidden_inputs(superadmin.get(address))["csrfmiddlewaretoken"][0]
    superadmin.post(address, {"password": SECRET, "csrfmiddlewaretoken": token})

    after = superadmin.get(reverse("mailbox", args=["ann@example.org"]))

    assert FormAnswer.objects.count() == 1
    assert "tavi" not in after.text
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            assert "tavi" not in str(cursor.fetchall())


def test_a_second_click_shows_it_too_for_the_first_answer_was_lost(superadmin, ann):
    address = reverse("mailbox-create")
    token = hidden_inputs(superadmin.get(address))["csrfmiddlewaretoken"][0]
    form = FORMS["mailbox-create"][1] | {"password": SECRET, "csrfmiddlewaretoken": token}

    superadmin.post(address, form)
    second = superadmin.post(address, form)

    assert second.status_code == 200
    assert f"Login name joe@example.org Password {SECRET}" in text(second)
    assert Mailbox.objects.filter(pk="joe@example.org").count() == 1


def test_a_refused_password_is_shown_to_nobody(superadmin, ann):
    page = superadmin.post(
        reverse("mailbox-password", args=["ann@example.org"]), {"password": "short"}
    )

    assert page.status_code == 422
    assert "short" not in text(page)
    assert told(page) == []
