"""The one page of a mailbox's user: password, forwarding, storage, sign-in help."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import LogEntry
from aliases.models import Alias
from mailboxes.forwarding import forwarding_of, self_alias, set_forwarding
from mailboxes.models import Mailbox, QuotaUsage
from mailboxes.services import set_mailbox_active
from tests.pages.reading import errors, text, told

MB = 1_024_000
NEW = "another-9-bicycle"


@pytest.fixture
def mailbox(example_org, add_mailbox):
    return add_mailbox("joe@example.org", quota=100 * MB)


@pytest.fixture
def user(mailbox, sign_in):
    return sign_in(mailbox)


def send_password(client, old, new=NEW):
    sent = {"form": "password", "password-old_password": old, "password-password": new}
    return client.post(reverse("account"), sent)


def send_forwarding(client, targets, keep_copy=True):
    sent = {"form": "forwarding", "forwarding-targets": targets}
    return client.post(
        reverse("account"), sent | ({"forwarding-keep_copy": "on"} if keep_copy else {})
    )


def test_the_page_shows_the_own_mailbox_and_no_administration(user, mailbox):
    QuotaUsage.objects.create(pk=mailbox.pk, bytes=60 * MB, messages=1234)

    page = user.get(reverse("account"))

    assert "joe@example.org Mail for you is delivered to this mailbox." in text(page)
    assert "60 % Messages 1,234" in text(page)
    assert "Receiving (IMAP) mail.example.org, port 993, SSL/TLS" in text(page)
    assert page.context["navigation"] is None
    assert b'href="/mailboxes/' not in page.content


def test_a_new_password_is_saved_without_a_look_at_the_forwarding(user, password):
    with CaptureQueriesContext(connection) as statements:
        response = send_password(user, old=password)

    assert response.status_code == 302
    assert [s["sql"] for s in statements if re.search("(FROM|JOIN) .alias", s["sql"])] == []


def test_before_the_first_mail_the_storage_is_empty(user):
    assert "0 MB of 100 MB, 0 % Messages 0" in text(user.get(reverse("account")))


def test_the_page_needs_few_statements(user, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        user.get(reverse("account"))


def test_a_new_password_needs_the_old_one(user, mailbox):
    page = send_password(user, "not-it-7-bicycle")

    assert page.status_code == 422
    assert errors(page, "password_form") == {"old_password": ["This is not your current password."]}
    assert errors(page, "forwarding_form") == {}
    mailbox.refresh_from_db()
    assert not mailbox.check_password(NEW)
    assert LogEntry.objects.filter(action="edit_password").count() == 0


def test_the_old_one_may_not_be_guessed_without_limit(user, mailbox, password, settings):
    settings.LOGIN_FAILURES = 2

    statuses = [send_password(user, "not-it-7-bicycle").status_code for _guess in range(3)]
    page = send_password(user, password)

    assert (statuses, page.status_code) == ([422, 422, 429], 429)
    mailbox.refresh_from_db()
    assert mailbox.check_password(password) is True
    assert user.get(reverse("account")).status_code == 200


@pytest.mark.parametrize("weak", ["short", "joe@example.org"])
def test_a_weak_password_is_refused(weak, user, password):
    page = send_password(user, password, weak)

    assert page.status_code == 422
    assert list(errors(page, "password_form")) == ["password"]


def test_after_a_new_password_this_session_goes_on_and_all_others_end(user, mailbox, password):
    elsewhere = Client()
    elsewhere.force_login(mailbox, backend="mailboxes.backends.MailboxBackend")
    assert elsewhere.get(reverse("account")).status_code == 200

    done = send_password(user, password)

    assert told(done) == ["Password changed. Use the new one in your mail programs too."]
    assert user.get(reverse("account")).status_code == 200
    assert elsewhere.get(reverse("account")).url == "/login/?next=/account/"
    mailbox.refresh_from_db()
    assert mailbox.check_password(NEW)
    entry = LogEntry.objects.get(action="edit_password")
    assert (entry.username, entry.data) == ("joe@example.org (127.0.0.1)", "joe@example.org")


def test_the_page_says_that_mail_stays_while_nobody_takes_what_is_forwarded(
    user, mailbox, add_mailbox
):
    late = add_mailbox("late@example.org")
    set_forwarding(actor=None, mailbox=mailbox, targets="late@example.org", keep_copy=False)
    assert "Mail for you goes to late@example.org." in text(user.get(reverse("account")))

    set_mailbox_active(actor=None, mailbox=late, active=False)
    assert "Mail for you is delivered to this mailbox." in text(user.get(reverse("account")))


def test_forwarding_is_set_and_ended_by_the_user(user, mailbox):
    done = send_forwarding(user, "joe@elsewhere.example")
    assert told(done) == ["Forwarding saved."]
    assert forwarding_of(self_alias(mailbox)) == (["joe@elsewhere.example"], True)
    assert "and a copy goes to joe@elsewhere.example." in text(user.get(reverse("account")))
    assert LogEntry.objects.get(action="edit_forwarding").actor == "joe@example.org"

    send_forwarding(user, "a@elsewhere.example, b@elsewhere.example", keep_copy=False)
    page = text(user.get(reverse("account")))
    assert "Mail for you goes to 2 other addresses. Nothing is kept in this mailbox." in page

    send_forwarding(user, "")
    assert forwarding_of(self_alias(mailbox)) == ([], True)


def test_an_address_that_is_too_long_for_its_line_ends_it_behind_the_at(user, mailbox):
    page = user.get(reverse("account")).content.decode()

    assert f"<h1><span>{mailbox.pk.replace('@', '@<wbr>')}</span></h1>" in page


def test_the_page_says_when_another_program_deactivated_the_forwarding(user, mailbox):
    set_forwarding(actor=None, mailbox=mailbox, targets="joe@elsewhere.example", keep_copy=False)
    Alias.objects.filter(pk=mailbox.pk).update(active=False)
    page = user.get(reverse("account"))
    assert page.context["forwarding_inactive"] is True
    assert "delivered to this mailbox" in text(page)

    send_forwarding(user, "joe@elsewhere.example", keep_copy=False)
    page = text(user.get(reverse("account")))
    assert "Mail for you goes to joe@elsewhere.example. Nothing is kept in this mailbox." in page


def test_a_wrong_target_is_named_and_nothing_written(user, mailbox):
    page = send_forwarding(user, "nobody")

    assert page.status_code == 422
    assert errors(page, "forwarding_form") == {
        "targets": ["“nobody” is not an e-mail address. Write it like name@example.org."]
    }
    assert errors(page, "password_form") == {}
    assert forwarding_of(self_alias(mailbox)) == ([], True)


def test_a_loop_is_refused_with_its_path(user, add_alias):
    add_alias("sales@example.org", "joe@example.org")

    page = send_forwarding(user, "sales@example.org")

    assert errors(page, "forwarding_form") == {
        "targets": [
            "This would create a mail loop: joe@example.org → sales@example.org → joe@example.org."
        ]
    }


def test_what_the_service_finds_late_is_told_on_the_form(user, monkeypatch):
    def late(**kwargs):
        raise ValidationError("Somebody was faster.", "late")

    monkeypatch.setattr("mailboxes.forwarding.set_forwarding", late)

    page = send_forwarding(user, "joe@elsewhere.example")

    assert errors(page, "forwarding_form") == {"__all__": ["Somebody was faster."]}


def test_what_others_stored_is_shown_as_text(user, mailbox):
    hostile = "<script>alert(1)</script>@example.org"
    set_forwarding(actor=None, mailbox=mailbox, targets="a@elsewhere.example", keep_copy=True)
    mailbox.domain.alias_set.filter(pk=mailbox.pk).update(goto=hostile)

    page = user.get(reverse("account"))

    assert b"<script>alert" not in page.content
    assert hostile in text(page)


def test_a_form_that_does_not_exist_is_not_found(user):
    assert user.post(reverse("account"), {"form": "quota"}).status_code == 404


def test_a_user_whose_mailbox_is_deactivated_is_signed_out(user, mailbox):
    Mailbox.objects.filter(pk=mailbox.pk).update(active=False)

    assert user.get(reverse("account")).status_code == 302
