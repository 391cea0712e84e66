import re

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse, reverse_lazy

from accounts.models import LogEntry
from aliases.models import Alias
from aliases.targets import MAX_TARGETS
from mailboxes.forms import OwnMailboxPasswordForm
from mailboxes.forwarding import forwarding_of, self_alias, set_forwarding
from mailboxes.models import Mailbox, QuotaUsage
from mailboxes.services import set_mailbox_active
from tests.pages.reading import errors, hidden_inputs, links, text, told

MB = 1_024_000
OWN_TASKS = ["own-forwarding", "own-password", "own-room", "own-setup"]
OWN_TASKS += ["own-app-passwords", "own-app-password-new", "own-app-only", "own-away"]
NEW = "another-9-bicycle"


@pytest.fixture
def mailbox(example_org, add_mailbox):
    return add_mailbox("joe@example.org", quota=100 * MB)


@pytest.fixture
def user(mailbox, sign_in):
    return sign_in(mailbox)


PASSWORD, FORWARDING = reverse_lazy("own-password"), reverse_lazy("own-forwarding")


def send_password(client, old, new=NEW):
    return client.post(PASSWORD, {"old_password": old, "password": new})


def send_forwarding(client, *targets, keep_copy=True):
    return client.post(FORWARDING, {"targets": targets, "keep_copy": "1" if keep_copy else "0"})


def rows_page(client):
    return text(client.get(reverse("account")))


def test_the_page_has_a_row_for_each_task_and_no_administration(user, mailbox):
    QuotaUsage.objects.create(pk=mailbox.pk, bytes=60 * MB, messages=1234)

    page = user.get(reverse("account"))

    assert "60 of 100 MB used. How to make room" in text(page)
    tasks = "Forwarding Off Away message Off Password Second factor Off Set up phone or computer"
    more = (
        "More Addresses, sharing, sessions"
        " Sending and sharing As which addresses, and who else"
        " App passwords Other address None Sessions Where you are signed in Time zone UTC"
    )
    assert f"{tasks} {more}" in text(page)
    assert links(page) == [
        "/account/room/",
        "/account/forwarding/",
        "/account/away/",
        "/account/password/",
        "/account/factor/",
        "/account/setup/",
        "/account/send-as/",
        "/account/app-passwords/",
        "/account/address/",
        "/account/sessions/",
        "/account/time-zone/",
    ]
    assert page.context["navigation"] is None


def test_what_was_saved_among_more_is_seen(user):
    page = user.post(reverse("own-time-zone"), {"time_zone": "Europe/Berlin"}, follow=True)
    assert '<details class="more-rows" open>' in page.text
    assert '<details class="more-rows">' in user.get(reverse("account")).text


@pytest.mark.parametrize(
    ("used", "said"),
    [
        (0, "0 of 100 MB used."),
        (80, "80 of 100 MB · nearly full. At 100 MB new mail is refused."),
        (100, "100 of 100 MB · full. New mail is refused."),
    ],
)
def test_the_storage_says_when_mail_will_be_refused(used, said, user, mailbox):
    QuotaUsage.objects.create(pk=mailbox.pk, bytes=used * MB)

    assert said in rows_page(user)
    assert said in text(user.get(reverse("own-room")))


def test_without_a_quota_nothing_gets_full(user, mailbox):
    Mailbox.objects.update(quota=0)

    assert "0 MB used, no limit." in rows_page(user)


def test_the_webmail_is_one_click_where_there_is_one(user, settings):
    assert "Open webmail" not in rows_page(user)

    settings.WEBMAIL_URL = "https://webmail.example.org/"

    assert "https://webmail.example.org/" in links(user.get(reverse("account")))


@pytest.mark.parametrize("name", OWN_TASKS)
def test_an_administrator_has_no_such_pages(name, admin):
    assert admin.get(reverse(name)).status_code == 404
    assert admin.post(reverse(name)).status_code == 404


@pytest.mark.parametrize("app", ["iphone", "android", "thunderbird", "outlook", "other", "none"])
def test_each_mail_program_is_given_the_values_to_copy(app, user):
    page = user.get(reverse("own-setup"), {"app": app})

    words = text(page)
    assert "Login name joe@example.org Copy" in words
    assert "Receiving (IMAP) mail.example.org Copy Port 993, SSL/TLS" in words
    assert "Sending (SMTP) mail.example.org Copy Port 465, SSL/TLS; or 587, STARTTLS" in words
    assert page.text.count('aria-current="page"') == 1


