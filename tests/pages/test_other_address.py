"""The address to which a link goes when the password is forgotten."""

import pytest
from django.core import mail
from django.urls import reverse

from accounts.models import LogEntry
from accounts.services import update_admin
from mailboxes.services import update_mailbox
from tests.pages.own_factor import fresh
from tests.pages.reading import error_codes

OLD, NEW = "old@elsewhere.test", "new@elsewhere.test"


@pytest.fixture
def joe(account):
    type(account).objects.filter(pk=account.pk).update(email_other=OLD)
    return fresh(account)


@pytest.fixture
def told(django_capture_on_commit_callbacks):
    def run(act):
        with django_capture_on_commit_callbacks(execute=True):
            answer = act()
        return answer, [message.to for message in mail.outbox]

    return run


def change(client, **fields):
    return client.post(reverse("own-address"), fields)


def test_the_owner_changes_it_with_the_password_and_is_told_everywhere(
    joe, sign_in, password, told
):
    client = sign_in(joe)

    answer, mails = told(lambda: change(client, email_other=NEW, old_password=password))

    assert (answer.status_code, answer.url) == (302, "/account/")
    assert fresh(joe).email_other == NEW
    assert mails == [[joe.pk, NEW, OLD]]
    entry = LogEntry.objects.latest("pk")
    assert entry.changes == {"email_other": [OLD, NEW]}
    assert NEW in client.get("/account/").text


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"email_other": NEW, "old_password": "another"}, {"old_password": ["wrong_password"]}),
        ({"email_other": NEW}, {"old_password": ["required"]}),
        ({"email_other": "nonsense"}, {"email_other": ["invalid"], "old_password": ["required"]}),
    ],
)
def test_not_without_the_password(fields, wrong, joe, sign_in, told):
    answer, mails = told(lambda: change(sign_in(joe), **fields))

    assert answer.status_code == 422
    assert error_codes(answer) == wrong
    assert fresh(joe).email_other == OLD
    assert mails == []


def test_a_wrong_password_counts(joe, sign_in, settings, password):
    settings.LOGIN_FAILURES = 1
    client = sign_in(joe)
    change(client, email_other=NEW, old_password="another")

    assert change(client, email_other=NEW, old_password=password).status_code == 429


def test_when_a_manager_changes_it_the_person_is_told(account, joe, told):
    update = update_mailbox if joe.is_mailbox_user else update_admin
    what = {"mailbox" if joe.is_mailbox_user else "admin": joe}

    _row, mails = told(lambda: update(actor=None, email_other=NEW, **what))

    assert mails == [[joe.pk, NEW, OLD]]
    assert "An administrator did that" in mail.outbox[0].body
    assert LogEntry.objects.latest("pk").changes == {"email_other": [OLD, NEW]}


def test_a_superadmin_does_not_get_round_the_password(root, client_of_root):
    answer = client_of_root.post(
        reverse("admin-edit", args=[root.pk]), {"superadmin": "on", "email_other": NEW}
    )

    assert answer.status_code == 422
    assert error_codes(answer) == {"email_other": ["oneself"]}
    assert fresh(root).email_other == ""
