import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import LogEntry
from accounts.passwords import verify_password
from domains.services import create_alias_domain
from mailboxes.identities import MOST
from mailboxes.models import Mailbox
from mailboxes.services import set_mailbox_active, update_mailbox

SECRET = "s" * 40
NEW = "another-9-bicycle"
IP = "192.0.2.9"


@pytest.fixture
def mailbox(example_org, add_mailbox):
    return add_mailbox("joe@example.org", name="Joe Doe")


@pytest.fixture
def ask(settings):
    """``ask("webmail-password", user=…)``: Roundcube, which has neither cookies nor a form's token."""
    settings.WEBMAIL_SECRET = SECRET
    client = Client(enforce_csrf_checks=True)

    def ask(name, secret=SECRET, language="en", **values):
        headers = {"Authorization": f"Bearer {secret}", "Accept-Language": language}
        return client.post(reverse(name), values, headers=headers)

    return ask


@pytest.fixture
def change(ask, password):
    def change(old=password, new=NEW, user="joe@example.org", **others):
        return ask(
            "webmail-password", user=user, old_password=old, password=new, client=IP, **others
        )

    return change


def addresses(answer):
    return answer.json()["addresses"]


def is_password(text):
    stored = Mailbox.objects.values_list("password", flat=True).get(pk="joe@example.org")
    return verify_password(text, stored)[0]


@pytest.mark.parametrize("name", ["webmail-identities", "webmail-password"])
def test_nobody_gets_an_answer_without_the_secret(name, ask, mailbox, password, settings):
    values = {"user": mailbox.pk, "old_password": password, "password": NEW}

    assert ask(name, secret="t" * 40, **values).status_code == 404
    assert ask(name, secret="", **values).status_code == 404
    assert Client().post(reverse(name), values).status_code == 404
    settings.WEBMAIL_SECRET = ""
    assert ask(name, secret="", **values).status_code == 404
    assert not is_password(NEW)


@pytest.mark.parametrize("name", ["webmail-identities", "webmail-password"])
def test_a_link_asks_nothing(name, settings, mailbox):
    settings.WEBMAIL_SECRET = SECRET
    answer = Client().get(reverse(name), headers={"Authorization": f"Bearer {SECRET}"})

    assert answer.status_code == 405


def test_the_identities_are_what_the_mailbox_may_send_as(
    ask, mailbox, add_domain, add_mailbox, add_alias
):
    other = add_mailbox("ann@example.org")
    add_alias("sales@example.org", mailbox.pk, other.pk)
    add_alias("staff@example.org", "sales@example.org")
    add_alias("ann-only@example.org", other.pk)
    add_alias("@example.org", mailbox.pk)
    add_alias("asleep@example.org", mailbox.pk, active=False)
    create_alias_domain(
        actor=None, alias_domain=add_domain("second.example"), target_domain=mailbox.domain
    )
    add_alias("sales@second.example", other.pk)

    answer = ask("webmail-identities", user="Joe@Example.org")

    assert answer.json() == {
        "name": "Joe Doe",
        "addresses": ["joe@example.org", "joe@second.example", "sales@example.org"],
        "created": int(mailbox.created.timestamp()),
    }


def test_a_mailbox_that_may_not_send_has_no_identities(ask, mailbox):
    update_mailbox(actor=None, mailbox=mailbox, smtp_active=False)

    assert addresses(ask("webmail-identities", user=mailbox.pk)) == []


def test_a_mailbox_that_is_off_has_no_answer(ask, change, mailbox):
    set_mailbox_active(actor=None, mailbox=mailbox, active=False)

    assert ask("webmail-identities", user=mailbox.pk).status_code == 404
    assert change().status_code == 422
    assert not is_password(NEW)


def test_a_mailbox_in_very_many_aliases_gets_the_first_of_them(ask, mailbox, add_alias):
    for number in range(MOST + 5):
        add_alias(f"list-{number:04}@example.org", mailbox.pk)

    found = addresses(ask("webmail-identities", user=mailbox.pk))

    assert (len(found), found[0]) == (MOST, mailbox.pk)


def test_the_statements_stay_few(ask, mailbox, add_alias, django_assert_max_num_queries):
    for number in range(20):
        add_alias(f"list-{number}@example.org", mailbox.pk)

    with django_assert_max_num_queries(7):
        ask("webmail-identities", user=mailbox.pk)


def test_a_password_is_changed_with_the_old_one_and_logged(change, mailbox):
    answer = change()

    assert (answer.status_code, answer.content) == (200, b"OK")
    assert is_password(NEW)
    [entry] = LogEntry.objects.filter(action="edit_password", data=mailbox.pk)
    assert entry.username == f"{mailbox.pk} ({IP})"


def test_a_wrong_old_password_changes_nothing(change, mailbox, password):
    answer = change(old="wrong")

    assert (answer.status_code, answer.content.decode()) == (
        422,
        "This is not your current password.",
    )
    assert is_password(password)


def test_a_refusal_is_a_sentence_in_the_users_language(change, mailbox):
    answer = change(language="fr-FR", new="short")

    assert answer.status_code == 422
    assert "caractères" in answer.content.decode()


def test_whoever_guesses_must_wait_and_nobody_else(change, ask, mailbox, password, settings):
    for _attempt in range(settings.LOGIN_FAILURES):
        assert change(old="wrong").status_code == 422

    assert change().status_code == 429
    assert is_password(password)
    elsewhere = ask(
        "webmail-password",
        user=mailbox.pk,
        old_password=password,
        password=NEW,
        client="198.51.100.4",
    )
    assert elsewhere.status_code == 200


def test_an_administrator_has_no_password_here(change, make_admin):
    make_admin("boss@example.org")

    assert change(user="boss@example.org").status_code == 422