def test_who_may_not_send_is_told_so(user, mailbox):
    Mailbox.objects.update(smtp_active=False)

    words = text(user.get(reverse("own-setup")))
    assert "This mailbox may not send through this server." in words
    assert "465" not in words


def test_a_new_password_is_saved_without_a_look_at_the_forwarding(user, password):
    with CaptureQueriesContext(connection) as statements:
        response = send_password(user, old=password)

    assert response.status_code == 302
    assert [s["sql"] for s in statements if re.search("(FROM|JOIN) .alias", s["sql"])] == []


def test_the_page_needs_few_statements(user, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        user.get(reverse("account"))


def test_a_new_password_needs_the_old_one(user, mailbox):
    page = send_password(user, "not-it-7-bicycle")

    assert page.status_code == 422
    assert errors(page) == {"old_password": ["This is not your current password."]}
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
    assert list(errors(page)) == ["password"]


def test_the_row_says_when_the_password_was_changed(user, mailbox, password):
    assert "Changed" not in rows_page(user)
    send_password(user, password)

    said = "Saved just now. Use the new one in your mail programs too."
    assert re.search(f"Password Changed \\w+ \\d+ {said}", rows_page(user))
    assert said not in rows_page(user)
    assert "Password Changed" in rows_page(user)


def test_two_clicks_under_way_together_are_one_new_password(user, mailbox, password, monkeypatch):
    [token] = set(hidden_inputs(user.get(PASSWORD))["csrfmiddlewaretoken"])
    form = {"csrfmiddlewaretoken": token, "old_password": password, "password": NEW}
    second, answers = Client(), []
    second.cookies.load({name: morsel.value for name, morsel in user.cookies.items()})
    is_valid = OwnMailboxPasswordForm.is_valid

    def click_meanwhile(bound):
        monkeypatch.undo()
        answers.append(user.post(PASSWORD, form))
        return is_valid(bound)

    monkeypatch.setattr(OwnMailboxPasswordForm, "is_valid", click_meanwhile)

    answers.append(second.post(PASSWORD, form))

    assert [(answer.status_code, answer.url) for answer in answers] == [(302, "/account/")] * 2
    assert LogEntry.objects.filter(action="edit_password").count() == 1
    assert second.get(reverse("account")).status_code == 200


def test_after_a_new_password_this_session_goes_on_and_all_others_end(user, mailbox, password):
    elsewhere = Client()
    elsewhere.force_login(mailbox, backend="mailboxes.backends.MailboxBackend")
    assert elsewhere.get(reverse("account")).status_code == 200

    done = send_password(user, password)

    assert told(done) == ["Saved just now. Use the new one in your mail programs too."]
    assert user.get(reverse("account")).status_code == 200
    assert elsewhere.get(reverse("account")).url == "/login/?next=/account/"
    mailbox.refresh_from_db()
    assert mailbox.check_password(NEW)
    entry = LogEntry.objects.get(action="edit_password")
    assert (entry.username, entry.data) == ("joe@example.org (127.0.0.1)", "joe@example.org")


def test_the_row_says_that_mail_stays_while_nobody_takes_what_is_forwarded(
    user, mailbox, add_mailbox
):
    late = add_mailbox("late@example.org")
    set_forwarding(actor=None, mailbox=mailbox, targets="late@example.org", keep_copy=False)
    assert "Forwarding to late@example.org · no copy kept" in rows_page(user)

    set_mailbox_active(actor=None, mailbox=late, active=False)
    said = "to late@example.org · it can receive no mail, so all stays here"
    assert said in rows_page(user)


def test_forwarding_is_set_and_ended_by_the_user(user, mailbox):
    done = send_forwarding(user, "joe@elsewhere.example")
    assert (done.status_code, done.url) == (302, "/account/")
    assert forwarding_of(self_alias(mailbox)) == (["joe@elsewhere.example"], True)
    said = "Forwarding to joe@elsewhere.example · copy kept"
    assert f"{said} Saved just now Undo Away message" in rows_page(user)
    assert f"{said} Away message" in rows_page(user)
    assert LogEntry.objects.get(action="edit_forwarding").actor == "joe@example.org"

    send_forwarding(user, "a@elsewhere.example", "", "b@elsewhere.example", keep_copy=False)
    assert "Forwarding to 2 external addresses · no copy kept" in rows_page(user)

    send_forwarding(user, "")
    assert forwarding_of(self_alias(mailbox)) == ([], True)
    assert "Forwarding Off" in rows_page(user)


def test_a_second_click_on_forwarding_is_answered_as_the_first(user):
    [token] = set(hidden_inputs(user.get(FORWARDING))["csrfmiddlewaretoken"])
    form = {"csrfmiddlewaretoken": token, "targets": "joe@elsewhere.example", "keep_copy": "1"}

    assert [user.post(FORWARDING, form).url for _click in range(2)] == ["/account/"] * 2
    assert LogEntry.objects.filter(action="edit_forwarding").count() == 1


def test_one_more_address_is_asked_for_without_javascript(user, mailbox):
    set_forwarding(actor=None, mailbox=mailbox, targets="a@elsewhere.example", keep_copy=True)
    digests = hidden_inputs(user.get(FORWARDING))["initial_digests"]

    form = {"targets": ["a@elsewhere.example", "not yet"], "keep_copy": "0", "another": "1"}
    page = user.post(FORWARDING, form)

    assert page.status_code == 200
    assert re.findall('type="email".*? value="(.*?)"', page.text) == [*form["targets"], ""]
    assert 'value="0" checked' in page.text
    assert hidden_inputs(page)["initial_digests"] == digests
    assert forwarding_of(self_alias(mailbox)) == (["a@elsewhere.example"], True)


@pytest.mark.parametrize("own", ["joe@example.org", " Joe@Example.org "])
def test_the_own_address_is_refused_at_the_field(own, user, mailbox):
    page = send_forwarding(user, "a@elsewhere.example", own)

    assert page.status_code == 422
    assert errors(page) == {
        "targets": [
            "joe@example.org is this mailbox itself. To keep mail here, choose “Keep a copy here”."
        ]
    }
    assert forwarding_of(self_alias(mailbox)) == ([], True)


def test_too_many_recipients_are_no_trouble_of_the_database(user, mailbox):
    page = send_forwarding(user, ",".join(f"u{n}@a.example" for n in range(MAX_TARGETS + 1)))

    assert page.status_code == 422
    assert forwarding_of(self_alias(mailbox)) == ([], True)


def test_an_address_that_is_too_long_for_its_line_ends_it_behind_the_at(user, mailbox):
    page = user.get(reverse("account")).content.decode()

    assert f"<h1>{mailbox.pk.replace('@', '@<wbr>')}</h1>" in page


def test_the_page_says_when_another_program_deactivated_the_forwarding(user, mailbox):
    set_forwarding(actor=None, mailbox=mailbox, targets="joe@elsewhere.example", keep_copy=False)
    Alias.objects.filter(pk=mailbox.pk).update(active=False)
    page = user.get(reverse("account"))
    assert page.context["forwarding_off"] is True
    assert "to joe@elsewhere.example · off: all mail stays here" in text(page)
    assert "Save it below to switch it on." in text(user.get(FORWARDING))

    send_forwarding(user, "joe@elsewhere.example", keep_copy=False)
    assert "Forwarding to joe@elsewhere.example · no copy kept" in rows_page(user)


def test_a_wrong_target_is_named_and_nothing_written(user, mailbox):
    page = send_forwarding(user, "nobody")

    assert page.status_code == 422
    assert errors(page) == {
        "targets": ["“nobody” is not an e-mail address. Write it like name@example.org."]
    }
    assert forwarding_of(self_alias(mailbox)) == ([], True)


def test_a_loop_is_refused_with_its_path(user, add_alias):
    add_alias("sales@example.org", "joe@example.org")

    page = send_forwarding(user, "sales@example.org")

    assert errors(page) == {
        "targets": [
            "This would create a mail loop: joe@example.org → sales@example.org → joe@example.org."
        ]
    }


def test_what_the_service_finds_late_is_told_on_the_form(user, monkeypatch):
    def late(**kwargs):
        raise ValidationError("Somebody was faster.", "late")

    monkeypatch.setattr("mailboxes.forwarding.set_forwarding", late)

    page = send_forwarding(user, "joe@elsewhere.example")

    assert errors(page) == {"__all__": ["Somebody was faster."]}
    assert "Somebody was faster." in text(page)


def test_what_others_stored_is_shown_as_text(user, mailbox):
    hostile = "<script>alert(1)</script>@example.org"
    set_forwarding(actor=None, mailbox=mailbox, targets="a@elsewhere.example", keep_copy=True)
    mailbox.domain.alias_set.filter(pk=mailbox.pk).update(goto=hostile)

    for name in ("account", "own-forwarding"):
        page = user.get(reverse(name))
        assert b"<script>alert" not in page.content
        assert "&lt;script&gt;alert(1)" in page.text


def test_a_user_whose_mailbox_is_deactivated_is_signed_out(user, mailbox):
    Mailbox.objects.filter(pk=mailbox.pk).update(active=False)

    assert user.get(reverse("account")).status_code == 302
